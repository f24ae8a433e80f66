internal import HostKernel
public import Linux
internal import VMM

/// The architecture of the host and its guest, and so the hardware between a device and a CPU.
public enum HostPlatform: String, Choice {
  case arm
  case riscv
  case riscvUnsafe = "riscv-unsafe"

  public var meaning: String {
    switch self {
    case .arm: "SMMUv3 and GICv3 or GICv4 with ITSs."
    case .riscv: "RISC-V's IOMMU, and an IMSIC with guest interrupt files on each hart."
    case .riscvUnsafe: "The same, with allow_unsafe_interrupts for the host's VFIO."
    }
  }
}

extension RunSpecification {
  /// What the run's platform needs of Linux and no release has; `nil` for nothing.
  package var platformInterface: ReleaseSwitch? {
    switch conditions.platform {
    case .arm: nil
    case .riscv, .riscvUnsafe:
      design.delivery.virtualLPIs == nil && design.msixEntry != .untrapped
        ? .riscvMessageWindow : .riscvInterruptBypass
    }
  }
}
