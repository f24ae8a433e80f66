internal import ArmFormats
internal import Bits
internal import GIC
internal import Memory

/// Runs the ITS model on the recorded register writes, commands and messages, and compares table
/// entries, LPIs and the CPUs that acknowledge them.
struct ITSCheck: ~Copyable {
  private let memory: PhysicalMemory
  private var its: ITS
  private var redistributors: Redistributors
  private var queue: ITSCommandBase = .init(rawValue: 0)
  private var index: UInt64 = 0
  private var lastCollection: UInt16 = 0
  /// Reads of the model for the command or message before.
  private var log = ITSLog()
  private var secondLevels: UInt64
  /// Whether the trace shows how software set the ITS up.
  private var isSetUp = false
  /// Events that lead to virtual LPIs (GICv4), by DeviceID and EventID.
  private var virtualEvents: Set<UInt64> = []
  /// Whether the command or message before was of a virtual LPI, so that nothing was run for it.
  private var isVirtual = false

  /// Parts of GICv4, which the check's ITS lacks: events that are passed over, by kind.
  private enum Virtual: String {
    case command =
      "ITS commands for virtual PEs (VMAPP, VMAPTI, VMOVP, VMOVI, VSYNC, VINVALL): the check's ITS is a GICv3"
    case event =
      "INV, CLEAR, INT and DISCARD of events that lead to virtual LPIs: the check's ITS is a GICv3"
    case entry =
      "reads of table entries for virtual LPIs and the commands about them: the check's ITS is a GICv3"
    case message = "messages that became virtual LPIs: the check's ITS is a GICv3"
  }
  var tally = CheckTally()
  static let cpus = 64

  /// - Parameter free: address of memory that no trace mentions, for the second levels of tables,
  ///   which software writes and no line shows.
  init(memory: PhysicalMemory, free: UInt64) {
    self.memory = memory
    secondLevels = free
    var profile = ITSProfile.qemu11()
    profile.routeCache = .none
    its = ITS(profile: profile, personality: .qemu11)
    redistributors = Redistributors(profile: .qemu11(count: Self.cpus))
  }

  mutating func take(_ event: TraceEvent, line: Int) {
    switch event {
    case .redistributorWrite(let cpu, let offset, let value, let width):
      writeRedistributor(cpu, offset, value, width)
    case .itsWrite(let offset, let value, let width): write(offset, value, width)
    case .itsCommandFetch(let index): self.index = index
    case .itsCommand, .message, .deviceRead, .interruptRead, .collectionRead, .acknowledge:
      judge(event, line)
    default: break
    }
  }

  /// Runs or compares what follows the set-up.
  private mutating func judge(_ event: TraceEvent, _ line: Int) {
    if case .acknowledge(_, let intid) = event, intid < 8192 { return }
    guard isSetUp else {
      return tally.skip("what the ITS did, which was set up before the trace began")
    }
    switch event {
    case .itsCommand(let command): run(command, line)
    case .message(let offset, let data, let width, let device):
      message(offset, data, width, device, line)
    case .deviceRead where isVirtual, .interruptRead where isVirtual,
      .collectionRead where isVirtual:
      tally.skip(Virtual.entry.rawValue)
    case .deviceRead(let device, let isValid, let size, let table):
      compareDevice(device, isValid, size, table, line)
    case .interruptRead(_, _, _, isVirtual: true, _, _):
      tally.skip(Virtual.entry.rawValue)
    case .interruptRead(_, let event, let isValid, _, let intid, let collection):
      compareInterrupt(event, isValid, intid, collection, line)
    case .collectionRead(let collection, let isValid, let target):
      compareCollection(collection, isValid, target, line)
    case .acknowledge(let cpu, let intid): acknowledge(cpu, intid, line)
    default: break
    }
  }

  // MARK: What software did

