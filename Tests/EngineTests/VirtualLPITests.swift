import ArmFormats
import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import Scenarios
import Simulation
import Software
import Testing
import Timing

/// GICv4 in a whole system. What each command must lead to is Linux's: arch/arm64/kvm/vgic/vgic-v4.c
/// and the `its_vlpi_*` functions of drivers/irqchip/irq-gic-v3-its.c.
@Suite("Interrupts that the hardware injects")
struct VirtualLPITests {
  private func run(
    _ design: Design, _ entries: [Workload.Entry], idle: IdleVirtualCPU = .runs,
    costs: [CostModel.Item: SimulatedTime] = [:], journeyOf: Int? = nil
  ) throws -> RunResult {
    let workload = Workload(
      device: Fixtures.device, entries: HandMade.setup(of: [0, 1]) + entries)
    var specification = Fixtures.specification(
      design, workload, journeyOf: journeyOf, costs: costs)
    specification.idle = idle
    return try specification.run()
  }

  /// The host's ITS commands without those that complete others.
  private func commands(_ result: RunResult) -> [ITSCommand] {
    result.steps.filter { $0.agent == .host }.flatMap { step -> [ITSCommand] in
      guard case .itsCommands(let commands) = step.payload else { return [] }
      return commands.filter { ![.sync, .vsync].contains($0[.opcode]) }
    }
  }

  @Test("a running virtual CPU takes MSIs without the host", arguments: Fixtures.bypassing)
  func resident(design: Design) throws {
    let result = try run(
      design,
      HandMade.at(10, [.message(vector: 0), .message(vector: 1)])
        + HandMade.at(20, [.message(vector: 0)]))
    #expect(result.verdicts == Array(repeating: .delivered, count: 3), "\(result.why)")
    #expect(result.exits.delivery == 0)
    #expect(result.injectedByHardware == 3)
  }

  @Test("a real guest's session needs no exit for its MSIs", arguments: Fixtures.bypassing)
  func recorded(design: Design) throws {
    let result = try Fixtures.specification(design, Fixtures.recording.get().workload).run()
    #expect(result.verdict == .delivered, "\(result.why)")
    #expect(result.exits.delivery == 0)
    #expect(result.injectedByHardware == result.verdicts.count)
  }

