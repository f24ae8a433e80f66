/// How the guest's kernel uses the device.
public enum GuestUsage: String, CaseIterable, Sendable {
  /// A driver of the guest with translated DMA: the default DMA domain.
  case dmaAPI = "dma-api"
  /// A driver of the guest with `iommu.passthrough=1`: the identity domain.
  case identity
  /// VFIO inside the guest, through its type 1 or iommufd: an unmanaged domain.
  case vfio
  /// The same for an L2 guest of the guest, which has no SMMU of its own: the guest's VFIO takes the
  /// vectors, and its KVM injects them into the L2 guest.
  case nestedGuest = "nested-guest"
  /// The same for an L2 guest with an SMMU of its own, whose tables the guest would have to nest.
  case nestedGuestWithSMMU = "nested-guest-smmu"
}
