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
  /// When the guest's DMA API invalidates what it has unmapped.
  public var unmapPolicy = UnmapPolicy.strict
  /// The defect that a test injects.
  public var mutation: Mutation?
  public var topology = Topology.single
  /// Whose address map the guest has.
  public var vmm = VMMPersonality.qemuVirt
  public var guestPageSize = PageSize.kib4
  public var hostPageSize = PageSize.kib4
  public var costs: CostModel
  /// Whether latencies are wanted at the high end of the cost model's ranges too, which takes a
  /// second run.
  public var spansRanges = true
  /// How much SMMU and ITS cache.
  public var caches = CacheSizes()
  /// Seeds whatever is random in the run.
  public var seed: UInt32
  /// The MSI whose journey is wanted, counted from 0 among those of its device.
  public var journeyOf: Int?
  /// The device that sends it, counted from 0.
  public var journeyDevice = 0
  /// One more MSI, whose journey is then the one that is wanted.
  public var interposed: Interposition?
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

  /// The devices, the first as the workload has it.
  var devices: [Workload.Device] {
    (0..<topology.devices).map { topology.device($0, like: workload.device) }
  }

  /// Where a recording saw its structures; another machine keeps its own.
  var placement: Workload.Placement {
    isMachineAsRecorded ? workload.placement : Workload.Placement()
  }

  /// Whether the guest finds its SMMU, its doorbell and its device where a recorded one did, so that
  /// its choices would be the same.
  var isSetupAsRecorded: Bool {
    isMachineAsRecorded && design.virtualITS == .besideWindow
      && design.advertisement != .msiDirect && design.controller == .its
  }

  private var isMachineAsRecorded: Bool {
    topology.devices == 1 && topology.controller == .its && vmm == .qemuVirt
      && hostPageSize == .kib4 && guestPageSize == .kib4
  }

  /// Whether the workload's DMA can be done: a recording's is in pages of 4 KiB.
  var doesDMA: Bool {
    design.iommu == .nested && (guestPageSize == .kib4 || !workload.isRecorded)
  }
}