  @Test(
    "the physical LPI goes and VMAPTI names the doorbell of the event, or 1023 with GICv4.1",
    arguments: [(InterruptDelivery.gicv4, UInt32(8192)), (.gicv4Point1, 1023)])
  func forwarded(delivery: InterruptDelivery, doorbell: UInt32) throws {
    var design = Fixtures.rmr
    design.delivery = delivery
    let commands = commands(try run(design, []))
    // LPI 8192 is the vPE's doorbell, which is allocated first: GICv4.1 names it in VMAPP.
    let mapping = try #require(commands.first { $0[.opcode] == .vmapp })
    #expect(mapping[.defaultDoorbell] == (delivery == .gicv4Point1 ? 8192 : 0))
    let device = Fixtures.device.hostID
    #expect(
      commands.drop { $0 != .discard(device: device, event: 0) }.prefix(2) == [
        .discard(device: device, event: 0),
        .vmapti(
          device: device, event: 0, virtualPE: 0, virtualLPI: 8192, doorbell: doorbell),
      ])
  }

  @Test("a guest that drives the physical ITT gets VMAPTI for its MAPTI, and no physical LPI")
  func untrapped() throws {
    for design in Fixtures.bypassing where design.eventIDOwner == .guest {
      let commands = commands(try run(design, []))
      #expect(
        commands.contains {
          $0[.opcode] == .vmapti && $0[.eventID] == 1 && $0[.virtualINTID] == 8193
        })
      #expect(!commands.contains { $0[.opcode] == .mapti })
    }
  }

  @Test("commands of the guest are repeated for the virtual LPI", arguments: Fixtures.bypassing)
  func mirrored(design: Design) throws {
    let device = Fixtures.device.guestID
    let result = try run(
      design,
      HandMade.at(10, HandMade.configure(0, enabled: false))
        + HandMade.at(
          20,
          [
            .itsCommands([.movi(device: device, event: 0, collection: 0)]),
            .itsCommands([.int(device: device, event: 0)]),
            .itsCommands([.clear(device: device, event: 0)]),
          ]))
    #expect(
      result.steps.contains {
        $0.agent == .host && $0.payload == .virtualLPI(8192, isEnabled: false)
      })
    let commands = commands(result)
    #expect(
      commands.drop { $0[.opcode] != .vmovi }.prefix(3).map { $0[.opcode] }
        == [.vmovi, .int, .clear])
    #expect(commands.suffix(2).allSatisfy { $0[.deviceID] == 0x10 && $0[.eventID] == 0 })
  }

  @Test("after DISCARD and MAPTI without a new MSI-X entry, software injects")
  func remapped() throws {
    let device = Fixtures.device.guestID
    let again =
      HandMade.at(
        10,
        [
          .itsCommands([
            .discard(device: device, event: 0),
            .mapti(device: device, event: 0, lpi: 8192, collection: 0), .sync(target: 0),
          ])
        ]) + HandMade.at(20, [.message(vector: 0), .message(vector: 1)])
    for design in Fixtures.bypassing {
      let result = try run(design, again)
      #expect(result.verdicts == [.delivered, .delivered], "\(design.name): \(result.why)")
      // A guest that drives the physical ITT has its second MAPTI repeated too.
      let byHardware = design.eventIDOwner == .guest ? 2 : 1
      #expect(result.injectedByHardware == byHardware, "\(design.name)")
      #expect(result.exits.delivery == 2 - byHardware, "\(design.name)")
    }
  }

  @Test("an unmasked vector goes back to the hardware", arguments: Fixtures.bypassing)
  func unmasked(design: Design) throws {
    let result = try run(
      design,
      HandMade.at(10, [HandMade.mask(0, true)]) + HandMade.at(50, [HandMade.mask(0, false)])
        + HandMade.at(90, [.message(vector: 0)]))
    #expect(result.verdicts == [.delivered], "\(result.why)")
    #expect(result.exits.delivery == 0)
  }

  // MARK: A virtual CPU that sleeps

  @Test(
    "one doorbell wakes a blocked virtual CPU, and everything that waits arrives",
    arguments: Fixtures.bypassing)
  func blocked(design: Design) throws {
    let result = try run(
      design,
      HandMade.at(10, [.message(vector: 0), .message(vector: 1), .message(vector: 0)])
        + HandMade.at(90, [.message(vector: 0)]),
      idle: .blocks, costs: [.residency: .nanoseconds(5000)])
    #expect(result.verdicts == Array(repeating: .delivered, count: 4), "\(result.why)")
    #expect(result.exits.delivery == 0)
    #expect(result.exits.wakeUps == 2, "a doorbell each time")
    #expect(result.merged == 1)
    #expect(result.latencies.allSatisfy { $0 >= .nanoseconds(5000) })
  }

  @Test("an LPI that is disabled rings no doorbell, and arrives once it is enabled")
  func disabledWhileBlocked() throws {
    for design in Fixtures.bypassing where design.delivery == .gicv4Point1 {
      let result = try run(
        design,
        HandMade.at(10, HandMade.configure(0, enabled: false))
          + HandMade.at(40, [.message(vector: 0)])
          + HandMade.at(90, HandMade.configure(0, enabled: true)),
        idle: .blocks)
      #expect(result.verdicts == [.delivered], "\(design.name): \(result.why)")
      #expect(result.exits.delivery == 0)
    }
  }

  @Test("with irqfd a blocked virtual CPU waits for a physical CPU")
  func softwareWhileBlocked() throws {
    let costs: [CostModel.Item: SimulatedTime] = [
      .contextSwitch: .nanoseconds(3000), .kick: .nanoseconds(700),
    ]
    let messages = HandMade.at(10, [.message(vector: 0)])
    for (idle, latency) in [(IdleVirtualCPU.runs, UInt64(700)), (.blocks, 3700)] {
      let result = try run(Fixtures.rmr, messages, idle: idle, costs: costs)
      #expect(result.latencies == [.nanoseconds(latency)])
      #expect(result.exits.delivery == (idle == .runs ? 1 : 0))
      #expect(result.exits.wakeUps == (idle == .runs ? 0 : 1))
    }
  }

  @Test("a journey shows the vPE, its pending table, and the doorbell where one rings")
  func journeys() throws {
    for design in Fixtures.bypassing {
      let messages = HandMade.at(10, [.message(vector: 0)])
      let awake = try #require(run(design, messages, journeyOf: 0).journey)
      let levelOne = design.delivery == .gicv4 ? ["table L1"] : []
      let way =
        ["ITE"] + levelOne + ["vPE", "vLPI", "VPT", "redistributor", "acknowledge", "handler"]
      let passed = awake.stations.map(\.name).drop { $0 != "ITE" }
      #expect(Array(passed) == way, "\(design.name)")
      let asleep = try #require(run(design, messages, idle: .blocks, journeyOf: 0).journey)
      #expect(
        asleep.stations.map(\.name).drop { $0 != "VPT" } == [
          "VPT", "redistributor", "host IRQ", "vCPU", "acknowledge", "handler",
        ], "\(design.name)")
    }
  }
}
