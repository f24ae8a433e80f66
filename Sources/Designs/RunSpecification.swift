public import Guest
public import Linux
public import Timing
public import VMM

/// Everything that one run depends on.
public struct RunSpecification: Sendable {
  public var design: Design
  public var workload: Workload
  public var usage: GuestUsage
  public var guestKernel: KernelVersion
  public var hostKernel: KernelVersion
  /// What the guest's firmware tables leave out.
  public var firmware = FirmwareVariant.complete
  /// What the guest's virtual CPU does between interrupts.
  public var idle = IdleVirtualCPU.runs
  /// The defect that a test injects.
  public var mutation: Mutation?
  public var costs: CostModel
  /// Whether latencies are wanted at the high end of the cost model's ranges too, which takes a
  /// second run.
  public var spansRanges = true
  /// How much SMMU and ITS cache.
  public var caches = CacheSizes()
  /// Seeds whatever is random in the run.
  public var seed: UInt32
  /// The MSI whose journey is wanted, counted from 0.
  public var journeyOf: Int?
  /// Whether the mappings of both stages are wanted.
  public var wantsMappings = false
  /// Whether it is wanted when each MSI was where.
  public var wantsTimeline = false
  /// Whether a digest of the run's events is wanted.
  public var isTraced = false

  public init(
    design: Design, workload: Workload, usage: GuestUsage = .dmaAPI, guestKernel: KernelVersion,
    hostKernel: KernelVersion, costs: CostModel, seed: UInt32 = 1, journeyOf: Int? = nil
  ) {
    self.design = design
    self.workload = workload
    self.usage = usage
    self.guestKernel = guestKernel
    self.hostKernel = hostKernel
    self.costs = costs
    self.seed = seed
    self.journeyOf = journeyOf
  }
}
