/// How the guest's kernel uses the device.
public enum GuestUsage: String, CaseIterable, Sendable {
  /// A driver of the guest with translated DMA: the default DMA domain.
  case dmaAPI = "dma-api"
  /// A driver of the guest with `iommu.passthrough=1`: the identity domain.
  case identity
  /// VFIO inside the guest, through its type 1 or iommufd: an unmanaged domain.
  case vfio
}
