package import Designs
package import Guest
package import Linux
package import Timing
package import VMM

/// A guest, its device's work, the designs to run it under, and what is expected of them.
package struct Scenario: Sendable {
  /// The file's name without its extension.
  package let name: String
  /// The file as the user would name it.
  package let file: String
  /// What it shows, in one line.
  package let purpose: String
  package var usage: GuestUsage
  /// What justifies its expectations; empty when the file does not say.
  package var source = ""
  /// The rows of the scenario table that it shows.
  package var rows: [String] = []
  /// Why its expectations are known not to hold; `nil` where they must.
  package var knownFailure: String?
  /// What the guest's firmware tables leave out.
  package var firmware = FirmwareVariant.complete
  /// What the guest's virtual CPU does between interrupts.
  package var idle = IdleVirtualCPU.runs
  /// When the guest's DMA API invalidates what it has unmapped.
  package var unmapPolicy = UnmapPolicy.strict
  package var topology = Topology.single
  package var vmm = VMMPersonality.qemuVirt
  package var guestPageSize = PageSize.kib4
  package var hostPageSize = PageSize.kib4
  package var guestKernel: KernelVersion
  package var hostKernel: KernelVersion
  /// Where the workload comes from, such as `recordings/nested.jsonl`.
  package let workloadSource: String
  package var workload: Workload
  package var designs: [Design]
  package var costs: CostModel
  package var seed: UInt32
  /// Whether the runs make digests of their events.
  package var isTraced = false
  /// Whether the runs take down what both stages map.
  package var wantsMappings = false
  /// Whether the runs take down when each MSI was where.
  package var wantsTimeline = false
  package var expectations: [DesignExpectation]
  /// What 'doorbell load' runs; the workload is then one MSI of each vector.
  package var load: LoadSetting?
  /// How much SMMU and ITS cache.
  package var caches = CacheSizes()
  /// All files that it was read from, its own first.
  package var inputFiles: [String] = []

  /// The cost model of scenarios that name none.
  package static let standardCosts = "ampere-altra"

  package init(
    name: String, file: String, purpose: String, usage: GuestUsage, guestKernel: KernelVersion,
    hostKernel: KernelVersion, workloadSource: String, workload: Workload, designs: [Design],
    costs: CostModel, seed: UInt32, expectations: [DesignExpectation]
  ) {
    self.name = name
    self.file = file
    self.purpose = purpose
    self.usage = usage
    self.guestKernel = guestKernel
    self.hostKernel = hostKernel
    self.workloadSource = workloadSource
    self.workload = workload
    self.designs = designs
    self.costs = costs
    self.seed = seed
    self.expectations = expectations
  }

  /// One run for each design.
  ///
  /// - Parameters:
  ///   - journeyOf: the MSI whose journey is wanted, counted from 0.
  ///   - device: the device that sends it.
  package func specifications(
    journeyOf: Int? = nil, device: Int = 0
  ) -> [RunSpecification] {
    designs.map { specification(of: $0, journeyOf: journeyOf, device: device) }
  }

  /// The run of a design.
  func specification(
    of design: Design, journeyOf: Int? = nil, device: Int = 0
  ) -> RunSpecification {
    var specification = RunSpecification(
      design: design, workload: workload, usage: usage, guestKernel: guestKernel,
      hostKernel: hostKernel, costs: costs, seed: seed, journeyOf: journeyOf)
    specification.isTraced = isTraced
    specification.wantsMappings = wantsMappings
    specification.wantsTimeline = wantsTimeline
    specification.firmware = firmware
    specification.idle = idle
    specification.unmapPolicy = unmapPolicy
    specification.caches = caches
    specification.topology = topology
    specification.vmm = vmm
    specification.guestPageSize = guestPageSize
    specification.hostPageSize = hostPageSize
    specification.journeyDevice = device
    return specification
  }
}

/// What the user asks for instead of what a scenario file says.
package struct ScenarioOverrides: Sendable {
  /// Names or paths; empty for those of the file.
  package var designs: [String] = []
  package var usage: GuestUsage?
  package var guestKernel: KernelVersion?
  package var hostKernel: KernelVersion?
  package var unmapPolicy: UnmapPolicy?
  package var firmware: FirmwareVariant?
  package var idle: IdleVirtualCPU?
  package var topology = TopologyOverrides()
  package var vmm: VMMPersonality?
  package var guestPageSize: PageSize?
  package var hostPageSize: PageSize?
  /// A name or a path.
  package var costs: String?
  package var seed: UInt32?
  /// What stands in fields of the scenario, its designs and its costs instead.
  package var settings: [FieldSetting] = []

  package init() {}
}
