public import Guest
public import Linux
public import Timing
public import VMM

/// Conditions that a run depends on besides its design and its workload.
///
/// A condition is a property here and an entry of the table in `Scenarios/ConditionTable.swift`,
/// which files, options, axes and reports go by.
public struct Conditions: Sendable {
  /// Driver stack that owns the device in the guest.
  public var usage = GuestUsage.dmaAPI
  public var guestKernel: Kernel
  public var hostKernel: Kernel
  public var platform = HostPlatform.arm
  /// Parts that the guest's firmware tables leave out.
  public var firmware = FirmwareVariant.complete
  /// Behaviour of the guest's virtual CPU between interrupts.
  public var idle = IdleVirtualCPU.runs
  /// Policy of the guest's DMA API on invalidating the pages that it has unmapped.
  public var unmapPolicy = UnmapPolicy.strict
  public var guestPageSize = PageSize.kib4
  public var hostPageSize = PageSize.kib4
  /// The VMM whose guest memory map is used.
  public var vmm = VMMPersonality.qemuVirt
  public var topology = Topology.single
  /// Cache sizes of SMMU and ITS.
  public var caches = CacheSizes()
  public var costs: CostModel
  /// Seeds whatever is random in the run.
  public var seed: UInt32 = 1

  public init(guestKernel: Kernel, hostKernel: Kernel, costs: CostModel) {
    self.guestKernel = guestKernel
    self.hostKernel = hostKernel
    self.costs = costs
  }
}
