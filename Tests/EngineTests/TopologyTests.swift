import ArmFormats
import Bits
import GIC
import Guest
import KVM
import Linux
import Machine
import Memory
import Scenarios
import Simulation
import Software
import Testing

@testable import Designs
@testable import Engine
@testable import HostKernel

/// Several devices on several ITSs and behind several SMMUs, under the shipped designs.
@Suite struct TopologyTests {
  static let folder = ScenarioFolder(
    path: "\(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })/scenarios")

  /// A machine in short: devices, ITSs, SMMUs.
  typealias Counts = (devices: Int, its: Int, smmus: Int)

  private func run(
    _ design: String, _ counts: Counts, order: SetupOrder = .forward, usage: GuestUsage = .dmaAPI,
    workload: Workload = .synthetic(vectors: 2, messages: 2, every: 50_000)
  ) throws -> RunResult {
    var specification = Fixtures.specification(
      try Self.folder.design(named: design), workload, usage: usage)
    specification.topology.devices = counts.devices
    specification.topology.itses = counts.its
    specification.topology.smmus = counts.smmus
    specification.topology.order = order
    return try specification.run()
  }

  @Test(
    "the window has a page for each ITS, in the order of first use",
    arguments: [
      ((2, 2, 1), .forward, [0x800_0040, 0x800_1040]),
      ((2, 2, 1), .reverse, [0x800_1040, 0x800_0040]),
      ((2, 2, 2), .forward, [0x800_0040, 0x800_1040]),
      ((3, 2, 1), .forward, [0x800_0040, 0x800_1040, 0x800_0040]),
      ((2, 1, 2), .forward, [0x800_0040, 0x800_0040]),
      ((3, 3, 1), .reverse, [0x800_2040, 0x800_1040, 0x800_0040]),
    ] as [(Counts, SetupOrder, [IOVA])])
  func window(counts: Counts, order: SetupOrder, addresses: [IOVA]) throws {
    let result = try run("rmr-identity", counts, order: order)
    #expect(result.devices.map(\.message?.address) == addresses)
    #expect(result.devices.allSatisfy { $0.verdict == .delivered }, "\(result.why)")
    #expect(result.count(of: .delivered) == 2 * counts.devices)
  }

  @Test(
    "one guest doorbell leads to one ITS, unless each ITS has a stage 2 of its own",
    arguments: ["forward-address", "untrapped", "per-its-s2"],
    [(2, 2, 1), (4, 2, 2), (4, 2, 1), (3, 3, 2)] as [Counts])
  func guestDoorbell(design: String, counts: Counts) throws {
    let result = try run(design, counts)
    let reaches = result.devices.map { $0.its == 0 || design == "per-its-s2" }
    #expect(result.devices.map { $0.verdict == .delivered } == reaches, "\(result.why)")
    for device in result.devices where device.verdict != .delivered {
      #expect(device.verdict == .dropped)
      #expect(device.why.contains("the DeviceID is not mapped"), "\(device.why)")
    }
  }

  @Test("VFIO in the guest maps one page at the window: the second ITS's device faults")
  func coincident() throws {
    let result = try run("coincident", (2, 2, 1), usage: .vfio)
    #expect(result.devices.map(\.verdict) == [.delivered, .fault])
    #expect(result.verdict == .fault)
  }

  @Test("a device that is refused does not keep the others from being set up")
  func refusal() throws {
    let result = try run("rmr-identity", (65, 65, 1))
    #expect(result.devices.map(\.verdict).firstIndex(of: .refused) == 64)
    #expect(result.count(of: .delivered) == 2 * 64)
    #expect(result.count(of: .refused) == 2)
    guard case .refused(let refusal) = result.setup else {
      Issue.record("\(result.setup)")
      return
    }
    #expect(refusal.errno == "EOVERFLOW")
  }

  @Test("a recorded device with a second one beside it is set up by the models and delivers")
  func recorded() throws {
    let recording = try Fixtures.recording.get().workload
    let result = try run("rmr-identity", (2, 2, 1), workload: recording)
    #expect(result.devices.map(\.verdict) == [.delivered, .delivered], "\(result.why)")
    #expect(result.verdicts.count == 2 * recording.messageCount)
  }

  @Test("a journey is that of the device that is asked for")
  func journey() throws {
    var specification = Fixtures.specification(
      try Self.folder.design(named: "rmr-identity"),
      .synthetic(vectors: 2, messages: 2, every: 50_000), journeyOf: 1)
    specification.topology.devices = 2
    specification.topology.itses = 2
    specification.journeyDevice = 1
    let journey = try #require(try specification.run().journey)
    #expect(journey.vector == 1)
    #expect(journey.stations.first?.address == 0x800_1040)
    #expect(journey.stations.last?.name == "handler")
  }

  @Test(
    "a machine that cannot be is refused with the reason",
    arguments: [(0, 1, 1), (66, 1, 1), (1, 66, 1), (1, 1, 5), (1, 0, 1)] as [Counts])
  func limits(counts: Counts) {
    #expect(throws: RunFailure.self) { try run("cookie", counts) }
  }

  // MARK: Virtual LPIs on several ITSs

