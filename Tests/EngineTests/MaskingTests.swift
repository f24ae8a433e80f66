import ArmFormats
import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import Simulation
import Testing
import Timing
import VMM

@Suite("Masked, disabled and merged interrupts")
struct MaskingTests {
  private func run(
    _ design: Design, _ entries: [Workload.Entry], costs: [CostModel.Item: SimulatedTime] = [:]
  ) throws -> RunResult {
    let workload = Workload(
      device: Fixtures.device, entries: HandMade.setup(of: [0, 1]) + entries)
    return try Fixtures.specification(design, workload, costs: costs).run()
  }

  static let designs = Fixtures.designs + Fixtures.bypassing

  @Test("the set-up by hand delivers", arguments: designs)
  func delivers(design: Design) throws {
    let result = try run(
      design, HandMade.at(10, [.message(vector: 0), .message(vector: 1)]))
    #expect(result.verdicts == [.delivered, .delivered], "\(result.why)")
  }

  @Test(
    "a message of a masked vector arrives once the vector is unmasked",
    arguments: designs)
  func masked(design: Design) throws {
    let result = try run(
      design,
      HandMade.at(10, [HandMade.mask(0, true)])
        + HandMade.at(20, [.message(vector: 0), .message(vector: 1), .message(vector: 0)])
        + HandMade.at(90, [HandMade.mask(0, false)]) + HandMade.at(95, [.message(vector: 0)]))
    #expect(result.verdicts == Array(repeating: .delivered, count: 4), "\(result.why)")
    let waits = result.latencies.map { $0 >= .nanoseconds(60_000) }
    #expect(waits == [true, false, true, false])
  }

  @Test("a masked function holds every vector back", arguments: designs)
  func functionMask(design: Design) throws {
    let result = try run(
      design,
      HandMade.at(10, [.msixControl(enable: true, functionMask: true)])
        + HandMade.at(20, [.message(vector: 0), .message(vector: 1)])
        + HandMade.at(90, [.msixControl(enable: true, functionMask: false)]))
    #expect(result.verdicts == [.delivered, .delivered], "\(result.why)")
    #expect(result.latencies.allSatisfy { $0 >= .nanoseconds(60_000) })
  }

  @Test("a vector that stays masked is lost with its pending bit", arguments: designs)
  func staysMasked(design: Design) throws {
    let result = try run(
      design,
      HandMade.at(10, [HandMade.mask(0, true)]) + HandMade.at(20, [.message(vector: 0)]))
    #expect(result.verdicts == [.lost])
    #expect(result.why.contains("stayed masked"), "\(result.why)")
  }

  @Test(
    "an LPI that is disabled stays pending, and arrives once it is enabled and invalidated",
    arguments: designs, [false, true])
  func disabled(design: Design, directly: Bool) throws {
    let result = try run(
      design,
      HandMade.at(10, HandMade.configure(0, enabled: false, directly: directly))
        + HandMade.at(20, [.message(vector: 0), .message(vector: 0)])
        + HandMade.at(90, HandMade.configure(0, enabled: true, directly: directly)))
    #expect(result.verdicts == [.delivered, .delivered], "\(result.why)")
    #expect(result.latencies.allSatisfy { $0 >= .nanoseconds(60_000) })
  }

  @Test("an LPI that stays disabled is lost, and so is one whose change was never invalidated")
  func staysDisabled() throws {
    for rest in [[], Array(HandMade.configure(0, enabled: true).prefix(1))] {
      let result = try run(
        Fixtures.rmr,
        HandMade.at(10, HandMade.configure(0, enabled: false))
          + HandMade.at(20, [.message(vector: 0)]) + HandMade.at(90, rest))
      #expect(result.verdicts == [.lost])
      #expect(result.why.contains("pending and disabled"), "\(result.why)")
    }
  }

