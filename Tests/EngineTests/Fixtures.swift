import ArmFormats
import Bits
import Designs
import Guest
import HostKernel
import Linux
import Scenarios
import Simulation
import Timing
import VMM

/// What the tests run: designs, workloads and kernels.
enum Fixtures {
  /// The repository's root.
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

  /// A real guest's session with an NVMe function.
  static let recording = Result {
    try Recording(path: "\(root)/scenarios/recordings/nested-kvm-nvme.jsonl")
  }

  static let rmr = design("rmr-identity", .rmrDirect, .softwareWindow, .replaced, .host)
  static let relaxable = design("rmr-relaxable", .rmrRelaxable, .softwareWindow, .replaced, .host)
  static let plain = design("no-rmr", .nothing, .softwareWindow, .replaced, .host)
  static let forward = design("forward-address", .nothing, .guestDoorbell, .forwarded, .host)
  static let untrapped = design("untrapped", .nothing, .guestDoorbell, .untrapped, .guest)
  static let designs = [rmr, forward, untrapped]
  /// The same with the hardware's delivery.
  static let bypassing = [InterruptDelivery.gicv4, .gicv4Point1].flatMap { delivery in
    designs.map { base in
      var design = base
      design.name = "\(base.name)+\(delivery.rawValue)"
      design.delivery = delivery
      return design
    }
  }

  private static func design(
    _ name: String, _ advertisement: DoorbellAdvertisement, _ stageTwo: StageTwoDoorbell,
    _ msix: MSIXEntryPolicy, _ owner: EventIDOwnership
  ) -> Design {
    Design(
      name: name, title: name, source: "", advertisement: advertisement, stageTwo: stageTwo,
      msixEntry: msix, eventIDOwner: owner, delivery: .irqfd)
  }

  static let device = Workload.Device(name: "nvme", guestID: 0x1100, hostID: 0x10, vectors: 3)

  /// A device that sends these vectors, one each microsecond, behind a kernel's own set-up.
  static func messages(_ vectors: [Int], of device: Workload.Device = device) -> Workload {
    Workload(
      device: device,
      entries: vectors.enumerated().map { index, vector in
        .init(nanoseconds: UInt64(index) * 1000, .message(vector: vector))
      })
  }

  static func specification(
    _ design: Design, _ workload: Workload, usage: GuestUsage = .dmaAPI,
    kernel: Kernel = Kernel(7, 3), journeyOf: Int? = nil,
    costs: [CostModel.Item: SimulatedTime] = [:]
  ) -> RunSpecification {
    RunSpecification(
      design: design, workload: workload, usage: usage, guestKernel: kernel,
      hostKernel: Kernel(7, 3),
      costs: CostModel(
        name: "test", platform: "",
        costs: costs.mapValues { .init(time: $0, status: .assumed, source: "") }),
      journeyOf: journeyOf)
  }
}
