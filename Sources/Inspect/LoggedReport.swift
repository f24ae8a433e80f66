package import ArmFormats
internal import Bits

/// A report of an SMMU's or an ITS's driver in a kernel log, and how often it occurs.
package struct LoggedReport: Sendable {
  /// The device that reports, such as `arm-smmu-v3.1.auto`; empty where the lines do not name it.
  package var device: String
  package var content: Content
  /// Number of reports of the same. Linux prints at most ten events in five seconds
  /// (`DEFAULT_RATELIMIT_BURST`), so that there may have been more.
  package var count = 1
  /// The line that the first report starts in, and the last one, counted from 1.
  package var firstLine: Int
  package var lastLine: Int
  /// Microseconds from the log's origin.
  package var firstTime: UInt64?
  package var lastTime: UInt64?
  /// The message of the first line.
  package var text: String

  package init(
    device: String, content: Content, firstLine: Int, lastLine: Int, firstTime: UInt64? = nil,
    lastTime: UInt64? = nil, text: String
  ) {
    self.device = device
    self.content = content
    self.firstLine = firstLine
    self.lastLine = lastLine
    self.firstTime = firstTime
    self.lastTime = lastTime
    self.text = text
  }

  package enum Content: Hashable, Sendable {
    case event(LoggedEvent)
    /// The heading of an event, with its type, of which no word is in the log.
    case eventHeading(UInt64)
    /// SMMU_GERROR's active errors (IHI 0070, 6.3.17).
    case globalError(UInt32)
    case commandQueueError(CommandQueueError)
    /// A CMD_SYNC that did not complete in time; positions as registers have them.
    case syncTimeout(at: UInt32, producer: UInt32, consumer: UInt32)
    /// A wait for the command queue of which the log gives no position.
    case queueTimeout
    case eventOverflow
    case requestOverflow
    /// A write or an MSI of the SMMU itself that was aborted; the driver's own words.
    case abort(String)
    /// The SMMU of version 1 or 2: a fault of a context bank.
    case contextFault(ContextFault)
    case globalFault(GlobalFault)
    /// The ITS did not get to `target` in its command queue; it stands at `reached`. Bytes.
    case itsTimeout(target: UInt64, reached: UInt64)
    /// The command that waited, by the name of the function that builds it.
    case itsCommandFailed(String)
  }
}

/// An SMMUv3 event that a kernel log shows.
package struct LoggedEvent: Hashable, Sendable {
  /// The four words of the record, as dumped or as put together from the decoded text.
  package var words: [UInt64]
  /// Words that the log does not have; they stand as zero in `words`.
  package var missing: [Int] = []
  /// Whether the log held the raw words; otherwise bits that the text does not mention are zero.
  package var isRaw: Bool
  /// The device's name, where the driver gave it.
  package var client: String?

  package init(
    words: [UInt64], missing: [Int] = [], isRaw: Bool, client: String? = nil
  ) {
    self.words = words
    self.missing = missing
    self.isRaw = isRaw
    self.client = client
  }

  package var record: EventRecord { EventRecord(words: words) }
}

/// An error of the command queue (SMMU_CMDQ_CONS.ERR, IHI 0070, 6.3.28 and 7.1).
package struct CommandQueueError: Hashable, Sendable {
  /// The register: ERR in [30:24], the index with its wrap bit below.
  package var consumer: UInt32
  /// The words of the command that stands there, as far as the log has them.
  package var words: [UInt64] = []

  package init(consumer: UInt32, words: [UInt64] = []) {
    self.consumer = consumer
    self.words = words
  }

  package var code: UInt8 { UInt8(consumer >> 24 & 0x7f) }
  /// The command's index, wrap bit included.
  package var index: UInt32 { consumer & 0xf_ffff }
  package var error: CommandError? { CommandError(rawValue: code) }
}

