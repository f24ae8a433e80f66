package import Designs
internal import Guest
internal import HostKernel
internal import VMM

/// How Linux gets an assigned device's MSIs into a RISC-V guest.
package enum RISCVAnswer: Equatable, Sendable {
  /// A window of the device's domain leads to the harts' own interrupt files; irqfd injects
  /// (iommu/riscv: Enable MSI remapping, IOMMU_DMA and VFIO, v5, 20260831145943.313726).
  case window
  /// The MSI page table leads the guest's own message to its interrupt file (iommu/riscv: Add
  /// irqbypass support, RFC v2 of 20 September 2025 and its successor, drivers/iommu/riscv/iommu-ir.c).
  case messageTable

  /// The answer that makes the choices of a design.
  ///
  /// - Throws: why there is none: no release of Linux and no posted series has it.
  package init(_ specification: RunSpecification) throws(RunFailure) {
    if let reason = Self.absence(specification) {
      throw RunFailure(absent: reason)
    }
    self = specification.design.delivery.virtualLPIs == nil ? .window : .messageTable
  }

  private static func absence(_ specification: RunSpecification) -> String? {
    let design = specification.design
    if specification.machine != nil { return "a file of a machine describes an Arm machine" }
    if design.iommu == .nested {
      return "Linux's RISC-V IOMMU driver has no nested domains, and none are posted"
    }
    if design.controller != .its { return "a GICv2m frame is Arm's; each hart has an IMSIC" }
    switch design.msixEntry {
    case .untrapped:
      return "the MSI page table could take the guest's own messages, but VFIO traps the MSI-X "
        + "table, and what is posted follows that trap"
    case .forwarded:
      return "no interface hands the guest's address down; with irqbypass KVM does so itself "
        + "(delivery gicv4 stands for it)"
    case .replaced: break
    }
    if design.stageTwo != .softwareWindow {
      return "nothing posted moves the window of the RISC-V IOMMU's domains"
    }
    switch specification.usage {
    case .dmaAPI, .identity: return nil
    case .vfio, .iommufd, .nestedGuest, .nestedGuestWithSMMU:
      return "without an IOMMU of its own the guest has no VFIO"
    }
  }
}
