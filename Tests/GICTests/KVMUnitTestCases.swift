import ArmFormats
import Bits
import GIC
import KVM
import Memory
import Testing

/// kvm-unit-tests `arm/gic.c`, restated: the literal command words of its `its_setup1`, in both
/// ways of naming a redistributor (PTA 0 and 1).
@Suite("kvm-unit-tests cases")
struct KVMUnitTestCases {
  static func machine(byAddress: Bool) throws -> Machine {
    var machine = try Machine(
      profile: ITSProfile(physicalTargets: byAddress),
      redistributors: RedistributorProfile(count: 4))
    machine.configure(8195)
    machine.configure(8196)
    let target = { (cpu: UInt64) -> UInt64 in
      byAddress ? (0x80a_0000 + cpu * 0x2_0000) : cpu << 16
    }
    machine.run(words: [
      (0x0000_0002_0000_0008, 7, 0x8000_0000_4010_0000),
      (0x0000_0007_0000_0008, 7, 0x8000_0000_4011_0000),
      (9, 0, 0x8000_0000_0000_0003 | target(3)), (9, 0, 0x8000_0000_0000_0002 | target(2)),
      (0xd, 0, 2), (0xd, 0, 3),
      (0x0000_0002_0000_000a, 0x0000_2003_0000_0014, 3),
      (0x0000_0007_0000_000a, 0x0000_2004_0000_00ff, 2),
    ])
    return machine
  }

  /// INT, or the message that is equivalent to it (KU-X1).
  enum Trigger: CaseIterable { case command, message }

  static func fire(_ machine: inout Machine, _ trigger: Trigger, _ device: UInt32, _ event: UInt32)
    -> [[UInt32]]
  {
    switch trigger {
    case .command: machine.run([.int(device: device, event: event)])
    case .message: _ = machine.message(device, event)
    }
    return machine.acknowledgeAll()
  }

  static let ways: [(Bool, Trigger)] = [
    (false, .command), (true, .command), (false, .message), (true, .message),
  ]

  @Test("KU-01, GEM-01: identification registers ignore writes")
  func readOnly() throws {
    var machine = try Machine()
    for register in [ITSRegister.identification, ITSRegister.type, ITSRegister.commandRead] {
      let before = machine.read(register, width: 4)
      for value in [0xffff_ffff, 0xa5a5_5a5a, 0] as [UInt64] {
        machine.write(register, value, width: 4)
        let after = machine.read(register, width: 4)
        #expect(after == before)
      }
    }
  }

  @Test("KU-02: GITS_TYPER reports physical LPIs and identifier widths")
  func type() throws {
    var machine = try Machine()
    let type = ITSType(rawValue: machine.read(ITSRegister.type))
    #expect(type[.physicalLPIs])
    #expect(!type[.virtualLPIs] && !type[.physicalTargets])
    #expect(type[.eventBits] == 15 && type[.deviceBits] == 15 && type[.collectionBits] == 15)
  }

  @Test("the eight commands of the set-up are consumed", arguments: [false, true])
  func setUp(byAddress: Bool) throws {
    var machine = try Self.machine(byAddress: byAddress)
    let read = machine.read(ITSRegister.commandRead)
    #expect(read == 0x100)
    let error = machine.its.lastError
    // INVALL before the collection is used is legal; nothing went wrong.
    #expect(error == nil)
  }

  @Test("KU-04, KU-05: an event reaches its PE once", arguments: ways)
  func delivered(byAddress: Bool, trigger: Trigger) throws {
    var machine = try Self.machine(byAddress: byAddress)
    let first = Self.fire(&machine, trigger, 2, 0x14)
    #expect(first == [[], [], [], [8195]])
    let second = Self.fire(&machine, trigger, 7, 0xff)
    #expect(second == [[], [], [8196], []])
  }

  @Test("KU-06 to KU-08: a disabled LPI waits until it is enabled and invalidated", arguments: ways)
  func disabled(byAddress: Bool, trigger: Trigger) throws {
    var machine = try Self.machine(byAddress: byAddress)
    machine.configure(8195, 0xa2)
    machine.run(words: [(0x0000_0002_0000_000c, 0x14, 0)])
    let whileDisabled = Self.fire(&machine, trigger, 2, 0x14)
    #expect(whileDisabled == [[], [], [], []])
    // Enabling in memory alone is not seen.
    machine.configure(8195, 0xa3)
    let unseen = machine.acknowledgeAll()
    #expect(unseen == [[], [], [], []])
    machine.run(words: [(0xd, 0, 3)])
    let afterAll = machine.acknowledgeAll()
    #expect(afterAll == [[], [], [], [8195]])
    let again = Self.fire(&machine, trigger, 2, 0x14)
    #expect(again == [[], [], [], [8195]])
  }

  @Test("KU-09: an unmapped device delivers nothing", arguments: ways)
  func unmapped(byAddress: Bool, trigger: Trigger) throws {
    var machine = try Self.machine(byAddress: byAddress)
    _ = Self.fire(&machine, trigger, 2, 0x14)
    machine.run([.mapd(device: 2, eventBits: 8, table: 0x4010_0000, valid: false)])
    let fired = Self.fire(&machine, trigger, 2, 0x14)
    #expect(fired == [[], [], [], []])
    let other = Self.fire(&machine, trigger, 7, 0xff)
    #expect(other == [[], [], [8196], []])
  }

