import ArmFormats
import Bits
import GIC
import KVM
import Memory
import Testing

/// KVM's virtual ITS: the selftest `vgic_lpi_stress` and the behaviour of `vgic-its.c`, restated.
@Suite("KVM's virtual ITS")
struct KVMPersonalityTests {
  static let base: IPA = 0x808_0000
  static let doorbell: IPA = 0x809_0040

  static func machine(
    cpus: Int = 4, cache: RouteCache.Capacity = .unlimited, enable: Bool = true
  ) throws -> Machine {
    try Machine(
      profile: .kvm(cache: cache), personality: .kvm, redistributors: .kvm(count: cpus),
      enable: enable)
  }

  /// `SETUP1` of kvm-unit-tests.
  static func setUp(_ machine: inout Machine) {
    machine.configure(8195)
    machine.configure(8196)
    machine.run([
      .mapd(device: 2, eventBits: 8, table: PA(0x4010_0000)),
      .mapd(device: 7, eventBits: 8, table: PA(0x4011_0000)),
      .mapc(collection: 3, target: 3), .mapc(collection: 2, target: 2),
      .mapti(device: 2, event: 20, lpi: 8195, collection: 3),
      .mapti(device: 7, event: 255, lpi: 8196, collection: 2),
    ])
  }

  static func inject(
    _ machine: inout Machine, _ device: UInt32?, _ event: UInt32, at address: IPA = doorbell
  ) -> Int {
    var none = NoITSObserver()
    return machine.its.inject(
      address: address, base: base, deviceID: device, eventID: event, memory: machine.memory,
      redistributors: &machine.redistributors, observer: &none
    ).value
  }

  /// The set-up of `vgic_lpi_stress`: LPIs in order of device and event, collections in turn.
  static func stressed(cpus: Int, devices: UInt32, events: UInt32, cache: RouteCache.Capacity)
    throws -> Machine
  {
    var machine = try machine(cpus: cpus, cache: cache)
    for cpu in 0..<UInt64(cpus) {
      machine.run([.mapc(collection: UInt16(cpu), target: cpu)])
    }
    var lpi: UInt32 = 8192
    for device in 0..<devices {
      let table = PA(0x5000_0000 + UInt64(device) * 0x8_0000)
      machine.run([.mapd(device: device, eventBits: 16, table: table)])
      for event in 0..<events {
        machine.configure(lpi)
        let collection = UInt16(lpi - 8192) % UInt16(cpus)
        machine.run([.mapti(device: device, event: event, lpi: lpi, collection: collection)])
        lpi += 1
      }
    }
    for cpu in 0..<UInt16(cpus) { machine.run([.invall(collection: cpu)]) }
    return machine
  }

  @Test(
    "KS-01, KS-04: every injection is accepted and reaches its vCPU once",
    arguments: [
      (1, 1, 16, .limited(16)), (1, 1, 17, .limited(16)), (16, 16, 16, .limited(256)),
      (16, 16, 17, .limited(256)), (64, 64, 1, .unlimited), (64, 64, 16, .none),
      (64, 64, 16, .unlimited),
    ] as [(Int, UInt32, UInt32, RouteCache.Capacity)])
  func stress(cpus: Int, devices: UInt32, events: UInt32, cache: RouteCache.Capacity) throws {
    var machine = try Self.stressed(cpus: cpus, devices: devices, events: events, cache: cache)
    for _ in 0..<4 {
      for event in 0..<events {
        for device in 0..<devices {
          let value = Self.inject(&machine, device, event)
          #expect(value == 1)
        }
      }
      var expected = [[UInt32]](repeating: [], count: cpus)
      for lpi in 0..<(devices * events) { expected[Int(lpi) % cpus].append(8192 + lpi) }
      let taken = machine.acknowledgeAll()
      #expect(taken == expected)
    }
  }

  @Test("KS-04: one event more than the cache holds makes every message miss, and none is lost")
  func eviction() throws {
    var fits = try Self.stressed(cpus: 1, devices: 1, events: 16, cache: .limited(16))
    var spills = try Self.stressed(cpus: 1, devices: 1, events: 17, cache: .limited(16))
    for round in 0..<10 {
      for event in 0..<UInt32(17) {
        if event < 16 { _ = Self.inject(&fits, 0, event) }
        let value = Self.inject(&spills, 0, event)
        #expect(value == 1, "round \(round)")
      }
    }
    #expect(fits.its.routes.misses == 16 && fits.its.routes.hits == 144)
    #expect(spills.its.routes.hits == 0 && spills.its.routes.evictions == 170 - 16)
  }

  @Test("KS-02: commands are done when the write of GITS_CWRITER returns")
  func synchronous() throws {
    var machine = try Self.machine()
    machine.run([.mapc(collection: 0, target: 0), .sync(target: 0)])
    let (read, written) = (machine.read(0x90), machine.read(0x88))
    #expect(read == 0x40 && written == 0x40)
  }