  @Test("a burst of one vector merges into one interrupt, and all of it is delivered")
  func coalescing() throws {
    for design in Fixtures.designs {
      let burst = Array(repeating: Workload.Activity.message(vector: 0), count: 5)
      let result = try run(
        design, HandMade.at(10, burst + [.message(vector: 1)]),
        costs: [.hostInterruptEntry: .nanoseconds(2000)])
      #expect(result.verdicts == Array(repeating: .delivered, count: 6))
      #expect(result.exits.delivery == 2)
      #expect(result.latencies.count == 6)
    }
  }

  @Test("MSI-X off, or an unmapped event, ends the message")
  func ended() throws {
    for design in Self.designs {
      let off = try run(
        design,
        HandMade.at(10, [.msixControl(enable: false, functionMask: false)])
          + HandMade.at(20, [.message(vector: 0)]))
      #expect(off.verdicts == [.lost])
      let discarded = try run(
        design,
        HandMade.at(
          10, [.itsCommands([.discard(device: 0x1100, event: 0), .sync(target: 0)])])
          + HandMade.at(20, [.message(vector: 0), .message(vector: 1)]))
      #expect(discarded.verdicts == [.dropped, .delivered], "\(discarded.why)")
    }
  }

  @Test("a guest that puts another vector's EventID into its entry gets that vector's interrupt")
  func misrouted() throws {
    for design in Self.designs {
      let result = try run(
        design,
        HandMade.at(
          10, [HandMade.mask(0, true), HandMade.write(0, 8, 1), HandMade.mask(0, false)])
          + HandMade.at(20, [.message(vector: 0)]))
      #expect(result.verdicts == [.misrouted], "\(design.name): \(result.why)")
    }
  }

  @Test("a guest that takes the doorbell's mapping away loses its messages to a fault")
  func unmapped() throws {
    for design in Self.designs where design.msixEntry != .replaced {
      let result = try run(
        design,
        HandMade.at(10, [.message(vector: 0), .unmap(HandMade.doorbell, size: 0x1000)])
          + HandMade.at(20, [.message(vector: 0), .message(vector: 0)]))
      #expect(result.verdicts == [.delivered, .fault, .fault], "\(result.why)")
    }
  }

  @Test("a guest that maps RAM where the host writes its message is corrupted, not told")
  func corrupted() throws {
    let map = Workload.Activity.map(0x800_0000, 0x4800_0000, size: 0x1000, .buffer)
    // A recorded mapping at its own address would be firmware's; this one is a buffer.
    let result = try {
      let workload = Workload(
        device: Fixtures.device,
        entries: HandMade.setup(of: [0]) + HandMade.at(10, [map])
          + HandMade.at(20, [.message(vector: 0)]))
      return try Fixtures.specification(Fixtures.plain, workload).run()
    }()
    #expect(result.verdicts == [.corrupted], "\(result.why)")
  }

  @Test(
    "MSIs merge on any LPI, the highest as the first",
    arguments: [(1, InterruptDelivery.irqfd), (3, .irqfd), (3, .gicv4Point1)])
  func mergesOnHighInterrupts(devices: Int, delivery: InterruptDelivery) throws {
    // Each device takes 2,048 LPIs, so that those of the third lie beyond the first 4,096.
    let device = Workload.Device(name: "nic", guestID: 0x1100, hostID: 0x10, vectors: 2048)
    var design = Fixtures.rmr
    design.delivery = delivery
    var specification = Fixtures.specification(
      design,
      Workload(
        device: device,
        entries: HandMade.setup(of: [0], device: device)
          + HandMade.at(10, Array(repeating: .message(vector: 0), count: 4))),
      costs: [
        .hostInterruptEntry: .nanoseconds(500), .kick: .nanoseconds(500),
        .directInjection: .nanoseconds(500),
      ])
    specification.topology.devices = devices
    let result = try specification.run()
    #expect(result.verdicts == Array(repeating: .delivered, count: 4 * devices), "\(result.why)")
    #expect(result.merged == 3 * devices)
  }
}
