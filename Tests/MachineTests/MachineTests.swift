import ArmFormats
import Bits
import GIC
import Memory
import PCI
import SMMU
import TestRandom
import Testing

@testable import Machine

@Suite("Machine")
struct MachineTests {
  static let layout = Machine.Layout(
    smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, bar: 0x80_0000_0000,
    barSize: 0x1_0000)
  /// Two SMMUs, three ITSs and two functions, the second behind the second SMMU.
  static let severalLayout: Machine.Layout = {
    var layout = Self.layout
    layout.furtherSMMUs = [0x20_0000_0000]
    layout.furtherITSs = [0x21_0000_0000, 0x21_0002_0000]
    layout.bars.append(AddressRange(from: 0x80_0001_0000, length: 0x1_0000))
    layout.attachments = [.init(), .init(smmu: 1)]
    return layout
  }()

  static let twoITSs: Machine.Layout = {
    var layout = Self.layout
    layout.furtherITSs = [0x21_0000_0000]
    return layout
  }()

  private func machine() throws -> Machine {
    Machine(
      memory: try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x100_0000)]),
      layout: Self.layout, smmu: SMMU(profile: .qemu, caches: .none),
      its: ITS(profile: .qemu11(), personality: .architectureSkippingErrors),
      redistributors: Redistributors(
        profile: RedistributorProfile(count: 2, base: Self.layout.redistributors)),
      function: PCIFunction(
        profile: PCIFunctionProfile(
          requesterID: RequesterID(rawValue: 0x10),
          msix: .init(vectors: 4, bar: 0, tableOffset: 0x2000, pendingOffset: 0xa000),
          barSize: Self.layout.bars[0].length)))
  }

  @Test(
    "each address belongs to one place, or to none",
    arguments: [
      (0x4000_0000, .ram), (0x40ff_ffff, .ram), (0x4100_0000, .nothing), (0x3fff_ffff, .nothing),
      (0x808_0000, .its(0)), (0x808_ffff, .its(0xffff)), (0x809_0000, .doorbell(0x1_0000)),
      (0x809_ffff, .doorbell(0x1_ffff)), (0x807_ffff, .nothing),
      (0x80a_0000, .redistributor(0, 0)), (0x80c_00a0, .redistributor(1, 0xa0)),
      (0x80e_0000, .nothing), (0x905_0000, .smmu(0)), (0x906_00a8, .smmu(0x1_00a8)),
      (0x907_0000, .nothing), (0x80_0000_2000, .bar(0x2000)), (0x80_0001_0000, .nothing),
      (0, .nothing), (.max, .nothing),
    ] as [(UInt64, Machine.Target)])
  func targets(address: UInt64, target: Machine.Target) throws {
    let machine = try machine()
    let found = machine.target(of: PA(address))
    #expect(found == target)
  }

  /// Two SMMUs, three ITSs and two functions.
  private func severalUnits() throws -> Machine {
    Machine(
      memory: try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x100_0000)]),
      layout: Self.severalLayout,
      smmus: UnitList(count: 2) { _ in SMMU(profile: .qemu, caches: .none) },
      itses: UnitList(count: 3) { _ in
        ITS(profile: .qemu11(), personality: .architectureSkippingErrors)
      },
      redistributors: Redistributors(
        profile: RedistributorProfile(count: 2, base: Self.layout.redistributors)),
      functions: [0x10, 0x11].map { id in
        PCIFunction(
          profile: PCIFunctionProfile(
            requesterID: RequesterID(rawValue: id),
            msix: .init(vectors: 4, bar: 0, tableOffset: 0x2000, pendingOffset: 0xa000),
            barSize: Self.layout.bars[0].length))
      })
  }

  @Test(
    "further units stand behind one another",
    arguments: [
      (0x808_0000, .its(0)), (0x21_0000_0000, .its(0, unit: 1)),
      (0x21_0001_0040, .doorbell(0x1_0040, unit: 1)),
      (0x21_0003_0040, .doorbell(0x1_0040, unit: 2)),
      (0x21_0004_0000, .nothing), (0x20_0000_0000, .smmu(0, unit: 1)),
      (0x20_0002_0000, .nothing), (0x80_0001_2000, .bar(0x2000, function: 1)),
      (0x80_0002_0000, .nothing),
    ] as [(UInt64, Machine.Target)])
  func furtherTargets(address: UInt64, target: Machine.Target) throws {
    let machine = try severalUnits()
    let found = machine.target(of: PA(address))
    #expect(found == target)
  }

  @Test("a function writes through its own SMMU, to whichever ITS the address leads")
  func furtherUnits() throws {
    var machine = try severalUnits()
    // The second SMMU aborts everything.
    machine.write(1 << 31 | 1 << 20, at: 0x20_0000_0044, width: 4)
    var walk = NoObserver()
    var tables = NoITSObserver()
    let message = MSI(address: 0x21_0003_0040, data: 0)
    let first = machine.send(message, from: 0, translation: &walk, tables: &tables)
    #expect(first == .message(0x21_0003_0040, .dropped(.itsDisabled)))
    let second = machine.send(message, from: 1, translation: &walk, tables: &tables)
    #expect(second == .aborted)
    let doorbell = MSI(address: 0x21_0001_0040, data: 0)
    machine.write(1, at: 0x21_0002_0000, width: 4)
    let enabled = machine.itses[2].readRegister(0, width: 4) & 1
    #expect(enabled == 1)
    let off = machine.send(doorbell, from: 0, translation: &walk, tables: &tables)
    #expect(off == .message(0x21_0001_0040, .dropped(.itsDisabled)))
  }

  /// Two ITSs of GICv4.0, each with vPE 3 on CPU 0 in a table of its own.
  private func severalVirtualITSs(oneMovesAll: Bool) throws -> Machine {
    var profile = ITSProfile.qemu11(version: .v4)
    profile.type[.singleVMOVP] = oneMovesAll
    var machine = Machine(
      memory: try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x100_0000)]),
      layout: Self.twoITSs, smmus: UnitList(SMMU(profile: .qemu, caches: .none)),
      itses: UnitList(count: 2) { [profile] _ in
        ITS(profile: profile, personality: .architectureSkippingErrors)
      },
      redistributors: Redistributors(
        profile: RedistributorProfile(count: 2, version: .v4, base: Self.layout.redistributors)),
      functions: [
        PCIFunction(
          profile: PCIFunctionProfile(
            requesterID: RequesterID(rawValue: 0x10), barSize: Self.layout.bars[0].length))
      ])
    for unit in 0..<2 {
      let base = Self.twoITSs.its(unit)
      let tables = 0x4010_0000 + UInt64(unit) * 0x10_0000
      machine.write(1 << 63 | 2 << 8 | tables, at: base + ITSRegister.tableBase + 16, width: 8)
      machine.write(
        1 << 63 | (tables + 0x1_0000), at: base + ITSRegister.commandBase, width: 8)
      machine.write(1, at: base, width: 4)
      Self.command(
        .vmapp(virtualPE: 3, target: 0, table: 0x4040_0000, tableBits: 16), unit, &machine)
    }
    return machine
  }

  /// Queues the next command of an ITS of `severalVirtualITSs`.
  private static func command(_ command: ITSCommand, _ unit: Int, _ machine: inout Machine) {
    let base = machine.layout.its(unit)
    let end = machine.itses[unit].readRegister(ITSRegister.commandWrite, width: 8)
    machine.memory.store(command, at: PA(0x4011_0000 + UInt64(unit) * 0x10_0000 + end))
    machine.write(end + 32, at: base + ITSRegister.commandWrite, width: 8)
  }

  @Test(
    "VMOVP moves the vPE on every ITS where GITS_TYPER says so, else on its own",
    arguments: [true, false], [0, 1])
  func moves(oneMovesAll: Bool, unit: Int) throws {
    var machine = try severalVirtualITSs(oneMovesAll: oneMovesAll)
    Self.command(.vmovp(virtualPE: 3, target: 1), unit, &machine)
    let targets = (0..<2).map { its in
      var entry = ITSVirtualPEEntry()
      entry[word: 0] = machine.memory.load64(PA(0x4010_0000 + UInt64(its) * 0x10_0000 + 24)) ?? 0
      return entry[.valid] ? Int(entry[.target]) : -1
    }
    #expect(targets == (0..<2).map { oneMovesAll || $0 == unit ? 1 : 0 })
  }

  @Test(
    "a GICv2m frame makes an SPI of its own pending, whoever writes",
    arguments: [
      (0x802_0040, 80, .spi(0x802_0040, 80, wasPending: false)),
      (0x802_0040, 143, .spi(0x802_0040, 143, wasPending: false)),
      (0x802_0040, 144, .register(0x802_0040)), (0x802_0040, 79, .register(0x802_0040)),
      (0x802_0040, .max, .register(0x802_0040)), (0x802_0044, 80, .register(0x802_0044)),
      (0x802_1040, 80, .externalAbort(0x802_1040)),
    ] as [(UInt64, UInt32, WriteOutcome)], [0, 1])
  func messageFrame(write: (UInt64, UInt32, WriteOutcome), function: Int) throws {
    var layout = Self.layout
    layout.messageFrame = 0x802_0000
    layout.distributor = 0x800_0000
    var machine = Machine(
      memory: try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x100_0000)]),
      layout: layout, smmus: UnitList(SMMU(profile: .qemu, caches: .none)),
      itses: UnitList(ITS(profile: .qemu11())),
      redistributors: Redistributors(
        profile: RedistributorProfile(count: 2, base: layout.redistributors)),
      functions: [0x10, 0x11].map {
        PCIFunction(
          profile: PCIFunctionProfile(
            requesterID: RequesterID(rawValue: $0), barSize: layout.bars[0].length))
      })
    var walk = NoObserver()
    var tables = NoITSObserver()
    let message = MSI(address: IOVA(write.0), data: write.1)
    let outcome = machine.send(message, from: function, translation: &walk, tables: &tables)
    #expect(outcome == write.2)
    guard case .spi(let place, let spi, _) = outcome else { return }
    let again = machine.send(message, from: function, translation: &walk, tables: &tables)
    #expect(again == .spi(place, spi, wasPending: true))
    // GICD_ICPENDR takes it back.
    machine.write(
      1 << UInt64(spi % 32), at: 0x800_0280 + UInt64(spi / 32) * 4, width: 4)
    let isPending = machine.distributor.isPending(spi)
    #expect(!isPending)
  }

  @Test("a write that nothing claims is answered by nobody", arguments: [4, 8])
  func externalAbort(width: Int) throws {
    var machine = try machine()
    let answers = [0x1000, 0x807_fff8, 0x4100_0000, .max - 7].map { place in
      machine.write(1, at: PA(place), width: width).isAnswered
    }
    #expect(answers == [false, false, false, false])
    let inRAM = machine.write(0x1234, at: 0x4000_1000, width: width).isAnswered
    #expect(inRAM)
    #expect(machine.memory.load32(0x4000_1000) == 0x1234)
    let unaligned = machine.write(1, at: 0x4000_1001, width: width).isAnswered
    #expect(!unaligned)
  }

  @Test("a CPU's write of the doorbell carries no DeviceID and does nothing")
  func cpuAtDoorbell() throws {
    var machine = try machine()
    let response = machine.write(0, at: 0x809_0040, width: 4)
    #expect(response == Machine.WriteResponse())
  }

  @Test(
    "where a message lands decides what becomes of it",
    arguments: [
      (0x4000_2000, .memory(0x4000_2000)), (0x809_0000, .register(0x809_0000)),
      (0x809_0044, .register(0x809_0044)), (0x809_1040, .register(0x809_1040)),
      (0x808_0040, .register(0x808_0040)), (0x80a_0040, .register(0x80a_0040)),
      (0x905_0000, .register(0x905_0000)), (0x80_0000_2000, .register(0x80_0000_2000)),
      (0x1000, .externalAbort(0x1000)),
    ] as [(UInt64, WriteOutcome)])
  func landing(address: UInt64, outcome: WriteOutcome) throws {
    var machine = try machine()
    let result = Self.send(&machine, to: address, data: 0xcafe)
    #expect(result == outcome)
    if case .memory(let place) = outcome { #expect(machine.memory.load32(place) == 0xcafe) }
  }

  @Test("only GITS_TRANSLATER is the doorbell, and an ITS that is off drops the message")
  func doorbell() throws {
    var machine = try machine()
    let result = Self.send(&machine, to: 0x809_0040, data: 0)
    guard case .message(0x809_0040, .dropped(.itsDisabled)) = result else {
      Issue.record("\(result)")
      return
    }
  }

  @Test("an unaligned message in RAM is an external abort, not a crash")
  func unaligned() throws {
    var machine = try machine()
    let result = Self.send(&machine, to: 0x4000_2002, data: 1)
    #expect(result == .externalAbort(0x4000_2002))
  }

  @Test("with the SMMU's global bypass off, a message aborts without an event")
  func globalAbort() throws {
    var machine = try machine()
    machine.write(1 << 31 | 1 << 20, at: 0x905_0044, width: 4)
    let result = Self.send(&machine, to: 0x809_0040, data: 0)
    #expect(result == .aborted)
  }

  @Test("a StreamID without a table is a fault with its record")
  func fault() throws {
    var machine = try machine()
    machine.write(0xd, at: 0x905_0020, width: 4)
    let result = Self.send(&machine, to: 0x809_0040, data: 0)
    guard case .fault(let event, _) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(event[.stream] == 0x10)
  }

  @Test("unmasking through the BAR or through configuration space releases what was pending")
  func emissions() throws {
    var machine = try machine()
    _ = machine.writeConfig(4, at: 4, width: 2)
    _ = machine.writeConfig(0x8000, at: 0x72, width: 2)
    machine.write(0x809_0040, at: 0x80_0000_2000, width: 4)
    let signal = machine.function.signal(0)
    #expect(signal == .pending)
    let response = machine.write(0, at: 0x80_0000_200c, width: 4)
    #expect(response.emissions.map(\.vector) == [0])
    #expect(response.emissions.first?.message == MSI(address: 0x809_0040, data: 0))
  }

  @Test("no write of a CPU crashes the machine", arguments: [1, 2, 3])
  func garbage(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var machine = try machine()
    let bases: [UInt64] = [0x808_0000, 0x80a_0000, 0x905_0000, 0x80_0000_0000, 0x4000_0000]
    for _ in 0..<3000 {
      let base = bases[Int(random.below(UInt64(bases.count)))]
      let offset = random.below(2) == 0 ? random.below(0x200) & ~7 : random.below(0x3_0000)
      let value = random.below(3) == 0 ? 0x4000_0000 | random.below(0x10_0000) : random.next()
      machine.write(value, at: PA(base + offset), width: random.below(2) == 0 ? 4 : 8)
      _ = Self.send(&machine, to: random.below(2) == 0 ? random.next() : 0x809_0040, data: 0)
    }
  }

  static func send(_ machine: inout Machine, to address: UInt64, data: UInt32) -> WriteOutcome {
    var translation = NoObserver()
    var tables = NoITSObserver()
    return machine.send(
      MSI(address: IOVA(address), data: data), translation: &translation, tables: &tables)
  }
}