  private mutating func writeRedistributor(
    _ cpu: UInt64, _ offset: UInt64, _ value: UInt64, _ width: UInt64
  ) {
    guard cpu < Self.cpus else { return }
    switch offset {
    case RedistributorRegister.configurationBase:
      // No line shows the bytes: Linux enables each LPI before it uses it.
      let table = value & 0xf_ffff_ffff_f000
      let count = UInt64(1) &<< min((value & 0x1f) &+ 1, 16)
      for place in 0..<max(count, 8192) &- 8192 { memory.store8(PA(table &+ place), 0xa3) }
    case RedistributorRegister.control, RedistributorRegister.pendingBase: break
    default: return
    }
    redistributors.writeRegister(
      offset, value, width: width == 8 ? 8 : 4, at: Int(cpu), memory: memory)
  }

  private mutating func write(_ offset: UInt64, _ value: UInt64, _ width: UInt64) {
    switch offset {
    case ITSRegister.commandWrite: return  // Each command is run when it is shown.
    case ITSRegister.commandBase:
      queue = ITSCommandBase(rawValue: value)
      isSetUp = true
    default: break
    }
    var nobody = NoITSObserver()
    its.writeRegister(
      offset, value, width: width == 8 ? 8 : 4, memory: memory,
      redistributors: &redistributors, observer: &nobody)
  }

  private mutating func run(_ recorded: ITSCommand, _ line: Int) {
    var command = recorded
    let key = Self.key(command[.deviceID], command[.eventID])
    isVirtual = false
    switch command[.opcode] {
    case .vmapti, .vmapi, .vmapp, .vmovi, .vmovp, .vsync, .vinvall:
      if [.vmapti, .vmapi].contains(command[.opcode]), virtualEvents.count < 1 << 20 {
        virtualEvents.insert(key)
      }
      tally.skip(Virtual.command.rawValue)
      isVirtual = true
      // The queue goes on over them.
      command = .sync(target: 0)
    case .discard where virtualEvents.remove(key) != nil,
      .inv where virtualEvents.contains(key), .clear where virtualEvents.contains(key),
      .int where virtualEvents.contains(key):
      tally.skip(Virtual.event.rawValue)
      isVirtual = true
      command = .sync(target: 0)
    case .mapti, .mapi: virtualEvents.remove(key)
    default: break
    }
    switch command[.opcode] {
    case .mapd: mapSecondLevel(command[.deviceID])
    case .mapc: lastCollection = command[.collectionID]
    // No line says its collection: Linux does it for the one it has just mapped.
    case .invall: command[.collectionID] = lastCollection
    default: break
    }
    let entries = ((queue.rawValue & 0xff) &+ 1) &* 128
    let place = index % entries
    memory.store(command, at: queue.address + place &* 32)
    log = ITSLog()
    its.writeRegister(
      ITSRegister.commandWrite, (place &+ 1) % entries &* 32, width: 8, memory: memory,
      redistributors: &redistributors, observer: &log)
    let report = log.commands.last
    tally.compare(
      .itsCommands, line, log.commands.count == 1 && report?.error == nil,
      "\(recorded[.opcode].name ?? "command") at \(place): \(log.commands.count) consumed, "
        + "error \(report?.error.map { "\($0)" } ?? "none")")
  }

  private static func key(_ device: UInt32, _ event: UInt32) -> UInt64 {
    UInt64(device) << 32 | UInt64(event)
  }

  /// Gives a two-level device table the second level for `device` that software wrote unseen.
  private mutating func mapSecondLevel(_ device: UInt32) {
    let base = ITSTableBase(
      rawValue: its.readRegister(ITSRegister.tableBase, width: 8))
    guard base[.valid], base[.indirect] else { return }
    let pageBits = 12 &+ 2 &* min((base.rawValue &>> 8) & 3, 2)
    let entryBytes = ((base.rawValue &>> 48) & 0x1f) &+ 1
    let index = UInt64(device) / (UInt64(1) &<< pageBits / entryBytes)
    let pages = (base.rawValue & 0xff) &+ 1
    guard index < pages &<< (pageBits &- 3) else { return }
    let place = base.address + index &* 8
    guard memory.load64(place) ?? 0 == 0 else { return }
    memory.store64(place, 1 &<< 63 | secondLevels)
    secondLevels &+= UInt64(1) &<< 16
  }

