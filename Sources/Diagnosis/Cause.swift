/// Cause that the diagnosis can name. An id is stable: tests and scripts compare it. It names what
/// is wrong, not what is seen.
package enum Cause: String, Sendable, CaseIterable {

  // MARK: The guest's firmware tables and the MSI window
  case rmrAbsent = "rmr-absent"
  case rmrRevisionTooOld = "rmr-revision-too-old"
  case rmrNoDsm5 = "rmr-no-dsm5"
  case guestKernelBeforeRmr = "guest-kernel-before-rmr"
  case rmrWrongIds = "rmr-wrong-ids"
  case rmrSingleIdSkipped = "rmr-single-id-skipped"
  case rmrOtherSmmu = "rmr-other-smmu"
  case rmrWrongRange = "rmr-wrong-range"
  case rmrRelaxable = "rmr-relaxable"
  case rmrDeviceTree = "rmr-device-tree"
  case vfioInGuestWindow = "vfio-in-guest-window"

  // MARK: The VMM and stage 2
  case windowOverlapsRam = "window-overlaps-ram"
  case vfioDmaMapReserved = "vfio-dma-map-reserved"
  case doorbellNotInStage2 = "doorbell-not-in-stage2"
  case vmmForwardsGuestAddress = "vmm-forwards-guest-address"
  case msiInOtherDomain = "msi-in-other-domain"
  case msiAddressTruncated = "msi-address-truncated"
  case msiRouteNoDeviceid = "msi-route-no-deviceid"
  case vmmAccelNeedsAcpi = "vmm-accel-needs-acpi"
  case vmmAccelNeedsKvm = "vmm-accel-needs-kvm"
  case vmmAccelFeatureMismatch = "vmm-accel-feature-mismatch"
  case vfioBehindEmulatedSmmu = "vfio-behind-emulated-smmu"
  case vmmWrongFrame = "vmm-wrong-frame"

  // MARK: The host's policy
  case noIommuGroup = "no-iommu-group"
  case groupNotViable = "group-not-viable"
  case msiNotIsolated = "msi-not-isolated"
  case vfioDirectRegionRefused = "vfio-direct-region-refused"
  case hostKernelNoNesting = "host-kernel-no-nesting"
  case hostKernelNoSwMsi = "host-kernel-no-sw-msi"
  case smmuHardwareNoNesting = "smmu-hardware-no-nesting"
  case smmuDisabled = "smmu-disabled"
  case vfioBeforeMsiCookie = "vfio-before-msi-cookie"

  // MARK: DeviceIDs, StreamIDs and MSI controllers
  case itsAbsent = "its-absent"
  case gicv2mSpisExhausted = "gicv2m-spis-exhausted"
  case msiMapWrong = "msi-map-wrong"
  case iommuMapWrong = "iommu-map-wrong"
  case iortIdMappingWrong = "iort-id-mapping-wrong"
  case deviceidUnmapped = "deviceid-unmapped"
  case deviceidOutOfRange = "deviceid-out-of-range"
  case eventidOutOfRange = "eventid-out-of-range"
  case streamidUnmapped = "streamid-unmapped"
  case streamidOutOfRange = "streamid-out-of-range"
  case substreamWrong = "substream-wrong"

  // MARK: ITS, redistributors and KVM
  case itsMemoryUnreachable = "its-memory-unreachable"
  case itsCommandStalled = "its-command-stalled"
  case lpiTargetCpuOffline = "lpi-target-cpu-offline"
  case lpiNotEnabled = "lpi-not-enabled"
  case msiStorm = "msi-storm"
  case gicv4NotEnabled = "gicv4-not-enabled"
  case gicv4Absent = "gicv4-absent"
  case gicv4RouteFallback = "gicv4-route-fallback"

  // MARK: The function
  case busMasterOff = "bus-master-off"
  case msixMasked = "msix-masked"
  case msiNotEnabled = "msi-not-enabled"
  case deviceLostLink = "device-lost-link"

  // MARK: DMA, not MSIs
  case dmaUseAfterUnmap = "dma-use-after-unmap"
  case dmaAddressZero = "dma-address-zero"
  case dmaUnmappedAddress = "dma-unmapped-address"
  case dmaAddressTruncated = "dma-address-truncated"
  case dmaPermission = "dma-permission"

  // MARK: The SMMU itself
  case steInvalidAfterReset = "ste-invalid-after-reset"
  case hitlessSteUpdate = "hitless-ste-update"
  case staleConfiguration = "stale-configuration"
  case tableMisaligned = "table-misaligned"
  case cmdqAtcTimeout = "cmdq-atc-timeout"
  case cmdqIllegal = "cmdq-illegal"
  case cmdqNotConsumed = "cmdq-not-consumed"
  case evtqOverflow = "evtq-overflow"
  case evtqAbort = "evtq-abort"
  case smmuv2ContextFault = "smmuv2-context-fault"

  // MARK: No cause
  case nothingWrongFound = "nothing-wrong-found"
  case cannotTell = "cannot-tell"

  /// The cause in a line.
  package var meaning: String {
    switch self {
    case .rmrAbsent:
      "the guest's tables reserve no window for the host's MSI address (no RMR at "
        + "all)"
    case .rmrRevisionTooOld:
      "there is an RMR, but the IORT's revision is below 5, and Linux ignores "
        + "it"
    case .rmrNoDsm5:
      "there is an RMR, but no _DSM function 5 (value 0) on the host bridge, and Linux "
        + "ignores it for PCI functions"
    case .guestKernelBeforeRmr:
      "the tables are right, but the guest's kernel is older than 6.0 and reads no "
        + "RMRs"
    case .rmrWrongIds: "the RMR's ID mapping does not cover the StreamID of the function"
    case .rmrSingleIdSkipped:
      "the RMR's ID mapping has one ID (count field 0), which the kernel's reader "
        + "skips"
    case .rmrOtherSmmu:
      "the RMR refers to another SMMU than the one that the function is "
        + "behind"
    case .rmrWrongRange: "the RMR covers another address than the window that the host uses"
    case .rmrRelaxable:
      "the RMR permits remapping, so that the window is not kept 1:1 where it has to "
        + "be"
    case .rmrDeviceTree:
      "the guest boots with a device tree, in which nothing reserves the "
        + "window"
    case .vfioInGuestWindow:
      "VFIO inside the guest (up to 6.5) puts its own doorbell at the window; the MSI "
        + "ends in the guest's memory or nowhere"
    case .windowOverlapsRam:
      "guest RAM (or another mapping of the VMM) lies over the host's MSI "
        + "window"
    case .vfioDmaMapReserved: "a mapping of the VMM meets another reserved region of the host"
    case .doorbellNotInStage2:
      "stage 1 leads to an address for the doorbell that stage 2 does not "
        + "map"
    case .vmmForwardsGuestAddress:
      "the VMM gives the guest's MSI address to the device though the host expects its "
        + "own"
    case .msiInOtherDomain: "the MSI page is mapped in another domain than the attached one"
    case .msiAddressTruncated:
      "the device or a bridge cannot send the whole MSI address, or translates it once "
        + "more"
    case .msiRouteNoDeviceid:
      "the VMM's MSI route has no DeviceID, without which a virtual ITS cannot "
        + "translate"
    case .vmmAccelNeedsAcpi:
      "an accelerated virtual SMMU was asked for in a guest that boots with a device "
        + "tree"
    case .vmmAccelNeedsKvm:
      "an accelerated virtual SMMU was asked for without KVM or with the VMM's own "
        + "interrupt controller"
    case .vmmAccelFeatureMismatch:
      "the virtual SMMU has a feature (OAS, RIL, ATS, SSID, granule) that the host's "
        + "has not"
    case .vfioBehindEmulatedSmmu:
      "an assigned device behind a virtual SMMU without nesting (no MAP "
        + "notifier)"
    case .vmmWrongFrame:
      "the VMM maps or registers a wrong page of the ITS or of the v2m "
        + "frame"
    case .noIommuGroup:
      "the function has no IOMMU group: no SMMU for it in the tables, or its driver is "
        + "off"
    case .groupNotViable: "other devices of the group are bound to drivers of the host"
    case .msiNotIsolated:
      "VFIO refuses (EPERM) since the MSI controller isolates nothing (GICv2m, pre-ITS "
        + "and the like)"
    case .vfioDirectRegionRefused:
      "VFIO refuses (EINVAL) since firmware wants a 1:1 mapping for the device (6.6 "
        + "and later)"
    case .hostKernelNoNesting:
      "the host's kernel is too old for nested SMMUv3 domains (or for what this VMM "
        + "needs of them)"
    case .hostKernelNoSwMsi:
      "the host's kernel is too old for the software MSI window under "
        + "iommufd"
    case .smmuHardwareNoNesting:
      "the host's SMMU cannot do it: one stage only, no S2FWB or no coherent "
        + "walks"
    case .smmuDisabled: "the SMMU is described but off, or its driver is not built in"
    case .vfioBeforeMsiCookie: "VFIO of a kernel before 4.11 maps no doorbell"
    case .itsAbsent:
      "there is no ITS (in the tables or in the machine), and the device's MSIs have "
        + "nowhere to go"
    case .gicv2mSpisExhausted: "the v2m frame has no SPI left for more vectors"
    case .msiMapWrong: "msi-map or its mask gives another DeviceID than the device has"
    case .iommuMapWrong: "iommu-map or its mask gives another StreamID than the device has"
    case .iortIdMappingWrong: "an ID mapping of the IORT gives wrong or no IDs"
    case .deviceidUnmapped: "the ITS has no table entry for the DeviceID that arrives"
    case .deviceidOutOfRange: "the DeviceID does not fit the ITS or its device table"
    case .eventidOutOfRange:
      "the EventID lies beyond the device's interrupt translation "
        + "table"
    case .streamidUnmapped: "the StreamID that arrives is none that the driver set up"
    case .streamidOutOfRange: "the StreamID does not fit the stream table"
    case .substreamWrong:
      "a SubstreamID (PASID) arrives that the configuration does not allow, or none "
        + "where one is needed"
    case .itsMemoryUnreachable:
      "the ITS or the redistributors cannot address their tables or queue (above 4 "
        + "GiB)"
    case .itsCommandStalled: "the ITS stopped at a command with an error"
    case .lpiTargetCpuOffline: "interrupts are bound to a CPU that is not online"
    case .lpiNotEnabled: "LPIs are off in the redistributor or in their configuration table"
    case .msiStorm: "one vector fires without end"
    case .gicv4NotEnabled: "the machine can inject directly, but KVM is not told to"
    case .gicv4Absent:
      "the machine cannot inject directly: each MSI is an interrupt of the "
        + "host"
    case .gicv4RouteFallback:
      "direct injection is on, but this VM or vector fell back to the host's "
        + "interrupt"
    case .busMasterOff: "bus mastering is off: the function may send neither DMA nor MSIs"
    case .msixMasked: "the function, or the vector, is masked"
    case .msiNotEnabled: "MSI or MSI-X is not enabled, or no vector was asked for"
    case .deviceLostLink: "the device is off its link or powered down"
    case .dmaUseAfterUnmap: "the device uses memory that its driver has unmapped"
    case .dmaAddressZero:
      "the device uses address 0 or little more: it was given no address, or lost "
        + "it"
    case .dmaUnmappedAddress:
      "the device uses an address that was never mapped, for a reason not "
        + "seen"
    case .dmaAddressTruncated: "the address lost its upper bits"
    case .dmaPermission: "the page is mapped without the permission that the access needs"
    case .steInvalidAfterReset:
      "the stream table entry was invalid for a time, around a reset or an attach, "
        + "while the device was active"
    case .hitlessSteUpdate:
      "an update of a live entry passes through an invalid state for want of a rule in "
        + "the kernel"
    case .staleConfiguration:
      "the SMMU uses an entry or a translation that was changed without an "
        + "invalidation"
    case .tableMisaligned: "the stream table's or a queue's base is not aligned to its size"
    case .cmdqAtcTimeout:
      "a device does not answer an ATC invalidation, and the command queue "
        + "waits"
    case .cmdqIllegal: "a command with an error stands in the command queue"
    case .cmdqNotConsumed:
      "the SMMU consumes no commands: off, reset or without a clock under its "
        + "driver"
    case .evtqOverflow: "events were lost, so that the first fault may be among them"
    case .evtqAbort: "the SMMU cannot write to its event queue"
    case .smmuv2ContextFault:
      "a context fault of an SMMUv2; event records and nesting of SMMUv3 do not "
        + "apply"
    case .nothingWrongFound:
      "the files are such that the usual faults would show in them, and none "
        + "does"
    case .cannotTell:
      "the files do not decide it; candidates may follow, and `missing` names what "
        + "would settle it"
    }
  }
}
