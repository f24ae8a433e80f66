/// What a kernel is doing when it makes a step, as access vectors name it: the phases that its
/// drivers' registers and a function's configuration space see.
public enum KernelPhase: String, CaseIterable, Sendable {
  // Interrupt controllers
  /// Redistributors are found and woken up (`gic_of_init`, `gic_cpu_init`).
  case controllerProbe = "gic-probe"
  /// An ITS gets its tables and its queue and is turned on (`its_probe_one`).
  case itsProbe = "its-probe"
  /// A CPU's LPIs are turned on and its collection is mapped (`its_cpu_init`).
  case itsCPUInit = "its-cpu-init"
  /// A device's events are unmapped (`its_free_device`).
  case itsDeviceFree = "its-device-free"
  case requestIRQ = "request-irq"
  case freeIRQ = "free-irq"
  case affinity
  case cpuOffline = "cpu-offline"
  case cpuOnline = "cpu-online"

  // Messages
  case msixEnable = "msix-enable"
  case msixDisable = "msix-disable"
  case msiEnable = "msi-enable"
  case msiDisable = "msi-disable"
  /// Messages and masks are written again after a reset or a suspend.
  case msiRestore = "msi-restore"

  // The SMMU
  case smmuProbe = "smmu-probe"
  case domainAttach = "domain-attach"
  case domainChange = "domain-change"
  case domainFree = "domain-free"
  case dmaUnmap = "dma-unmap"
  case smmuFault = "smmu-fault"
  case vfioAttach = "vfio-attach"
  case vfioDetach = "vfio-detach"
  case vfioUnmap = "vfio-unmap"
  /// iommufd takes a device from its default domain for a user.
  case dmaOwner = "dma-owner"
  /// iommufd reads the SMMU's ID registers for the VMM.
  case iommufdHardwareInfo = "iommufd-hw-info"
  /// iommufd attaches a device to a user's table, or takes it from there.
  case iommufdAttach = "iommufd-attach"
  case iommufdDetach = "iommufd-detach"
  /// A host carries out a guest's invalidations (`arm_vsmmu_cache_invalidate`).
  case vsmmuInvalidate = "vsmmu-invalidate"
  /// VFIO's own accesses while it sets vectors up or ends them (`vfio_pci_set_irqs_ioctl`).
  case vfioSetIRQs = "vfio-set-irqs"
  /// VFIO's accesses when a function is opened, at other requests of its user, at the user's accesses
  /// of its configuration space, and when it is closed.
  case vfioOpen = "vfio-open"
  case vfioIOCTL = "vfio-ioctl"
  case vfioConfig = "vfio-config"
  case vfioClose = "vfio-close"

  // The rest of a function's configuration space
  case pciEnable = "pci-enable"
  case pciDisable = "pci-disable"
  case driverProbe = "driver-probe"
  case driverRemove = "driver-remove"
  case reset

  /// Polls of a redistributor that no other phase has.
  case other
}