  @Test("KV-01: identification")
  func identification() throws {
    var machine = try Self.machine(enable: false)
    let type = machine.read(0x8)
    #expect(type == 0x1_ef71)
    let identification = machine.read(0x4, width: 4)
    #expect(identification == 0x4b00_043b)
  }

  @Test("KV-02 to KV-05: what KVM_SIGNAL_MSI returns")
  func signal() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    #expect(Self.inject(&machine, 2, 20) == 1)
    #expect(Self.inject(&machine, 2, 20, at: 0x808_0000) == 1, "anywhere in the frames")
    #expect(Self.inject(&machine, 2, 21) == 0, "unmapped: blocked")
    #expect(Self.inject(&machine, nil, 20) == -22, "no DeviceID")
    #expect(Self.inject(&machine, 2, 20, at: 0x80a_0040) == -22, "no ITS there")
    #expect(InjectionResult.noDevice.value == -19)
    machine.run([.mapc(collection: 3, target: 0, valid: false)])
    #expect(Self.inject(&machine, 2, 20) == 0, "collection unmapped: blocked")
    machine.write(0, 0, width: 4)
    #expect(Self.inject(&machine, 7, 255) == -16, "ITS disabled")
    machine.write(0, 1, width: 4)
    machine.writeRedistributor(0, 0, at: 2, width: 4)
    #expect(Self.inject(&machine, 7, 255) == -16, "LPIs disabled at the target")
  }

  @Test("KV-03: the architecture ignores a message whose redistributor has LPIs disabled")
  func lpisDisabled() throws {
    var machine = try KVMUnitTestCases.machine(byAddress: false)
    machine.writeRedistributor(0, 0, at: 3, width: 4)
    let outcome = machine.message(2, 20)
    #expect(outcome == .dropped(.lpisDisabled))
  }

  @Test("KV-07: table and queue bases are read-only while enabled")
  func locked() throws {
    var machine = try Self.machine()
    for register in [0x80, 0x100, 0x108] as [UInt64] {
      let before = machine.read(register)
      machine.write(register, 0)
      let after = machine.read(register)
      #expect(after == before)
    }
  }

  @Test(
    "KV-08: without both tables and a queue the ITS stays disabled",
    arguments: [0x80, 0x100, 0x108] as [UInt64])
  func incomplete(missing: UInt64) throws {
    var machine = try Self.machine(enable: false)
    for (register, value) in [
      (0x80, 1 << 63 | Machine.commandQueue | 15), (0x100, 1 << 63 | Machine.deviceTable),
      (0x108, 1 << 63 | Machine.collectionTable),
    ] as [(UInt64, UInt64)] where register != missing {
      machine.write(register, value)
    }
    machine.write(0, 1, width: 4)
    let control = machine.read(0, width: 4)
    #expect(control == 0x8000_0000)
  }

  @Test("KV-09, KV-10: a write offset beyond the queue is ignored; a new queue starts at 0")
  func queueOffsets() throws {
    var machine = try Self.machine()
    machine.write(0x88, 0x1_0000)
    let (read, written) = (machine.read(0x90), machine.read(0x88))
    #expect(read == 0 && written == 0)
    machine.run([.sync(target: 0)])
    machine.write(0, 0, width: 4)
    machine.write(0x80, 1 << 63 | Machine.commandQueue | 15)
    let (readAgain, writtenAgain) = (machine.read(0x90), machine.read(0x88))
    #expect(readAgain == 0 && writtenAgain == 0)
  }

  @Test(
    "KV-12 to KV-16: command errors, and the queue goes on",
    arguments: [
      (.mapd(device: 0x1_0000, eventBits: 1, table: 0x4200_0000), 0x01_0801),
      (.mapd(device: 0x8000, eventBits: 1, table: 0x4200_0000), 0x01_0801),
      (.mapd(device: 3, eventBits: 17, table: 0x4200_0000), 0x01_0802),
      (.mapd(device: 3, eventBits: 16, table: 0x4200_0000), nil),
      (.mapti(device: 9, event: 0, lpi: 8192, collection: 2), 0x01_0a04),
      (.mapti(device: 2, event: 256, lpi: 8192, collection: 2), 0x01_0a05),
      (.mapti(device: 2, event: 0, lpi: 8191, collection: 2), 0x01_0a06),
      (.mapti(device: 2, event: 0, lpi: 0x1_0000, collection: 2), 0x01_0a06),
      (.mapti(device: 2, event: 0, lpi: 100, collection: 2), 0x01_0a06),
      (.mapc(collection: 1, target: 4), 0x01_0902),
      (.movall(from: 0, to: 4), 0x01_0e01),
      (.movi(device: 2, event: 0, collection: 2), 0x01_0107),
      (.movi(device: 2, event: 20, collection: 9), 0x01_0109),
      (.discard(device: 2, event: 0), 0x01_0f07), (.clear(device: 2, event: 0), 0x01_0507),
      (.inv(device: 2, event: 0), 0x01_0c07), (.int(device: 2, event: 0), 0x01_0307),
      (.invall(collection: 9), 0x01_0d09),
      (.mapd(device: 8, eventBits: 1, table: 0, valid: false), nil),
    ] as [(ITSCommand, UInt32?)])
  func commandErrors(command: ITSCommand, code: UInt32?) throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    let error = machine.error(of: command)
    #expect(error?.rawValue == code)
    let (read, written) = (machine.read(0x90), machine.read(0x88))
    #expect(read == written, "nothing stalls")
    #expect(Self.inject(&machine, 7, 255) == 1)
  }

  @Test("KV-15: MOVALL takes every LPI of the VM along")
  func moveAll() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    _ = Self.inject(&machine, 2, 20)
    machine.run([.movall(from: 0, to: 1)])
    _ = Self.inject(&machine, 7, 255)
    let taken = machine.acknowledgeAll()
    #expect(taken == [[], [8195, 8196], [], []])
  }

  @Test("KV-18: mapping a device again unmaps its events; a second MAPTI changes nothing")
  func mapAgain() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    machine.run([.mapti(device: 2, event: 20, lpi: 8300, collection: 2)])
    _ = Self.inject(&machine, 2, 20)
    #expect(machine.acknowledgeAll() == [[], [], [], [8195]])
    machine.run([.mapd(device: 2, eventBits: 8, table: 0x4010_0000)])
    #expect(Self.inject(&machine, 2, 20) == 0)
  }

  @Test(
    "an event does not survive that its collection is unmapped, until its device is mapped anew")
  func detached() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    machine.run([
      .mapc(collection: 3, target: 0, valid: false), .mapc(collection: 3, target: 3),
      .mapti(device: 2, event: 20, lpi: 8195, collection: 3),
    ])
    #expect(Self.inject(&machine, 2, 20) == 0)
    let error = machine.error(of: .discard(device: 2, event: 20))
    #expect(error?.rule == .collectionUnmapped)
    machine.run([
      .mapd(device: 2, eventBits: 8, table: 0x4010_0000),
      .mapti(device: 2, event: 20, lpi: 8195, collection: 3),
    ])
    #expect(Self.inject(&machine, 2, 20) == 1)
  }

  @Test(
    "KV-21: no command leaves a stale translation behind",
    arguments: [
      (.discard(device: 2, event: 20), 0), (.mapd(device: 2, eventBits: 8, table: 0x4010_0000), 0),
      (.mapc(collection: 3, target: 3, valid: false), 0),
      (.movi(device: 2, event: 20, collection: 2), 1), (.movall(from: 0, to: 2), 1),
      (.mapc(collection: 3, target: 2), 1),
    ] as [(ITSCommand, Int)])
  func staleness(command: ITSCommand, value: Int) throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    #expect(Self.inject(&machine, 2, 20) == 1)
    _ = machine.acknowledgeAll()
    machine.run([command])
    #expect(Self.inject(&machine, 2, 20) == value)
    #expect(machine.acknowledgeAll() == [[], [], value == 1 ? [8195] : [], []])
  }

  @Test("KV-22: saved tables, revision 0, word by word")
  func savedTables() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    try machine.its.saveTables(memory: machine.memory)
    let words: [(UInt64, UInt64)] = [
      (Machine.deviceTable + 16, 0x800a_0000_0802_0007),
      (Machine.deviceTable + 56, 0x8000_0000_0802_2007),
      (0x4010_0000 + 160, 0x0000_0000_2003_0003), (0x4011_0000 + 255 * 8, 0x0000_0000_2004_0002),
      (Machine.collectionTable, 0x8000_0000_0002_0002),
      (Machine.collectionTable + 8, 0x8000_0000_0003_0003), (Machine.collectionTable + 16, 0),
    ]
    for (place, word) in words {
      #expect(machine.memory.load64(PA(place)) == word, "\(hex(place))")
    }
  }

  @Test("KV-24: tables cannot be restored before the bases; then everything works as before")
  func restore() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    _ = Self.inject(&machine, 7, 255)
    try machine.its.saveTables(memory: machine.memory)
    let saved = machine.redistributors.savePendingTables(memory: machine.memory)
    #expect(saved)
    let registers = [0x80, 0x100, 0x108, 0x88, 0x90].map { ($0, machine.read($0)) }
    machine.its.reset()
    #expect(throws: SavedTableError.invalid) {
      try machine.its.restoreTables(
        memory: machine.memory, redistributors: machine.redistributors)
    }
    for (register, value) in registers {
      let accepted = machine.its.restoreRegister(register, value)
      #expect(accepted)
    }
    let otherRevision = machine.its.restoreRegister(0x4, 0x4b00_143b)
    #expect(!otherRevision)
    machine.redistributors = Redistributors(profile: .kvm(count: 4))
    for cpu in 0..<4 { machine.enableLPIs(cpu) }
    try machine.its.restoreTables(
      memory: machine.memory, redistributors: machine.redistributors)
    machine.write(0, 1, width: 4)
    #expect(machine.acknowledgeAll() == [[], [], [8196], []])
    #expect(Self.inject(&machine, 2, 20) == 1)
    #expect(machine.acknowledgeAll() == [[], [], [], [8195]])
  }

  // arch/arm64/kvm/vgic/vgic-mmio-v3.c `vgic_mmio_write_v3r_ctlr`, vgic.c `vgic_flush_pending_lpis`.
  @Test(
    "clearing EnableLPIs loses what is pending, and setting it again takes over what memory has")
  func disabledLPIs() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    #expect(Self.inject(&machine, 7, 255) == 1)
    machine.writeRedistributor(0, 0, at: 2, width: 4)
    machine.writeRedistributor(0, 1, at: 2, width: 4)
    #expect(machine.acknowledgeAll() == [[], [], [], []])
    #expect(Self.inject(&machine, 7, 255) == 1)
    let saved = machine.redistributors.savePendingTables(memory: machine.memory)
    #expect(saved)
    machine.writeRedistributor(0, 0, at: 2, width: 4)
    machine.writeRedistributor(0, 1, at: 2, width: 4)
    #expect(machine.acknowledgeAll() == [[], [], [8196], []])
  }

  @Test("KV-25: reset")
  func reset() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    machine.its.reset()
    #expect(machine.read(0, width: 4) == 0x8000_0000)
    for register in [0x80, 0x88, 0x90] as [UInt64] { #expect(machine.read(register) == 0) }
    #expect(machine.read(0x100) >> 63 == 0)
    #expect(Self.inject(&machine, 2, 20) == -16)
  }

  @Test("KV-26, KV-31: a forwarded event is the hardware's, and its commands are mirrored")
  func forwarding() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    _ = Self.inject(&machine, 2, 20)
    let host = HostEvent(deviceID: 0x10, eventID: 4)
    let wrong = machine.its.setForwarding(
      address: 0xffff_f040, base: Self.base, deviceID: 2, eventID: 20, to: host,
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(wrong == nil, "a guest IOVA finds no ITS: software injection stays")
    let forwarded = machine.its.setForwarding(
      address: Self.doorbell, base: Self.base, deviceID: 2, eventID: 20, to: host,
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(forwarded == ForwardedInterrupt(vINTID: 8195, vCPU: 3, wasPending: true))
    #expect(machine.acknowledgeAll() == [[], [], [], []], "the pending state moved, once")
    let twice = machine.its.setForwarding(
      address: Self.doorbell, base: Self.base, deviceID: 2, eventID: 20, to: host,
      redistributors: &machine.redistributors, memory: machine.memory)
    #expect(twice == nil)
    machine.configure(8195, 0x82)
    machine.run([
      .inv(device: 2, event: 20), .int(device: 2, event: 20), .clear(device: 2, event: 20),
      .movi(device: 2, event: 20, collection: 2), .movall(from: 0, to: 1),
      .discard(device: 2, event: 20),
    ])
    #expect(
      machine.its.takeForwardingActions() == [
        .configure(host, 0x82), .setPending(host, true), .setPending(host, false),
        .move(host, vCPU: 2), .move(host, vCPU: 1), .unmap(host),
      ])
    machine.run([.mapti(device: 2, event: 20, lpi: 8195, collection: 3)])
    #expect(machine.its.forwarding(deviceID: 2, eventID: 20) == nil, "only software from now on")
    #expect(Self.inject(&machine, 2, 20) == 1)
  }

  @Test("an event that is taken back keeps what was pending")
  func unforward() throws {
    var machine = try Self.machine()
    Self.setUp(&machine)
    let host = HostEvent(deviceID: 0x10, eventID: 4)
    _ = machine.its.setForwarding(
      address: Self.doorbell, base: Self.base, deviceID: 7, eventID: 255, to: host,
      redistributors: &machine.redistributors, memory: machine.memory)
    let found = machine.its.unsetForwarding(
      of: host, wasPending: true, redistributors: &machine.redistributors,
      memory: machine.memory)
    #expect(found)
    #expect(machine.acknowledgeAll() == [[], [], [8196], []])
  }
}
