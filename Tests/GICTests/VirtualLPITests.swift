import ArmFormats
import Bits
import GIC
import Memory
import Testing

@Suite("Virtual LPIs")
struct VirtualLPITests {
  static let table: PA = 0x5400_0000
  static let configuration: PA = 0x5500_0000
  static let doorbell: UInt32 = 9000

  /// vPE 1 on PE 2, device 5 event 3 mapped to virtual LPI 8195 of it.
  static func machine(_ version: GICVersion, doorbell: UInt32 = doorbell) throws -> Machine {
    var machine = try Machine(cpus: 4, version: version)
    machine.configure(Self.doorbell)
    machine.memory.store8(configuration + 3, 0xa3)
    machine.run([
      .vmapp(
        virtualPE: 1, target: 2, table: table, tableBits: 16, defaultDoorbell: Self.doorbell,
        configuration: configuration, allocate: true),
      .mapd(device: 5, eventBits: 4, table: 0x5000_0000),
      .vmapti(device: 5, event: 3, virtualPE: 1, virtualLPI: 8195, doorbell: doorbell),
      .vsync(virtualPE: 1),
    ])
    for cpu in 0..<4 {
      let properties =
        version == .v4Point1
        ? 1 << 63 | 2 << 53 | Machine.virtualPETable : configuration.rawValue | 15
      machine.writeRedistributor(0x2_0070, properties, at: cpu)
    }
    return machine
  }

  static func enter(_ machine: inout Machine, cpu: Int = 2) {
    let valid: UInt64 = 1 << 63
    machine.writeRedistributor(
      0x2_0078,
      machine.its.profile.version == .v4Point1
        ? valid | 3 << 58 | 1 : valid | 1 << 62 | table.rawValue, at: cpu)
  }

  /// Leaves the vPE and returns PendingLast.
  static func leave(_ machine: inout Machine, cpu: Int = 2, doorbell: Bool = false) -> Bool {
    machine.writeRedistributor(0x2_0078, doorbell ? 1 << 62 : 0, at: cpu)
    let register = machine.redistributors.readRegister(0x2_0078, width: 8, at: cpu)
    #expect(register >> 60 & 1 == 0, "not dirty")
    return register >> 61 & 1 == 1
  }

  static func take(_ machine: inout Machine, cpu: Int = 2) -> [UInt32] {
    var interface = VirtualCPUInterface(cpu: cpu)
    var taken: [UInt32] = []
    while taken.count < 100 {
      let vINTID = interface.acknowledge(
        redistributors: &machine.redistributors, memory: machine.memory)
      guard vINTID != INTID.spurious else { break }
      taken.append(vINTID)
      interface.endOfInterrupt(vINTID)
    }
    return taken
  }