  // MARK: What devices and CPUs did

  private mutating func message(
    _ offset: UInt64, _ data: UInt64, _ width: UInt64, _ device: UInt32, _ line: Int
  ) {
    log = ITSLog()
    if virtualEvents.contains(Self.key(device, UInt32(truncatingIfNeeded: data))) {
      isVirtual = true
      return tally.skip(Virtual.message.rawValue)
    }
    isVirtual = false
    let outcome = its.receiveWrite(
      ITSRegister.translater &+ (offset &- 0x40), data, width: Int(width & 7), deviceID: device,
      memory: memory, redistributors: &redistributors, observer: &log)
    switch outcome {
    case .delivered: tally.compare(.messages, line, true, "")
    // Whether QEMU dropped it too shows in the entry that it read, which is compared below.
    case .dropped(.deviceUnmapped), .dropped(.eventUnmapped), .dropped(.collectionUnmapped): break
    default:
      tally.compare(
        .messages, line, false, "message \(data) of \(hex(UInt64(device))): \(outcome)")
    }
  }

  private mutating func compareDevice(
    _ device: UInt32, _ isValid: Bool, _ size: UInt64, _ table: UInt64, _ line: Int
  ) {
    var found: (Bool, UInt64, UInt64)?
    for read in log.reads {
      guard case .device(device, let valid, let bits, let place) = read.meaning else { continue }
      found = (valid, bits, place.rawValue)
    }
    guard let found else { return notRead("device \(hex(UInt64(device)))", line) }
    tally.compare(
      .tableReads, line,
      found.0 == isValid && (!isValid || found.1 == size &+ 1 && found.2 == table),
      "device \(hex(UInt64(device))): recorded valid \(isValid), \(size &+ 1) bits, table "
        + "\(hex(table)); found \(found.0), \(found.1), \(hex(found.2))")
  }

  private mutating func compareInterrupt(
    _ event: UInt32, _ isValid: Bool, _ intid: UInt32, _ collection: UInt32, _ line: Int
  ) {
    var found: (Bool, UInt32, UInt32)?
    for read in log.reads {
      switch read.meaning {
      case .interrupt(event, let lpi, let icid): found = (true, lpi, UInt32(icid))
      case .interruptInvalid(event): found = (false, 0, 0)
      default: break
      }
    }
    guard let found else { return notRead("event \(event)", line) }
    tally.compare(
      .tableReads, line,
      found.0 == isValid && (!isValid || found.1 == intid && found.2 == collection),
      "event \(event): recorded valid \(isValid), LPI \(intid), collection \(collection); "
        + "found \(found)")
  }

  private mutating func compareCollection(
    _ collection: UInt32, _ isValid: Bool, _ target: UInt64, _ line: Int
  ) {
    var found: (Bool, UInt16)?
    for read in log.reads {
      guard case .collection(let icid, let valid, let place) = read.meaning,
        UInt32(icid) == collection
      else { continue }
      found = (valid, place)
    }
    guard let found else { return notRead("collection \(collection)", line) }
    tally.compare(
      .tableReads, line, found.0 == isValid && (!isValid || UInt64(found.1) == target),
      "collection \(collection): recorded valid \(isValid) at \(target); found \(found)")
  }

  private mutating func notRead(_ entry: String, _ line: Int) {
    tally.compare(.tableReads, line, false, "\(entry): QEMU read it, the model did not")
  }

  private mutating func acknowledge(_ cpu: UInt64, _ intid: UInt64, _ line: Int) {
    guard cpu < Self.cpus else { return tally.skip("acknowledges of CPUs beyond \(Self.cpus)") }
    let best = redistributors.highestPendingLPI(at: Int(cpu), memory: memory)
    tally.compare(
      .acknowledges, line, best.map { UInt64($0.intid) } == intid,
      "CPU \(cpu) took \(intid); the most urgent one that waits is "
        + (best.map { "\($0.intid)" } ?? "none"))
    redistributors.acknowledgeLPI(
      UInt32(truncatingIfNeeded: intid), at: Int(cpu), memory: memory)
  }
}
