package import ArmFormats
internal import Bits

/// A kind of record that can be taken apart, by the name that a user types.
package enum RecordKind: String, CaseIterable, Sendable {
  case event
  case ste
  case cd
  case l1std
  case l1cd
  case command
  case descriptor
  case itsCommand = "its-command"
  case dte
  case ite
  case lpiConfig = "lpi-config"

  /// Number of 64-bit words in a record.
  package var wordCount: Int {
    switch self {
    case .event, .itsCommand: 4
    case .ste, .cd: 8
    case .command, .ite: 2
    case .l1std, .l1cd, .descriptor, .dte, .lpiConfig: 1
    }
  }

  /// Name of the record, for messages.
  package var name: String {
    switch self {
    case .event: "SMMUv3 event record"
    case .ste: "stream table entry"
    case .cd: "context descriptor"
    case .l1std: "level 1 stream table descriptor"
    case .l1cd: "level 1 context descriptor table descriptor"
    case .command: "SMMUv3 command"
    case .descriptor: "VMSAv8-64 translation table descriptor"
    case .itsCommand: "ITS command"
    case .dte: "ITS device table entry"
    case .ite: "ITS interrupt translation entry"
    case .lpiConfig: "LPI configuration byte"
    }
  }
}

/// Context of a record that is taken apart.
package struct DecodeContext: Sendable {
  /// Base addresses of ITSs, to recognise their doorbells (base + 0x10040).
  package var itsBases: [UInt64] = []
  /// The stage that a descriptor belongs to, 1 or 2.
  package var stage = 1
  /// The level that a descriptor stands at, 0 to 3, or `nil` where it is not known.
  package var level: UInt64?
  package var granule = TranslationGranule.kib4
  /// Words that are not known and stand as zero.
  package var missing: [Int] = []

  package init() {}
}

extension RecordKind {
  /// Takes apart the record whose words are `words`; missing words read as zero, and a remark
  /// says so. ITS tables have no architected format: a DTE and an ITE are read in two of them.
  package func decode(_ words: [UInt64], context: DecodeContext = .init()) -> [DecodedRecord] {
    var records: [DecodedRecord]
    switch self {
    case .event: records = [EventRecord(words: words).decoded(context)]
    case .ste: records = [StreamTableEntry(words: words).decoded()]
    case .cd: records = [ContextDescriptor(words: words).decoded()]
    case .l1std: records = [StreamTableDescriptor(words: words).decoded()]
    case .l1cd: records = [ContextTableDescriptor(words: words).decoded()]
    case .command: records = [SMMUCommand(words: words).decoded()]
    case .descriptor: records = [TranslationDescriptor(words: words).decoded(context)]
    case .itsCommand: records = [ITSCommand(words: words).decoded()]
    case .dte:
      records = [
        ITSDeviceEntry(words: words).decoded(), SavedDeviceEntry(words: words).decoded(),
      ]
    case .ite:
      records = [
        ITSInterruptEntry(words: words).decoded(), SavedInterruptEntry(words: words).decoded(),
      ]
    case .lpiConfig: records = [LPIConfiguration(words: words).decoded()]
    }
    if words.count < wordCount {
      let remark = "\(words.count) of \(wordCount) words given: the others are taken as zero"
      for index in records.indices { records[index].notes.insert(remark, at: 0) }
    }
    return records
  }
}
