public import Linux

/// How the guest's kernel uses the device.
public enum GuestUsage: String, Choice {
  case dmaAPI = "dma-api"
  case identity
  case vfio
  case iommufd
  case nestedGuest = "nested-guest"
  case nestedGuestWithSMMU = "nested-guest-smmu"

  public var meaning: String {
    switch self {
    case .dmaAPI: "A driver of the guest with translated DMA: the default DMA domain."
    case .identity: "A driver of the guest with iommu.passthrough=1: the identity domain."
    case .vfio: "VFIO inside the guest by type 1: an unmanaged domain with an MSI cookie."
    case .iommufd: "VFIO inside the guest by iommufd: an unmanaged domain, doorbells by its list."
    case .nestedGuest:
      // The guest's VFIO takes the vectors by type 1, and its KVM injects them.
      "VFIO inside the guest for an L2 guest without an SMMU of its own."
    case .nestedGuestWithSMMU:
      // By iommufd; the guest would have to nest the L2 guest's tables.
      "VFIO inside the guest for an L2 guest with an SMMU of its own."
    }
  }
}