  @Test("KU-10: mappings survive a save and restore of registers and memory")
  func migration() throws {
    var machine = try Self.machine(byAddress: false)
    machine.run([.int(device: 7, event: 255)])
    var restored = try Machine(
      profile: ITSProfile(), redistributors: RedistributorProfile(count: 4), enable: false)
    copyMemory(machine, to: &restored)
    for cpu in 0..<4 { restored.enableLPIs(cpu) }
    for register in [0x80, 0x88, 0x90, 0x100, 0x108] as [UInt64] {
      let value = machine.read(register)
      let accepted = restored.its.restoreRegister(register, value)
      #expect(accepted)
    }
    restored.writeOffset = machine.writeOffset
    restored.write(0, 1, width: 4)
    let pending = restored.acknowledgeAll()
    #expect(pending == [[], [], [8196], []], "what was pending is pending")
    let first = Self.fire(&restored, .command, 2, 0x14)
    #expect(first == [[], [], [], [8195]])
    let second = Self.fire(&restored, .message, 7, 0xff)
    #expect(second == [[], [], [8196], []])
  }

  private func copyMemory(_ source: borrowing Machine, to target: inout Machine) {
    let ranges: [(UInt64, UInt64)] = [
      (0x4010_0000, 0x2_0000), (0x4100_0000, 0x30_0000), (0x4800_0000, 0x4_0000),
    ]
    for (base, size) in ranges {
      for place in stride(from: base, to: base + size, by: 8) {
        target.memory.store64(PA(place), source.memory.load64(PA(place)) ?? 0)
      }
    }
  }

  @Test("KU-13 to KU-15: SGIs to oneself, to a list and to all others")
  func softwareInterrupts() throws {
    var machine = try Machine(cpus: 20)
    for cpu in 0..<20 {
      machine.writeRedistributor(0x1_0080, 0xffff_ffff, at: cpu, width: 4)
      machine.writeRedistributor(0x1_0100, 0x2, at: cpu, width: 4)
      machine.writeRedistributor(0x1_0400, 0xa0a0_a0a0, at: cpu, width: 4)
    }
    machine.redistributors.sendSGI(1 << 24 | 1 << 2, from: 2)
    #expect(takers(&machine) == [2])
    machine.redistributors.sendSGI(1 << 24 | 0xaaaa, from: 2)
    #expect(takers(&machine) == [1, 3, 5, 7, 9, 11, 13, 15])
    machine.redistributors.sendSGI(1 << 24 | 1 << 16 | 0x9, from: 2)
    #expect(takers(&machine) == [16, 19], "a target list is relative to its cluster")
    machine.redistributors.sendSGI(1 << 24 | 1 << 40, from: 2)
    #expect(takers(&machine) == (0..<20).filter { $0 != 2 })
  }

  /// The PEs that acknowledge SGI 1, each once.
  private func takers(_ machine: inout Machine) -> [Int] {
    var distributor = Distributor(spiCount: 0, cpuCount: 20)
    var takers: [Int] = []
    for cpu in 0..<20 {
      var interface = CPUInterface(cpu: cpu)
      while true {
        let intid = interface.acknowledge(
          redistributors: &machine.redistributors, distributor: &distributor,
          memory: machine.memory)
        guard intid != INTID.spurious else { break }
        takers.append(intid == 1 ? cpu : -1)
        interface.endOfInterrupt(
          intid, redistributors: &machine.redistributors, distributor: &distributor)
      }
    }
    return takers
  }

  @Test("KU-X3: MOVALL moves what is pending; a later INT goes to the collection's PE")
  func moveAll() throws {
    var machine = try Self.machine(byAddress: false)
    machine.run(words: [(0x0000_0002_0000_0003, 0x14, 0)])
    machine.run([ITSCommand(0xe, 0, 0x3_0000, 0x2_0000)])
    let moved = machine.acknowledgeAll()
    #expect(moved == [[], [], [8195], []])
    let later = Self.fire(&machine, .command, 2, 0x14)
    #expect(later == [[], [], [], [8195]])
  }

  @Test("ACS-05: a write that carries no DeviceID fires nothing")
  func cpuWrite() throws {
    var machine = try Self.machine(byAddress: false)
    var none = NoITSObserver()
    let outcome = machine.its.receiveWrite(
      ITSRegister.translater, 0x14, width: 4, deviceID: nil, memory: machine.memory,
      redistributors: &machine.redistributors, observer: &none)
    #expect(outcome == .dropped(.noDeviceID))
    let taken = machine.acknowledgeAll()
    #expect(taken == [[], [], [], []])
  }

  @Test(
    "only a 32-bit or 16-bit write at GITS_TRANSLATER is a message",
    arguments: [
      (0x1_0040, 4, true), (0x1_0040, 2, true), (0x1_0040, 8, false), (0x1_0040, 1, false),
      (0x1_0044, 4, false), (0x40, 4, false), (0x1_0000, 4, false),
    ] as [(UInt64, Int, Bool)])
  func doorbell(offset: UInt64, width: Int, isMessage: Bool) throws {
    var machine = try Self.machine(byAddress: false)
    var none = NoITSObserver()
    let outcome = machine.its.receiveWrite(
      offset, 0x14, width: width, deviceID: 2,
      memory: machine.memory, redistributors: &machine.redistributors, observer: &none)
    let delivered = outcome == .delivered(intid: 8195, redistributor: 3, effect: .newlyPending)
    #expect(delivered == isMessage)
    if !isMessage { #expect(outcome == .dropped(.notADoorbell)) }
  }
}
