import ArmFormats
import Bits
import GIC
import Memory
import Testing

@Suite("ITS")
struct ITSTests {
  static let mapping: [ITSCommand] = [
    .mapc(collection: 1, target: 1), .mapd(device: 5, eventBits: 4, table: 0x5000_0000),
    .mapti(device: 5, event: 3, lpi: 8200, collection: 1),
  ]

  @Test("a bad command stalls the queue until software writes Retry")
  func stall() throws {
    var machine = try Machine(
      profile: ITSProfile(), personality: .architecture,
      redistributors: RedistributorProfile(count: 2))
    machine.configure(8200)
    // MAPTI before the device is mapped.
    machine.run([Self.mapping[2], Self.mapping[0]])
    #expect(machine.read(0x90) == 1, "stalled at offset 0")
    #expect(machine.its.lastError?.rawValue == 0x01_0a04)
    machine.run([.sync(target: 0)])
    #expect(machine.read(0x90) == 1, "nothing runs while it is stalled")
    // Software replaces the command and retries.
    machine.memory.store(Self.mapping[1], at: PA(Machine.commandQueue))
    machine.write(0x88, machine.writeOffset | 1)
    #expect(machine.read(0x90) == 0x60)
    #expect(machine.read(0x88) == 0x60, "Retry is not kept")
    machine.run([Self.mapping[2]])
    #expect(
      machine.message(5, 3) == .delivered(intid: 8200, redistributor: 1, effect: .newlyPending))
  }

  @Test("GEM-06: commands can run one by one, and SYNC comes after all before it")
  func stepped() throws {
    var machine = try Machine(
      profile: ITSProfile(runsCommandsOnWrite: false),
      redistributors: RedistributorProfile(count: 2))
    machine.run(Self.mapping + [.sync(target: 1)])
    #expect(machine.read(0x90) == 0)
    #expect(machine.message(5, 3) == .dropped(.deviceUnmapped))
    var log = ITSLog()
    while let report = machine.its.processNextCommand(
      memory: machine.memory, redistributors: &machine.redistributors, observer: &log)
    {
      #expect(report.error == nil)
    }
    #expect(log.commands.map(\.offset) == [0, 32, 64, 96])
    #expect(machine.read(0x90) == 0x80)
    #expect(machine.its.hasCommands == false)
  }

  @Test("the queue wraps, and an ITS that is off keeps its commands for later")
  func wrap() throws {
    var machine = try Machine()
    for _ in 0..<2047 { machine.run([.sync(target: 0)]) }
    #expect(machine.read(0x90) == 0xffe0)
    machine.write(0, 0, width: 4)
    machine.run(Self.mapping)
    #expect(machine.read(0x90) == 0xffe0)
    #expect(machine.message(5, 3) == .dropped(.itsDisabled))
    machine.write(0, 1, width: 4)
    #expect(machine.read(0x90) == 0x40)
    #expect(machine.read(0, width: 4) == 1, "not quiescent while enabled")
    #expect(machine.message(5, 3) != .dropped(.itsDisabled))
  }

  @Test(
    "a message that is not mapped is dropped, and says why",
    arguments: [
      (0x1_0000, 0, .deviceOutOfRange), (6, 0, .deviceUnmapped), (5, 16, .eventOutOfRange),
      (5, 4, .eventUnmapped), (5, 5, .collectionUnmapped), (5, 6, .intidOutOfRange),
      (7, 0, .tableAbort),
    ] as [(UInt32, UInt32, DropReason)])
  func drops(device: UInt32, event: UInt32, reason: DropReason) throws {
    var machine = try Machine()
    machine.writeRedistributor(0, 0, at: 1, width: 4)
    machine.writeRedistributor(0x70, Machine.configuration | 13, at: 1)
    machine.writeRedistributor(0, 1, at: 1, width: 4)
    machine.run(
      Self.mapping + [
        .mapti(device: 5, event: 5, lpi: 8201, collection: 9),
        .mapti(device: 5, event: 6, lpi: 0x4000, collection: 1),
        .mapd(device: 7, eventBits: 4, table: 0x9_0000_0000),
      ])
    #expect(machine.message(device, event) == .dropped(reason))
    for cpu in 0..<4 { #expect(machine.pendingLPIs(cpu) == []) }
  }

  @Test("with UMSI the first message that was not mapped is latched until its status is cleared")
  func unmappedMessages() throws {
    var machine = try Machine(
      profile: ITSProfile(reportsUnmappedMessages: true),
      redistributors: RedistributorProfile(count: 2))
    #expect(machine.read(ITSRegister.status, width: 4) == 0)
    _ = machine.message(0x77, 3)
    _ = machine.message(0x78, 4)
    #expect(machine.read(ITSRegister.unmappedMSI) == 0x77_0000_0003)
    let status = machine.read(ITSRegister.status, width: 4)
    #expect(status == 0x30, "UMSI and Overflow")
    machine.write(ITSRegister.status, status, width: 4)
    _ = machine.message(0x79, 5)
    #expect(machine.read(ITSRegister.unmappedMSI) == 0x79_0000_0005)
    machine.write(ITSRegister.unmappedMSI, 0)
    #expect(machine.read(ITSRegister.unmappedMSI) == 0x79_0000_0005, "read-only")
  }

  @Test("tables are in memory, in the documented format")
  func formats() throws {
    var machine = try Machine()
    machine.run(Self.mapping)
    let device = machine.memory.load64(PA(Machine.deviceTable + 40))
    #expect(device == 1 | 3 << 1 | (0x5000_0000 >> 8) << 6)
    let collection = machine.memory.load64(PA(Machine.collectionTable + 8))
    #expect(collection == 1 | 1 << 1)
    let words = (0..<3).map { machine.memory.load32(PA(0x5000_0000 + 36 + 4 * $0)) }
    #expect(words == [3 | 8200 << 2, 1, 1023])
  }

  @Test("a two-level table serves the devices whose level 2 page exists")
  func twoLevels() throws {
    var machine = try Machine(
      profile: ITSProfile(), redistributors: RedistributorProfile(count: 2), enable: false)
    machine.memory.store64(PA(Machine.deviceTable), 1 << 63 | 0x6000_0000)
    machine.memory.store64(PA(Machine.deviceTable + 24), 1 << 63 | 0x6001_0000)
    for cpu in 0..<2 { machine.enableLPIs(cpu) }
    machine.write(0x100, 1 << 63 | 1 << 62 | Machine.deviceTable)
    machine.write(0x108, 1 << 63 | Machine.collectionTable)
    machine.write(0x80, 1 << 63 | Machine.commandQueue | 15)
    machine.write(0, 1, width: 4)
    // 4 KiB pages hold 512 entries each.
    #expect(machine.error(of: .mapd(device: 511, eventBits: 1, table: 0x5000_0000)) == nil)
    let missing = machine.error(of: .mapd(device: 512, eventBits: 1, table: 0x5000_0000))
    #expect(missing?.rawValue == 0x01_0801)
    #expect(machine.error(of: .mapd(device: 1536, eventBits: 1, table: 0x5000_0000)) == nil)
    #expect(machine.memory.load64(PA(0x6001_0000)) != 0)
    #expect(machine.message(512, 0) == .dropped(.deviceUnmapped))
  }

  @Test("a cached translation stays until a command drops it")
  func staleCache() throws {
    var machine = try Machine()
    machine.configure(8200)
    machine.run(Self.mapping)
    _ = machine.message(5, 3)
    // Software clears the entry behind the back of the ITS.
    machine.memory.store64(PA(0x5000_0000 + 36 + 4), 0)
    machine.memory.store32(PA(0x5000_0000 + 36), 0)
    #expect(
      machine.message(5, 3) == .delivered(intid: 8200, redistributor: 1, effect: .alreadyPending))
    machine.its.dropCachedRoutes()
    #expect(machine.message(5, 3) == .dropped(.eventUnmapped))
  }

  @Test("collections below HCC need no table; the table holds the others")
  func internalCollections() throws {
    var machine = try Machine(
      profile: ITSProfile(internalCollections: 2), redistributors: RedistributorProfile(count: 4))
    machine.configure(8200)
    machine.configure(8201)
    machine.run([
      .mapc(collection: 1, target: 3), .mapc(collection: 2, target: 2),
      .mapd(device: 5, eventBits: 4, table: 0x5000_0000),
      .mapti(device: 5, event: 0, lpi: 8200, collection: 1),
      .mapti(device: 5, event: 1, lpi: 8201, collection: 2),
    ])
    #expect(machine.memory.load64(PA(Machine.collectionTable)) == 1 | 2 << 1, "entry of ICID 2")
    _ = machine.message(5, 0)
    _ = machine.message(5, 1)
    #expect(machine.acknowledgeAll() == [[], [], [8201], [8200]])
  }

  @Test("MOVI takes the pending state along and the next message follows")
  func moveInterrupt() throws {
    var machine = try Machine()
    machine.configure(8200)
    machine.run(Self.mapping + [.mapc(collection: 2, target: 2)])
    _ = machine.message(5, 3)
    machine.run([.movi(device: 5, event: 3, collection: 2)])
    #expect(machine.acknowledgeAll() == [[], [], [8200], []])
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[], [], [8200], []])
  }

  @Test("CLEAR and DISCARD take a pending interrupt back")
  func clear() throws {
    var machine = try Machine()
    machine.configure(8200)
    machine.run(Self.mapping)
    _ = machine.message(5, 3)
    machine.run([.clear(device: 5, event: 3)])
    #expect(machine.acknowledgeAll() == [[], [], [], []])
    _ = machine.message(5, 3)
    machine.run([.discard(device: 5, event: 3)])
    #expect(machine.acknowledgeAll() == [[], [], [], []])
    #expect(machine.message(5, 3) == .dropped(.eventUnmapped))
  }

  @Test("an observer sees every entry on the way, with its address")
  func observed() throws {
    var machine = try Machine()
    machine.configure(8200)
    machine.run(Self.mapping)
    var log = ITSLog()
    _ = machine.its.receiveMessage(
      deviceID: 5, eventID: 3, memory: machine.memory, redistributors: &machine.redistributors,
      observer: &log)
    #expect(
      log.reads.map(\.address) == [
        PA(Machine.deviceTable + 40), PA(0x5000_0024), PA(Machine.collectionTable + 8),
        PA(Machine.configuration + 8), PA(Machine.pending + 0x1_0000 + 1025),
      ])
    #expect(
      log.reads.map(\.meaning) == [
        .device(deviceID: 5, valid: true, eventBits: 4, table: 0x5000_0000),
        .interrupt(eventID: 3, lpi: 8200, collection: 1),
        .collection(1, valid: true, redistributor: 1),
        .configuration(intid: 8200, priority: 0xa0, enabled: true),
        .pending(intid: 8200, wasPending: false),
      ])
    _ = machine.its.receiveMessage(
      deviceID: 5, eventID: 3, memory: machine.memory, redistributors: &machine.redistributors,
      observer: &log)
    #expect(log.reads[5].meaning == .cached(intid: 8200, redistributor: 1))
    #expect(log.reads[7].meaning == .pending(intid: 8200, wasPending: true))
  }

  @Test("ACS-08: several ITSs deliver to the same redistributors")
  func severalITSs() throws {
    var machine = try Machine()
    var second = ITS(profile: ITSProfile(), personality: .architectureSkippingErrors)
    var none = NoITSObserver()
    machine.configure(8200)
    machine.configure(8300)
    machine.run(Self.mapping)
    for (register, value) in [
      (0x100, 1 << 63 | 0x6000_0000), (0x108, 1 << 63 | 0x6001_0000), (0x80, 1 << 63 | 0x6002_0000),
    ] as [(UInt64, UInt64)] {
      second.writeRegister(
        register, value, width: 8, memory: machine.memory,
        redistributors: &machine.redistributors, observer: &none)
    }
    second.writeRegister(
      0, 1, width: 4, memory: machine.memory, redistributors: &machine.redistributors,
      observer: &none)
    let commands: [ITSCommand] = [
      .mapc(collection: 0, target: 2), .mapd(device: 5, eventBits: 1, table: 0x6003_0000),
      .mapti(device: 5, event: 0, lpi: 8300, collection: 0),
    ]
    for (index, command) in commands.enumerated() {
      machine.memory.store(command, at: PA(0x6002_0000 + 32 * UInt64(index)))
    }
    second.writeRegister(
      0x88, 96, width: 8, memory: machine.memory, redistributors: &machine.redistributors,
      observer: &none)
    _ = second.receiveMessage(
      deviceID: 5, eventID: 0, memory: machine.memory, redistributors: &machine.redistributors,
      observer: &none)
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[], [8200], [8300], []])
  }
}
