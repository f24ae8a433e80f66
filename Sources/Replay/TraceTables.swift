internal import ArmFormats
internal import Bits
internal import Memory

/// The memory of the machine as far as its trace shows it: stream tables, CDs and translation
/// tables, written just before the access that shows them.
///
/// Values that the trace does not hold are filled in as Linux and QEMU have them, and are not
/// evidence: `STE.Config` follows from what was done with the access; `S2T0SZ` from the start
/// level; attributes, `S2R`, `CD.R` and `CD.A` are as Linux writes them.
struct TraceTables {
  let memory: PhysicalMemory
  private(set) var known: Set<UInt64> = []
  private var stageTwo: [UInt64: StageTwoFacts] = [:]
  /// Output page of stage 2, by VMID and page.
  private var stageTwoPages: [StageTwoPage: UInt64] = [:]

  private struct StageTwoPage: Hashable {
    var vmid: UInt64
    var page: UInt64
  }

  init(memory: PhysicalMemory) { self.memory = memory }

  /// Outcome of an access, as far as the configuration of its stream goes.
  enum Outcome: Equatable {
    case translated(stage: UInt64)
    case bypassed
    case aborted
    case failed(EventKind)
  }

  /// Whether every word that a walk reads at `address` was shown.
  func knows(_ address: UInt64) -> Bool { known.contains(address) }

  /// Writes what `record` shows.
  ///
  /// - Returns: the reason why it cannot be written, or `nil`.
  mutating func write(_ record: AccessRecord, _ outcome: Outcome) -> String? {
    for fetch in record.fetches { store(fetch.address, fetch.value) }
    learnStageTwo(record)
    guard let entry = record.streamEntry else { return nil }
    if let table = record.streamTable { writeStreamTable(table) }
    return writeStreamEntry(entry, record, outcome)
  }

  private mutating func store(_ address: UInt64, _ word: UInt64) {
    if memory.store64(PA(address), word) { known.insert(address) }
  }

  private mutating func learnStageTwo(_ record: AccessRecord) {
    guard let vmid = record.vmid else { return }
    var previous: DescriptorFetch?
    for fetch in record.fetches where fetch.stage == 2 {
      let continues = previous.map { $0.input == fetch.input && $0.level + 1 == fetch.level }
      if continues != true, let facts = StageTwoFacts(fetch) { stageTwo[vmid] = facts }
      previous = fetch
      let isLeaf = fetch.value & 3 == (fetch.level == 3 ? 3 : 1)
      if isLeaf {
        let inside = lowBits(fetch.entryBits)
        let output = fetch.value & 0xffff_ffff_f000 & ~inside | fetch.input & inside
        stageTwoPages[StageTwoPage(vmid: vmid, page: fetch.input &>> 12)] = output & ~0xfff
      }
    }
  }

  /// L1STD: `Span` is as QEMU understands it.
  private mutating func writeStreamTable(_ read: StreamTableRead) {
    let span = UInt64(64 - read.largestIndex.leadingZeroBitCount)
    store(read.base, read.secondLevel & 0xffff_ffff_ffc0 | span & 0x1f)
  }

  private mutating func writeStreamEntry(
    _ address: UInt64, _ record: AccessRecord, _ outcome: Outcome
  ) -> String? {
    var entry = StreamTableEntry()
    entry[.valid] = true
    entry[.config] = Self.config(record, outcome)
    entry[.mergeEvents] = false
    if let vmid = record.vmid, vmid != ~0 { entry[.vmid] = UInt16(truncatingIfNeeded: vmid) }
    if entry[.config].translatesStage2 {
      guard let facts = stageTwo[record.vmid ?? 0] else { return "stage 2 tables never shown" }
      set(facts, in: &entry)
    }
    if entry[.config].translatesStage1 {
      guard let context = record.context else { return "no CD shown for stage 1" }
      entry[.contextPointer] = context &>> 6
      guard let place = contextPlace(record, entry[.config].translatesStage2) else {
        return "where stage 2 maps the CD was never shown"
      }
      store(ContextDescriptor(record, outcome), at: place)
    }
    store(entry, at: address)
    return nil
  }

  private mutating func store(_ words: some WordRecord, at address: UInt64) {
    memory.store(words, at: PA(address))
    for index in 0..<type(of: words).wordCount { known.insert(address &+ UInt64(index) &* 8) }
  }

  private static func config(_ record: AccessRecord, _ outcome: Outcome) -> StreamConfig {
    switch outcome {
    case .translated(1): .stage1
    case .translated(2): .stage2
    case .translated: .nested
    case .bypassed: .bypass
    case .aborted: .abort
    case .failed:
      record.context == nil ? .stage2 : record.usesStage2 ? .nested : .stage1
    }
  }

  private func set(_ facts: StageTwoFacts, in entry: inout StreamTableEntry) {
    entry[.stage2InputSize] = UInt8(64 &- facts.inputBits)
    entry[.stage2StartLevel] = facts.startField
    entry[.stage2Granule] = LowGranule(rawValue: facts.granuleField)
    entry[.stage2OutputSize] = AddressSizeField(rawValue: 4)
    entry[.stage2AArch64] = true
    entry[.stage2Record] = true
    entry[.stage2Table] = facts.table &>> 4
  }

  /// The physical address of the CD.
  private func contextPlace(_ record: AccessRecord, _ usesStage2: Bool) -> UInt64? {
    guard let context = record.context else { return nil }
    guard usesStage2 else { return context }
    let page = StageTwoPage(vmid: record.vmid ?? 0, page: context &>> 12)
    return stageTwoPages[page].map { $0 | context & 0xfff }
  }
}

extension ContextDescriptor {
  /// A CD as Linux writes it, with the tables that the trace shows; not valid when QEMU said so.
  fileprivate init(_ record: AccessRecord, _ outcome: TraceTables.Outcome) {
    self.init()
    guard outcome != .failed(.badContext) else { return }
    self[.valid] = true
    self[.aarch64] = true
    self[.record] = true
    self[.abort] = true
    self[.sharedASID] = true
    self[.walkDisabled0] = true
    self[.walkDisabled1] = true
    self[.memoryAttributes] = 0xffff_ffff_f404_ff44
    self[.asid] = UInt16(truncatingIfNeeded: record.asid ?? 0)
    let sizes: [UInt64] = [32, 36, 40, 42, 44, 48, 52]
    let size = sizes.firstIndex(of: record.outputBits ?? 44) ?? 4
    self[.outputSize] = AddressSizeField(rawValue: UInt8(size))
    for (table, input) in record.tables {
      let sizeField = UInt8(truncatingIfNeeded: table.sizeField)
      if table.index == 0 {
        self[.walkDisabled0] = false
        self[.inputSize0] = sizeField
        self[.granule0] = LowGranule(rawValue: StageTwoFacts.field(table.granuleBits))
        self[.table0] = input &>> 4
      } else {
        self[.walkDisabled1] = false
        self[.inputSize1] = sizeField
        let fields: [UInt64: UInt8] = [12: 2, 14: 1, 16: 3]
        self[.granule1] = HighGranule(rawValue: fields[table.granuleBits] ?? 2)
        self[.table1] = input &>> 4
      }
    }
  }
}