/// A fault of a context bank of an SMMUv1 or v2 (IHI 0062, 16.5: SMMU_CBn_FSR, FSYNR0, FAR).
package struct ContextFault: Hashable, Sendable {
  package var status: UInt32
  package var address: UInt64
  package var syndrome: UInt32
  package var bank: UInt32
  /// SMMU_CBFRSYNRAn, which holds the StreamID in its low half; `nil` before Linux 5.2.
  package var streamSyndrome: UInt32?

  /// Bits of SMMU_CBn_FSR.
  package var isTranslation: Bool { status & 1 << 1 != 0 }
  package var isAccessFlag: Bool { status & 1 << 2 != 0 }
  package var isPermission: Bool { status & 1 << 3 != 0 }
  package var isExternalAbort: Bool { status & 1 << 4 != 0 }
  package var isMultiple: Bool { status & 1 << 31 != 0 }
  /// SMMU_CBn_FSYNR0.WNR.
  package var isWrite: Bool { syndrome & 1 << 4 != 0 }
  package var level: UInt32 { syndrome & 3 }
  package var streamID: UInt32? { streamSyndrome.map { $0 & 0xffff } }

  /// The faults by the manual's names.
  package var names: String {
    let names = [
      (isTranslation, "translation fault (TF)"), (isAccessFlag, "access flag fault (AFF)"),
      (isPermission, "permission fault (PF)"), (isExternalAbort, "external fault (EF)"),
      (status & 1 << 5 != 0, "TLB match conflict (TLBMCF)"),
      (status & 1 << 6 != 0, "TLB lock fault (TLBLKF)"), (status & 1 << 30 != 0, "stalled (SS)"),
    ].filter(\.0).map(\.1)
    return names.isEmpty ? "no fault that FSR names" : names.joined(separator: ", ")
  }
}

/// A fault that an SMMUv1 or v2 reports outside context banks (SMMU_sGFSR, SMMU_sGFSYNR).
package struct GlobalFault: Hashable, Sendable {
  package var status: UInt32?
  package var syndromes: [UInt32] = []
  /// The stream that no stream mapping matches.
  package var unknownStream: UInt32?

  /// SMMU_sGFSR.USF: an unidentified stream.
  package var isUnknownStream: Bool { unknownStream != nil || (status ?? 0) & 2 != 0 }
  package var streamID: UInt32? {
    unknownStream ?? (syndromes.count > 1 ? syndromes[1] & 0xffff : nil)
  }
}

/// The bits of SMMU_GERROR (IHI 0070, 6.3.17), by the manual's names and with their meaning.
package enum GlobalErrorBit: UInt32, CaseIterable, Sendable {
  case commandQueue = 0x001
  case eventQueueAbort = 0x004
  case requestQueueAbort = 0x008
  case commandMessageAbort = 0x010
  case eventMessageAbort = 0x020
  case requestMessageAbort = 0x040
  case errorMessageAbort = 0x080
  case serviceFailure = 0x100
  case debug = 0x200

  package var name: String {
    switch self {
    case .commandQueue: "CMDQ_ERR"
    case .eventQueueAbort: "EVENTQ_ABT_ERR"
    case .requestQueueAbort: "PRIQ_ABT_ERR"
    case .commandMessageAbort: "MSI_CMDQ_ABT_ERR"
    case .eventMessageAbort: "MSI_EVENTQ_ABT_ERR"
    case .requestMessageAbort: "MSI_PRIQ_ABT_ERR"
    case .errorMessageAbort: "MSI_GERROR_ABT_ERR"
    case .serviceFailure: "SFM_ERR"
    case .debug: "CMDQP_ERR"
    }
  }

  package var meaning: String {
    switch self {
    case .commandQueue: "a command in the command queue has an error"
    case .eventQueueAbort: "the SMMU could not write to its event queue, and events may be lost"
    case .requestQueueAbort: "the SMMU could not write to its PRI queue, and requests may be lost"
    case .commandMessageAbort: "the MSI that tells of a CMD_SYNC was aborted"
    case .eventMessageAbort: "the MSI that tells of an event was aborted"
    case .requestMessageAbort: "the MSI that tells of a page request was aborted"
    case .errorMessageAbort: "the MSI that tells of a global error was aborted"
    case .serviceFailure: "the SMMU is in service failure mode and does nothing more"
    case .debug: "a command queue of the enhanced interface has an error"
    }
  }

  /// The names of the bits set in `value`.
  package static func names(in value: UInt32) -> String {
    let names = allCases.filter { value & $0.rawValue != 0 }.map(\.name)
    return names.isEmpty ? "no error" : names.joined(separator: ", ")
  }
}
