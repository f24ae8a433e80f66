internal import ArmFormats
internal import Bits
internal import Memory
internal import SMMU

/// Runs the models of SMMUs and ITS beside a trace.
final class MachineCheck: TraceSink {
  private var smmus: SMMUChecks
  private var its: ITSCheck
  /// Physical memory from 0; nothing beyond it is checked.
  private static let memorySize: UInt64 = 1 << 40
  /// Above any RAM that a trace speaks of.
  private static let free: UInt64 = 0xff_0000_0000

  init(
    _ profile: SMMUProfile = .qemu, _ personality: SMMUPersonality = .qemu11
  ) throws(PhysicalMemory.SetupError) {
    let memory = try PhysicalMemory(regions: [.init(base: 0, size: Self.memorySize)])
    smmus = SMMUChecks { SMMUCheck(profile, personality, memory: memory) }
    its = ITSCheck(memory: memory, free: Self.free)
  }

  func take(_ event: TraceEvent, at time: Int?, line: Int) {
    smmus.take(event, line: line)
    its.take(event, line: line)
  }

  /// Ends the check and returns its tallies, of all SMMUs and of the ITS.
  func finish(line: Int) -> [CheckTally] {
    smmus.finish(line: line)
    return smmus.tallies + [its.tally]
  }
}

/// Tells the SMMUs of a machine apart, whose lines do not name them.
///
/// One set-up goes from CR0 = 0 to CR0 = 0xd, and the stream table that it names is the SMMU's name.
/// `find_ste_2lvl strtab_base:` ties a StreamID to it. A command with a StreamID is that stream's
/// SMMU's; another belongs to the queue that it continues, and where several fit, to the SMMU whose
/// device last used the pages that it invalidates, else to that of the set-up or command before.
struct SMMUChecks {
  /// A place in an array for what cannot be copied.
  private final class Box {
    var check: SMMUCheck
    init(_ check: consuming SMMUCheck) { self.check = check }
  }

  private let make: () -> SMMUCheck
  private var boxes: [Box]
  private var current = 0
  private var command: RecordedCommand?
  /// Writes of a set-up until it names the stream table.
  private var setup: [(event: TraceEvent, line: Int)]?
  /// The last time that software switched an SMMU off: which, shows the next access.
  private var switchOff: (event: TraceEvent, line: Int)?
  private var owners: [UInt32: Int] = [:]
  /// The stream table that was looked into for the access that comes next.
  private var table: UInt64?
  /// The SMMU of the device that used a page last.
  private var users: [UInt64: Int] = [:]
  private static let limit = 64
  private static let pageLimit = 1 << 16

  init(_ make: @escaping () -> SMMUCheck) {
    self.make = make
    boxes = [Box(make())]
  }

  var tallies: [CheckTally] { boxes.map { $0.check.tally } }

  mutating func take(_ event: TraceEvent, line: Int) {
    if let pending = command, !pending.isDetail(event) { run(pending, line) }
    switch event {
    case .smmuWrite(let offset, let value, _): write(event, offset, value, line)
    case .commandFetch(_, let consumer, let wrap):
      command = RecordedCommand(consumer: consumer, wrap: wrap)
    case .command, .commandError, .invalidateStream, .invalidateStreamRange, .invalidateContext,
      .invalidateMachine, .invalidateRange, .invalidateASID:
      command?.take(event)
    case .streamTable(let read):
      table = read.table
      spread(event, line)
    case .translated(let access): send(event, of: access.stream, line)
    case .bypassed(let stream, _, _, _), .aborted(let stream, _, _), .event(_, let stream):
      send(event, of: stream, line)
    default: spread(event, line)
    }
  }

  mutating func finish(line: Int) {
    if let pending = command { run(pending, line) }
  }

  // MARK: What software did

  private mutating func write(
    _ event: TraceEvent, _ offset: UInt64, _ value: UInt64, _ line: Int
  ) {
    if offset == 0x20, value == 0 {
      setup = [(event, line)]
      switchOff = (event, line)
      return
    }
    if setup != nil {
      setup?.append((event, line))
      guard offset == 0x80 else {
        // A switch-off without a new set-up.
        if offset == 0x20 || setup?.count ?? 0 > 64 { flush() }
        return
      }
      choose(value & 0xf_ffff_ffff_ffc0)
      flush()
      return
    }
    let fitting = boxes.indices.filter { boxes[$0].check.expects(offset, value) }
    let place = fitting.contains(current) ? current : fitting.first ?? current
    boxes[place].check.take(event, line: line)
  }

  /// The SMMU whose stream table this is: a known one, one without any, or another.
  private mutating func choose(_ streamTable: UInt64) {
    if let known = boxes.firstIndex(where: { $0.check.streamTable == streamTable }) {
      current = known
    } else if let fresh = boxes.firstIndex(where: { $0.check.streamTable == nil }) {
      current = fresh
    } else if boxes.count < Self.limit {
      boxes.append(Box(make()))
      current = boxes.count - 1
    }
  }

  private mutating func flush() {
    for (event, line) in setup ?? [] { boxes[current].check.take(event, line: line) }
    setup = nil
  }

  private mutating func run(_ recorded: RecordedCommand, _ line: Int) {
    command = nil
    if setup != nil { flush() }
    let fitting = boxes.indices.filter { boxes[$0].check.continues(recorded) }
    let owner = recorded.stream.flatMap { owners[$0] }
    if let owner, fitting.contains(owner) {
      current = owner
    } else if fitting.count == 1 {
      current = fitting[0]
    } else if let user = user(of: recorded.pages), fitting.contains(user) {
      current = user
    } else if !fitting.contains(current), let first = fitting.first {
      current = first
    }
    if let stream = recorded.stream, owner == nil { owners[stream] = current }
    boxes[current].check.run(recorded, line)
  }

  /// The SMMU whose device last used a page of those that are invalidated.
  private func user(of range: RangeInvalidation?) -> Int? {
    guard let range else { return nil }
    let size: UInt64 = [1: 12, 2: 14, 3: 16][range.granule] ?? 12
    for page in 0..<min(max(range.pages, 1), 512) {
      let first = range.address &+ page &<< size
      if let user = users[first & ~0xfff] { return user }
    }
    return nil
  }

  // MARK: What devices did

  /// Walks name no stream: all SMMUs see them, until the access says whose they are.
  private func spread(_ event: TraceEvent, _ line: Int) {
    for box in boxes { box.check.take(event, line: line) }
  }

  private mutating func send(_ event: TraceEvent, of stream: UInt32, _ line: Int) {
    if let table, let place = boxes.firstIndex(where: { $0.check.streamTable == table }) {
      owners[stream] = place
    }
    table = nil
    let place = owners[stream] ?? current
    for index in boxes.indices where index != place { boxes[index].check.forget() }
    if case .bypassed(_, _, _, false) = event, let switchOff,
      boxes.count == 1 || owners[stream] != nil
    {
      boxes[place].check.take(switchOff.event, line: switchOff.line)
    }
    if boxes.count > 1, case .translated(let access) = event {
      let page = access.address & ~0xfff
      if users[page] != nil || users.count < Self.pageLimit { users[page] = place }
    }
    boxes[place].check.take(event, line: line)
  }
}
