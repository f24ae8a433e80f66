internal import ArmFormats
internal import Bits
internal import Memory
internal import SMMU

/// Runs the SMMU model on what a trace shows of the machine's software and devices, and compares
/// what it does with what the trace says.
///
/// Two models share the memory: one with caches, which sees every register write and command, and
/// one that reads everything for every access, so that each walk is compared in full.
struct SMMUCheck: ~Copyable {
  private let memory: PhysicalMemory
  private var smmu: SMMU
  private var walker: SMMU
  private var tables: TraceTables
  private var record = AccessRecord()
  /// Its name: the address of its stream table, without attributes.
  private(set) var streamTable: UInt64?
  private var failure: (kind: EventKind, address: UInt64)?
  /// Whether the trace shows how software set the SMMU up.
  private var isSetUp = false
  private static let unseen = "what the SMMU did, which was set up before the trace began"
  var tally = CheckTally()

  init(_ profile: SMMUProfile, _ personality: SMMUPersonality, memory: PhysicalMemory) {
    self.memory = memory
    smmu = SMMU(profile: profile, personality: personality)
    walker = SMMU(profile: profile, personality: personality, caches: .none)
    tables = TraceTables(memory: memory)
  }

  mutating func take(_ event: TraceEvent, line: Int) {
    switch event {
    case .smmuWrite(let offset, let value, let width): write(offset, value, Int(width & 8 | 4))
    case .configurationMiss: record = AccessRecord()
    case .translated(let access): translated(access, line)
    case .bypassed(let stream, let address, let isWrite, let isOn):
      untranslated(stream, address, isWrite, isOn ? .bypassed : nil, line)
    case .aborted(let stream, let address, let isWrite):
      untranslated(stream, address, isWrite, .aborted, line)
    case .failed(let kind, let address): failure = (kind, address)
    case .event(let kind, let stream): failed(kind, stream, line)
    default: record.take(event)
    }
  }

  /// Forgets what was read for an access that turned out to be another SMMU's.
  mutating func forget() {
    record = AccessRecord()
    failure = nil
  }

  /// Whether a command continues where this SMMU's queue stands.
  mutating func continues(_ recorded: RecordedCommand) -> Bool {
    let bits = smmu.readRegister(SMMURegister.commandQueueBase, width: 8) & 0x1f
    let place = (recorded.consumer & lowBits(bits)) | (recorded.wrap & 1) &<< bits
    return isSetUp
      && smmu.readRegister(SMMURegister.commandQueueConsumer, width: 4) & lowBits(bits &+ 1)
        == place
  }

  /// Whether a write of CMDQ_PROD or EVENTQ_CONS fits where this SMMU's queues stand.
  mutating func expects(_ offset: UInt64, _ value: UInt64) -> Bool {
    switch offset {
    case 0x98: smmu.readRegister(SMMURegister.commandQueueProducer, width: 4) == value
    case 0xac: smmu.readRegister(SMMURegister.eventQueueProducer, width: 4) == value
    default: false
    }
  }

  // MARK: What software did

  private mutating func write(_ offset: UInt64, _ value: UInt64, _ width: Int) {
    var offset = offset
    switch offset {
    case 0xa8, 0xac, 0xc8, 0xcc: offset &+= SMMURegister.page1
    default: break
    }
    let width = width > 4 ? 8 : 4
    if offset == 0x80 { streamTable = value & 0xf_ffff_ffff_ffc0 }
    smmu.writeRegister(offset, value, width: width, memory: memory)
    switch offset {
    case SMMURegister.commandQueueBase..<SMMURegister.eventQueueMessage,
      SMMURegister.page1...:
      return
    case SMMURegister.cr0:
      isSetUp = true
      // No queues: it records and consumes nothing.
      walker.writeRegister(offset, value & 1, width: 4, memory: memory)
    default: walker.writeRegister(offset, value, width: width, memory: memory)
    }
  }

  /// Puts one command into the queue, as the driver did, and lets the model consume it.
  mutating func run(_ recorded: RecordedCommand, _ line: Int) {
    guard isSetUp else { return tally.skip(Self.unseen) }
    guard let words = recorded.words else {
      tally.skip("SMMU commands whose fields are not in the trace")
      return
    }
    let base = smmu.readRegister(SMMURegister.commandQueueBase, width: 8)
    let bits = base & 0x1f
    let span = lowBits(bits &+ 1)
    let place = (recorded.consumer & lowBits(bits)) | (recorded.wrap & 1) &<< bits
    let slot = base & 0xf_ffff_ffff_ffe0 & ~lowBits(bits &+ 4)
    memory.store(words, at: PA(slot &+ (recorded.consumer & lowBits(bits)) &* 16))
    let before = smmu.readRegister(SMMURegister.commandQueueConsumer, width: 4)
    let next = (place &+ 1) & span
    smmu.writeRegister(
      SMMURegister.commandQueueProducer, next, width: 4, memory: memory)
    let after = smmu.readRegister(SMMURegister.commandQueueConsumer, width: 4)
    let code = recorded.error ?? 0
    let expected = code == 0 ? next : place
    tally.compare(
      .commands, line,
      before & span == place && after & span == expected && (after &>> 24) & 0x7f == code,
      "\(words[.opcode]) at \(hex(place)): CONS went from \(hex(before)) to \(hex(after)), "
        + "recorded \(hex(expected)) and error \(code)")
  }