  @Test(
    "KV-26: while its vPE is resident a message is a virtual interrupt at once",
    arguments: [GICVersion.v4, .v4Point1])
  func resident(version: GICVersion) throws {
    var machine = try Self.machine(version)
    Self.enter(&machine)
    let outcome = machine.message(5, 3)
    #expect(
      outcome
        == .deliveredVirtual(
          virtualPE: 1, vINTID: 8195, redistributor: 2,
          VirtualEffect(isResident: true, wasPending: false, doorbell: nil)))
    #expect(Self.take(&machine) == [8195])
    #expect(machine.acknowledgeAll() == [[], [], [], []], "no doorbell")
    #expect(Self.leave(&machine) == false)
  }

  @Test(
    "KV-29: while it is not, the table remembers, a doorbell rings, and entry delivers once",
    arguments: [GICVersion.v4, .v4Point1])
  func notResident(version: GICVersion) throws {
    var machine = try Self.machine(version, doorbell: version == .v4 ? Self.doorbell : 1023)
    Self.enter(&machine)
    #expect(Self.leave(&machine, doorbell: true) == false)
    let outcome = machine.message(5, 3)
    #expect(
      outcome
        == .deliveredVirtual(
          virtualPE: 1, vINTID: 8195, redistributor: 2,
          VirtualEffect(isResident: false, wasPending: false, doorbell: Self.doorbell)))
    #expect(machine.memory.load8(Self.table + 1024) == 8)
    #expect(machine.acknowledgeAll() == [[], [], [9000], []])
    Self.enter(&machine)
    #expect(Self.take(&machine) == [8195])
    #expect(Self.take(&machine) == [])
  }

  @Test("the default doorbell of GICv4.1 rings once, and only when asked for")
  func defaultDoorbell() throws {
    var machine = try Self.machine(.v4Point1, doorbell: 1023)
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[], [], [], []], "nobody asked")
    Self.enter(&machine)
    _ = Self.take(&machine)
    _ = Self.leave(&machine, doorbell: true)
    _ = machine.message(5, 3)
    machine.run([.int(device: 5, event: 3)])
    #expect(machine.acknowledgeAll() == [[], [], [9000], []])
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[], [], [], []])
  }

  @Test(
    "PendingLast tells of an enabled interrupt that was not taken",
    arguments: [GICVersion.v4, .v4Point1])
  func pendingLast(version: GICVersion) throws {
    var machine = try Self.machine(version)
    Self.enter(&machine)
    _ = machine.message(5, 3)
    #expect(Self.leave(&machine) == true)
    machine.memory.store8(Self.configuration + 3, 0xa2)
    Self.enter(&machine)
    #expect(Self.leave(&machine) == false, "disabled")
  }

  @Test(
    "a configuration that changes while resident counts after INV or VINVALL",
    arguments: [GICVersion.v4, .v4Point1])
  func configurationChange(version: GICVersion) throws {
    var machine = try Self.machine(version)
    machine.memory.store8(Self.configuration + 3, 0xa2)
    Self.enter(&machine)
    _ = machine.message(5, 3)
    #expect(Self.take(&machine) == [])
    machine.memory.store8(Self.configuration + 3, 0xa3)
    machine.run([.vinvall(virtualPE: 1)])
    #expect(Self.take(&machine) == [8195])
  }

  @Test("scenario 47: VMOVP moves vPE and doorbell; without it the doorbell rings at the old PE")
  func movePE() throws {
    var machine = try Self.machine(.v4)
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[], [], [9000], []])
    machine.run([.vmovp(virtualPE: 1, target: 0), .clear(device: 5, event: 3)])
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[9000], [], [], []])
    Self.enter(&machine, cpu: 0)
    #expect(Self.take(&machine, cpu: 0) == [8195])
  }

  @Test("VMOVI moves the pending state to the other vPE's table")
  func moveInterrupt() throws {
    var machine = try Self.machine(.v4)
    machine.run([.vmapp(virtualPE: 7, target: 1, table: 0x5600_0000, tableBits: 16)])
    _ = machine.message(5, 3)
    _ = machine.acknowledgeAll()
    machine.run([.vmovi(device: 5, event: 3, virtualPE: 7, doorbell: nil)])
    #expect(machine.memory.load8(Self.table + 1024) == 0)
    #expect(machine.memory.load8(0x5600_0400) == 8)
    _ = machine.message(5, 3)
    #expect(machine.acknowledgeAll() == [[], [9000], [], []])
  }

  @Test("KV-31: an event is a physical or a virtual interrupt, never both")
  func exclusive() throws {
    var machine = try Self.machine(.v4)
    machine.configure(8200)
    machine.run([
      .discard(device: 5, event: 3), .mapc(collection: 0, target: 0),
      .mapti(device: 5, event: 3, lpi: 8200, collection: 0),
    ])
    #expect(
      machine.message(5, 3) == .delivered(intid: 8200, redistributor: 0, effect: .newlyPending))
    #expect(machine.memory.load8(Self.table + 1024) == 0)
  }

  @Test("virtual SGIs of GICv4.1: VSGI configures, GITS_SGIR raises")
  func virtualSGIs() throws {
    var machine = try Self.machine(.v4Point1)
    machine.run([.vsgi(virtualPE: 1, sgi: 4, priority: 0x80, enable: true)])
    Self.enter(&machine)
    machine.write(ITSRegister.virtualSGI, 1 << 32 | 4)
    #expect(Self.take(&machine) == [4])
    _ = Self.leave(&machine, doorbell: true)
    machine.write(ITSRegister.virtualSGI, 1 << 32 | 4)
    #expect(machine.acknowledgeAll() == [[], [], [9000], []])
    machine.run([.vsgi(virtualPE: 1, sgi: 4, clear: true)])
    Self.enter(&machine)
    #expect(Self.take(&machine) == [])
  }

  @Test(
    "GICv4 command errors",
    arguments: [
      (.vmapti(device: 5, event: 99, virtualPE: 1, virtualLPI: 8195, doorbell: 1023), 0x01_2a05),
      (.vmapti(device: 5, event: 1, virtualPE: 1, virtualLPI: 100, doorbell: 1023), 0x01_2a13),
      (.vmapti(device: 5, event: 1, virtualPE: 1, virtualLPI: 8195, doorbell: 5), 0x01_2a06),
      (.vmapti(device: 9, event: 1, virtualPE: 1, virtualLPI: 8195, doorbell: 1023), 0x01_2a04),
      (.vmapp(virtualPE: 2, target: 9, table: 0, tableBits: 14), 0x01_2902),
      (.vmovp(virtualPE: 3, target: 0), 0x01_2214), (.vsync(virtualPE: 3), 0x01_2514),
      (.vmovi(device: 5, event: 1, virtualPE: 1, doorbell: nil), 0x01_2107),
      (.vmovi(device: 5, event: 3, virtualPE: 3, doorbell: nil), 0x01_2117),
      (.invdb(virtualPE: 1), 0x01_2e21), (.vsgi(virtualPE: 1, sgi: 0), 0x01_2321),
    ] as [(ITSCommand, UInt32)])
  func errors(command: ITSCommand, code: UInt32) throws {
    var machine = try Self.machine(.v4)
    #expect(machine.error(of: command)?.rawValue == code)
  }

  @Test("an ITS without virtual LPIs does not know the commands of GICv4")
  func physicalOnly() throws {
    var machine = try Machine()
    #expect(machine.error(of: .vsync(virtualPE: 0))?.rule == .unknownCommand)
  }
}
