public import Designs
public import Guest
public import Linux
public import Timing
public import VMM

/// A guest, its device's work, the designs to run it under, and what is expected of them.
public struct Scenario: Sendable {
  /// The file's name without its extension.
  public let name: String
  /// The file as the user would name it.
  public let file: String
  /// What it shows, in one line.
  public let purpose: String
  public var usage: GuestUsage
  /// What justifies its expectations; empty when the file does not say.
  public var source = ""
  /// The rows of the scenario table that it shows.
  public var rows: [String] = []
  /// What the guest's firmware tables leave out.
  public var firmware = FirmwareVariant.complete
  /// What the guest's virtual CPU does between interrupts.
  public var idle = IdleVirtualCPU.runs
  /// When the guest's DMA API invalidates what it has unmapped.
  public var unmapPolicy = UnmapPolicy.strict
  public var topology = Topology.single
  public var vmm = VMMPersonality.qemuVirt
  public var guestPageSize = PageSize.kib4
  public var hostPageSize = PageSize.kib4
  public var guestKernel: KernelVersion
  public var hostKernel: KernelVersion
  /// Where the workload comes from, such as `recordings/nested.jsonl`.
  public let workloadSource: String
  public var workload: Workload
  public var designs: [Design]
  public var costs: CostModel
  public var seed: UInt32
  /// Whether the runs make digests of their events.
  public var isTraced = false
  /// Whether the runs take down what both stages map.
  public var wantsMappings = false
  /// Whether the runs take down when each MSI was where.
  public var wantsTimeline = false
  public var expectations: [DesignExpectation]
  /// What 'doorbell load' runs; the workload is then one MSI of each vector.
  public var load: LoadSetting?
  /// How much SMMU and ITS cache.
  public var caches = CacheSizes()
  /// All files that it was read from, its own first.
  public var inputFiles: [String] = []

  /// The cost model of scenarios that name none.
  public static let standardCosts = "ampere-altra"

  public init(
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
  public func specifications(
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
public struct ScenarioOverrides: Sendable {
  /// Names or paths; empty for those of the file.
  public var designs: [String] = []
  public var usage: GuestUsage?
  public var guestKernel: KernelVersion?
  public var hostKernel: KernelVersion?
  public var unmapPolicy: UnmapPolicy?
  public var firmware: FirmwareVariant?
  public var idle: IdleVirtualCPU?
  public var topology = TopologyOverrides()
  public var vmm: VMMPersonality?
  public var guestPageSize: PageSize?
  public var hostPageSize: PageSize?
  /// A name or a path.
  public var costs: String?
  public var seed: UInt32?
  /// What stands in fields of the scenario, its designs and its costs instead.
  package var settings: [FieldSetting] = []

  public init() {}
}