  /// A system that has sent its messages, with a device on each of so many ITSs.
  private func system(
    _ design: String, its: Int, vmovp: VMOVPScope
  ) throws -> Engine<NoTrace<EngineEvent>> {
    var specification = Fixtures.specification(
      try Self.folder.design(named: design), .synthetic(vectors: 2, messages: 2, every: 50_000))
    specification.topology.devices = its
    specification.topology.itses = its
    specification.topology.vmovp = vmovp
    var system = try Engine(specification, sink: NoTrace())
    system.start()
    while system.step() {}
    return system
  }

  @Test(
    "devices behind different ITSs get their interrupts without the host",
    arguments: ["rmr-identity", "per-its-s2"].flatMap { design in
      ["gicv4", "gicv4.1"].map { "\(design),delivery=\($0)" }
    }, VMOVPScope.allCases)
  func injectedOnEach(design: String, vmovp: VMOVPScope) throws {
    let result = try system(design, its: 3, vmovp: vmovp).result()
    #expect(result.devices.map(\.verdict) == [.delivered, .delivered, .delivered], "\(result.why)")
    #expect(result.injectedByHardware == 6)
    #expect(result.exits.delivery == 0)
  }

  @Test("a page that leads to one ITS fails for the other with the hardware's delivery, too")
  func oneDoorbell() throws {
    let result = try system("untrapped,delivery=gicv4", its: 2, vmovp: .all).result()
    #expect(result.devices.map(\.verdict) == [.delivered, .dropped], "\(result.why)")
  }

  /// `its_vpe_irq_domain_activate` maps eagerly unless GICv4.0 has an ITS list; `its_map_vm` then
  /// maps with the first virtual LPI of an ITS. `its_build_vmapp_cmd`: one pending table, and
  /// GICv4.1 shares one vPE table (`find_sibling_its`).
  @Test(
    "each ITS has the vPE with the same pending table, from when Linux maps it",
    arguments: [InterruptDelivery.gicv4, .gicv4Point1], VMOVPScope.allCases)
  func mappings(delivery: InterruptDelivery, vmovp: VMOVPScope) throws {
    let system = try system("rmr-identity,delivery=\(delivery.rawValue)", its: 2, vmovp: vmovp)
    let steps = system.recorder.steps.filter { $0.queues(.vmapp) }
    let isLazy = delivery == .gicv4 && vmovp == .listed
    #expect(
      steps.map(\.function)
        == Array(repeating: isLazy ? "its_map_vm" : "its_vpe_irq_domain_activate", count: 2))
    let first = try #require(system.recorder.steps.firstIndex { $0.queues(.vmapti) })
    let before = system.recorder.steps.prefix(first).count { $0.queues(.vmapp) }
    #expect(before == (isLazy ? 1 : 2))
    let layouts = system.host.itses.map(\.layout)
    #expect(Set(layouts.map(\.virtualPETable)).count == (delivery == .gicv4Point1 ? 1 : 2))
    // With GICv4.0 the table has two levels.
    let tables = layouts.compactMap { $0.virtualPELeaf ?? $0.virtualPETable }
    #expect(tables.count == 2)
    let entries = tables.map { table in
      var entry = ITSVirtualPEEntry()
      entry[word: 0] = system.machine.memory.load64(table) ?? 0
      return entry
    }
    let expected = system.kvm[0].virtualPE(of: .boot)?.pendingTable
    for entry in entries {
      #expect(entry[.valid])
      #expect(entry.table == expected)
      #expect(entry[.target] == 0)
    }
  }

  /// `its_unmap_vm`, only where `its_map_vm` maps.
  @Test("the last virtual LPI of an ITS takes the vPEs with it", arguments: VMOVPScope.allCases)
  func unmapped(vmovp: VMOVPScope) throws {
    var system = try system("rmr-identity,delivery=gicv4", its: 2, vmovp: vmovp)
    let steps = try system.answer(.disableVectors, for: 1, of: .first)
    let gone = steps.indices.filter { index in
      guard case .itsCommands(let commands) = steps[index].payload else { return false }
      return commands.contains { $0[.opcode] == .vmapp && !$0[.valid] }
    }
    #expect(gone.count == (vmovp == .listed ? 1 : 0))
    // On the second ITS: the register write behind the commands is its.
    for index in gone {
      guard case .mmio(let address, _, _) = steps[index + 1].action else {
        Issue.record("\(steps[index + 1].function) writes no register")
        continue
      }
      #expect(address == system.machine.layout.its(1) + ITSRegister.commandWrite)
    }
  }

  @Test("GITS_CTLR numbers the ITSs of a list, and it has room for 16")
  func list() throws {
    var system = try system("rmr-identity,delivery=gicv4", its: 2, vmovp: .listed)
    let numbers = (0..<2).map { unit in
      ITSControl(
        rawValue: system.machine.itses[unit].readRegister(ITSRegister.control, width: 4))[.number]
    }
    #expect(numbers == [0, 1])
    #expect(throws: RunFailure.self) {
      _ = try self.system("rmr-identity,delivery=gicv4", its: 17, vmovp: .listed)
    }
  }
}

extension RunResult.PerformedStep {
  /// Whether the step queues such a command of an ITS.
  fileprivate func queues(_ opcode: ITSOpcode) -> Bool {
    guard case .itsCommands(let commands) = payload else { return false }
    return commands.contains { $0[.opcode] == opcode }
  }
}
