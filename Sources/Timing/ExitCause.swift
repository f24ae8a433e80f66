/// Why a virtual CPU left its guest, or the host took a physical CPU: the same in a run of one
/// design and under a load.
@frozen
public enum ExitCause: UInt8, CaseIterable, Sendable {
  /// A physical LPI or SPI, whose handler is the host's.
  case physicalInterrupt
  /// An interrupt that KVM injected into a running virtual CPU (`kvm_vcpu_kick`).
  case kick
  /// All list registers empty while more interrupts wait (`ICH_HCR_EL2.UIE`).
  case maintenance
  /// The doorbell LPI of a vPE that is not resident.
  case vPEDoorbell
  /// A trapped access to an MSI-X table.
  case msixTable
  /// A trapped access to a register of a virtual SMMU, its command queue's included.
  case virtualSMMU
  /// A trapped access to a register of the virtual ITS, its command queue's included.
  case virtualITS
  /// WFI with nothing pending.
  case waitForInterrupt
  /// The end of a virtual CPU's time slice.
  case timeSlice
  case virtualDistributor
  case virtualRedistributor
  /// A trapped access to PCI configuration space.
  case configuration
  /// An access that no device of the VMM claims.
  case unclaimed

  /// The name in tables and JSON.
  public var name: String {
    switch self {
    case .physicalInterrupt: "physical interrupt"
    case .kick: "kick"
    case .maintenance: "list-register maintenance"
    case .vPEDoorbell: "vPE doorbell"
    case .msixTable: "MSI-X table"
    case .virtualSMMU: "vSMMU register"
    case .virtualITS: "vITS register"
    case .waitForInterrupt: "wait for interrupt"
    case .timeSlice: "time slice"
    case .virtualDistributor: "vGICD register"
    case .virtualRedistributor: "vGICR register"
    case .configuration: "PCI configuration"
    case .unclaimed: "unclaimed MMIO"
    }
  }

  /// Who answers an exit.
  public enum Handler: String, CaseIterable, Sendable {
    /// The host's kernel, as it takes an interrupt.
    case host
    /// KVM, in the host's kernel.
    case kvm
    /// The VMM, in user space.
    case vmm
  }

  /// Who answers it.
  public var handler: Handler {
    switch self {
    case .physicalInterrupt, .vPEDoorbell, .timeSlice: .host
    case .kick, .maintenance, .virtualITS, .virtualDistributor, .virtualRedistributor,
      .waitForInterrupt:
      .kvm
    case .msixTable, .virtualSMMU, .configuration, .unclaimed: .vmm
    }
  }

  @inlinable
  var place: Int { Int(rawValue) }
}