  // MARK: What devices did

  private mutating func translated(_ access: TranslatedAccess, _ line: Int) {
    let isWrite = access.permissions & 1 == 0
    let transaction = Transaction(
      streamID: access.stream, address: IOVA(access.address), isWrite: isWrite)
    judge(.translations, transaction, .translated(stage: access.stage), line) { result in
      guard case .translated(let translation) = result else { return false }
      return translation.address.rawValue == access.output
        && translation.permissions.readWrite == access.permissions & 3
    } _: {
      "\(hex(access.address)) -> \(hex(access.output)) with permissions "
        + "\(access.permissions), stage \(access.stage)"
    }
  }

  private mutating func untranslated(
    _ stream: UInt32, _ address: UInt64, _ isWrite: Bool, _ outcome: TraceTables.Outcome?,
    _ line: Int
  ) {
    let transaction = Transaction(streamID: stream, address: IOVA(address), isWrite: isWrite)
    if outcome == nil { record = AccessRecord() }
    judge(.bypasses, transaction, outcome ?? .bypassed, line) { result in
      switch result {
      case .bypassed(let output): outcome != .aborted && output.rawValue == address
      case .aborted: outcome == .aborted
      default: false
      }
    } _: {
      outcome == .aborted ? "an abort" : "\(hex(address)) as it is"
    }
  }

  private mutating func failed(_ kind: EventKind, _ stream: UInt32, _ line: Int) {
    guard let failure, failure.kind == kind else {
      tally.skip("SMMU events whose address is not in the trace")
      return
    }
    self.failure = nil
    let transaction = Transaction(
      streamID: stream, address: IOVA(failure.address), isWrite: kind == .permission)
    let before = smmu.readRegister(SMMURegister.eventQueueProducer, width: 4)
    let wasRun = judge(.translations, transaction, .failed(kind), line) { result in
      guard case .faulted(let event, _) = result else { return false }
      return event[.kind] == kind
    } _: {
      "\(kind)"
    }
    if wasRun { compareEvent(kind, transaction, before, line) }
  }

  /// The record in the Event queue: type, stream and, where the type has one, the address.
  private mutating func compareEvent(
    _ kind: EventKind, _ transaction: Transaction, _ before: UInt64, _ line: Int
  ) {
    let base = smmu.readRegister(SMMURegister.eventQueueBase, width: 8)
    let bits = base & 0x1f
    let place = base & 0xf_ffff_ffff_ffe0 & ~lowBits(bits &+ 5)
    let after = smmu.readRegister(SMMURegister.eventQueueProducer, width: 4)
    let event = memory.load(
      EventRecord.self, at: PA(place &+ (before & lowBits(bits)) &* 32))
    let hasAddress = kind.isTranslationRelated
    tally.compare(
      .events, line,
      (after &- before) & lowBits(bits &+ 1) == 1 && event?[.kind] == kind
        && event?[.stream] == transaction.streamID
        && (!hasAddress || event?[.inputAddress] == transaction.address.rawValue),
      "recorded \(kind) of \(hex(UInt64(transaction.streamID))) at "
        + "\(hex(transaction.address.rawValue)), found \(event.map { "\($0[.kind])" } ?? "none")")
  }

  /// Runs an access on both models.
  @discardableResult
  private mutating func judge(
    _ subject: CheckTally.Subject, _ transaction: Transaction, _ outcome: TraceTables.Outcome,
    _ line: Int, _ agrees: (TranslationResult) -> Bool, _ recorded: () -> String
  ) -> Bool {
    defer { record = AccessRecord() }
    guard isSetUp else {
      tally.skip(Self.unseen)
      return false
    }
    if let reason = tables.write(record, outcome) {
      tally.skip("accesses: \(reason)")
      return false
    }
    var seen = TranslationLog()
    let walked = walker.translate(transaction, in: memory, observer: &seen)
    guard seen.reads.allSatisfy({ tables.knows($0.address.rawValue) }) else {
      // What QEMU read just now was shown; what it had cached may not have been.
      if missing(in: seen.reads) != nil { compareWalk(seen.reads, transaction, line) }
      tally.skip("accesses whose tables were never shown: they were cached before the trace began")
      return false
    }
    let result = smmu.translate(transaction, in: memory)
    tally.compare(
      subject, line, agrees(result) && agrees(walked),
      "\(transaction.words): recorded \(recorded()), found \(result.words)"
        + (result == walked ? "" : ", and \(walked.words) without caches"))
    compareWalk(seen.reads, transaction, line)
    return true
  }

  /// The recorded fetches are, in order, among those of the model without caches.
  private mutating func compareWalk(
    _ reads: [DescriptorRead], _ transaction: Transaction, _ line: Int
  ) {
    guard !record.fetches.isEmpty else { return }
    let missing = missing(in: reads)
    tally.compare(
      .walks, line, missing == nil,
      "\(transaction.words): not read by the model: stage \(missing?.stage ?? 0) level "
        + "\(missing?.level ?? 0) at \(hex(missing?.address ?? 0))")
  }

  /// The first recorded fetch that is not among `reads`, in order.
  private func missing(in reads: [DescriptorRead]) -> DescriptorFetch? {
    var rest = reads[...]
    return record.fetches.first { fetch in
      guard let place = rest.firstIndex(where: { $0.is(fetch) }) else { return true }
      rest = rest[(place + 1)...]
      return false
    }
  }
}
