/// How the guest's kernel uses the device.
public enum GuestUsage: String, CaseIterable, Sendable {
  /// A driver of the guest with translated DMA: the default DMA domain.
  case dmaAPI = "dma-api"
  /// A driver of the guest with `iommu.passthrough=1`: the identity domain.
  case identity
  /// VFIO inside the guest by its type 1 container: an unmanaged domain with an MSI cookie.
  case vfio
  /// VFIO inside the guest by iommufd: an unmanaged domain whose doorbells the file places.
  case iommufd
  /// VFIO by type 1 for an L2 guest of the guest, which has no SMMU of its own: the guest's VFIO
  /// takes the vectors, and its KVM injects them into the L2 guest.
  case nestedGuest = "nested-guest"
  /// VFIO by iommufd for an L2 guest with an SMMU of its own, whose tables the guest would have to
  /// nest.
  case nestedGuestWithSMMU = "nested-guest-smmu"
}
