import Bits
package import Designs
import Guest
import HostKernel
import Linux
import SMMU
package import Scenarios
import Simulation
package import Software
package import Timing
import VMM

/// Values that tests of the runner and of the reports share.
package enum Fixtures {
  package static let design = Design(
    name: "rmr-identity", title: "A title.", source: "A source.", advertisement: .rmrDirect,
    stageTwo: .softwareWindow, msixEntry: .replaced, eventIDOwner: .host, delivery: .irqfd)

  package static let other = Design(
    name: "untrapped", title: "Another title.", source: "Another source.", advertisement: .nothing,
    stageTwo: .guestDoorbell, msixEntry: .untrapped, eventIDOwner: .guest, delivery: .irqfd)

  package static let refusal = Refusal(
    by: .guest, in: "__iommu_take_dma_ownership", errno: "EINVAL",
    message: "Firmware has requested this device have a 1:1 IOMMU mapping")

  /// Measured but for one item.
  package static let costs = CostModel(
    name: "fixture", platform: "A machine",
    costs: [
      .exitToKernel: .init(time: .nanoseconds(451), status: .measured, source: "A paper."),
      .tableRead: .init(time: .nanoseconds(80), status: .assumed, source: "Nobody knows."),
    ])

  /// A scenario of `designs` with four MSIs of two vectors.
  package static func scenario(
    designs: [Design] = [design, other], expectations: [DesignExpectation] = []
  ) -> Scenario {
    Scenario(
      name: "fixture", file: "fixture.yaml", purpose: "Shows what is shown.", usage: .dmaAPI,
      guestKernel: Kernel(6, 5), hostKernel: Kernel(7, 3),
      workloadSource: "synthetic",
      workload: .synthetic(vectors: 2, messages: 4, every: 1000), designs: designs, costs: costs,
      seed: 7, expectations: expectations)
  }

  /// Four delivered MSIs, unless told otherwise.
  package static func result(
    _ design: Design = design, setup: RunResult.Setup = .enabled,
    verdicts: [Verdict] = [.delivered, .delivered, .delivered, .delivered],
    address: UInt64? = 0x800_0040, latencies: [UInt64] = [1000, 2000, 3000, 4000],
    setupExits: Int = 34, deliveryExits: Int = 6, steps: [RunResult.PerformedStep] = [],
    journey: Journey? = nil
  ) -> RunResult {
    var exits = RunResult.Exits()
    exits.add(.virtualITS, on: .setup, count: setupExits)
    exits.add(.physicalInterrupt, on: .delivery, count: deliveryExits)
    return RunResult(
      design: design, setup: setup, verdicts: verdicts,
      message: address.map { RunResult.Message(address: .init($0), data: 3) }, exits: exits,
      latencies: latencies.map(SimulatedTime.nanoseconds), why: "Both stages map the doorbell.",
      steps: steps, journey: journey)
  }

  /// A set-up that the guest's kernel refuses.
  package static func refused(_ design: Design = design) -> RunResult {
    result(
      design, setup: .refused(refusal), verdicts: [], address: nil, latencies: [],
      deliveryExits: 0)
  }

  /// A journey of three stations, half a nanosecond and more apart.
  package static let journey = Journey(
    index: 2, vector: 1,
    stations: [
      .init(
        time: .nanoseconds(5000), place: .device, address: 0x800_0040, words: [3],
        meaning: "writes the message"),
      .init(
        time: SimulatedTime(picoseconds: 5_000_500), place: .smmu(.streamEntry),
        address: 0x40a2_8400,
        words: [0x4033_800f, 0x8_00d6], meaning: "both stages are on"),
      .init(
        time: .nanoseconds(5600), place: .handler, address: nil, words: [],
        meaning: "the guest's handler runs"),
    ], verdict: .delivered, reason: "It arrived.")

  package static let step = RunResult.PerformedStep(
    time: .nanoseconds(100), agent: .host, function: "iommufd_sw_msi",
    text: "maps the doorbell page at 0x8000000")
}
