public import Linux

extension KernelVersion {
  /// The release that first has iommufd (drivers/iommu/iommufd, `/dev/iommu`).
  public static let offersIOMMUFD = KernelVersion(6, 2)

  /// The release in which a VFIO device is first a character device of its own, which an iommufd
  /// binds (drivers/vfio/device_cdev.c); before, an iommufd took the place of a group's container.
  public static let offersDeviceFiles = KernelVersion(6, 6)

  /// The release since which iommufd asks for isolated interrupts when it binds a device, before
  /// the device leaves the DMA API ("iommufd: Move isolated msi enforcement to
  /// iommufd_device_bind()"); before, it asked when it attached the device
  /// (`iommufd_device_setup_msi`).
  static let checksIsolationAtBind = KernelVersion(6, 6)

  /// The release in which a device with a `direct` region may no longer be given a blocked domain
  /// (commit a48ce36e2786, "iommu: Prevent RESV_DIRECT devices from blocking domains").
  public static let requiresDirect = KernelVersion(6, 6)

  /// The release that first offers vIOMMU objects and nested SMMUv3 tables
  /// (include/uapi/linux/iommufd.h).
  public static let offersVirtualSMMU = KernelVersion(6, 13)

  /// The release since which iommufd maps doorbells by itself, in the parent of a nested domain
  /// too (commit 40f5175d0eb7, "iommufd: Implement sw_msi support natively").
  public static let mapsDoorbellsNatively = KernelVersion(6, 15)

  /// The release since which a nested table that does not translate attaches without a vDEVICE
  /// (commit 81c45c62dc3e).
  public static let attachesWithoutDevice = KernelVersion(6, 19)

  /// The release that attaches tables to PASIDs (include/uapi/linux/vfio.h
  /// `VFIO_DEVICE_ATTACH_PASID`).
  public static let attachesPASIDs = KernelVersion(6, 15)

  /// The release that first offers hardware queues to guests (`IOMMU_HW_QUEUE_ALLOC`).
  public static let offersHardwareQueues = KernelVersion(6, 17)
}
