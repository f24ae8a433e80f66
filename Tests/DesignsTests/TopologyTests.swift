import Bits
import Flows
import Guest
import Scenarios
import Testing

@testable import Designs

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
}
