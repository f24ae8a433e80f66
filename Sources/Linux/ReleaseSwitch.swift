/// A behaviour that some releases of Linux or of a VMM have and others have not: the one table that
/// models, matrices and `doorbell releases` go by.
///
/// In order of release; what is in none stands behind. A new switch is a case and its record.
public enum ReleaseSwitch: String, CaseIterable, Sendable {
  // Linux, released
  case readRMRs = "read-rmrs"
  case lpiInvalidationRegisters = "lpi-invalidation-registers"
  case itsTablesReset = "its-tables-reset"
  case smmuReadsIIDR = "smmu-reads-iidr"
  case smmuE2HByStream = "smmu-without-e2h"
  case smmuCommandWithSync = "smmu-command-with-sync"
  case msixMaskFlush = "msix-mask-flush"
  case blockedAtClaim = "blocked-at-claim"
  case powerStateByPMCSR = "power-state-by-pmcsr"
  case vfioKeepsPin = "vfio-keeps-pin"
  case vfioSleeps = "vfio-sleeps"
  case iommufd
  case deviceFiles = "vfio-device-files"
  case isolationAtBind = "isolation-at-bind"
  case requireDirect = "require-direct"
  case vITSCacheUnlimited = "vits-cache-unlimited"
  case lpiPriorityC0 = "lpi-priority-c0"
  case ittByTableSize = "itt-by-table-size"
  case lpiEnabledBeforeUnmask = "lpi-enabled-before-unmask"
  case contextBeforeEntry = "context-before-entry"
  case xhciOneInterrupter = "xhci-one-interrupter"
  case vfioReportsAtomics = "vfio-reports-atomics"
  case savedAtEnumeration = "saved-at-enumeration"
  case linkControlUnsaved = "link-control-unsaved"
  case restoreTurnsMemoryOn = "restore-turns-memory-on"
  case virtualSMMU = "viommu"
  case vITSClearsEntries = "vits-clears-entries"
  case softwareMSINative = "sw-msi-native"
  case virtualEventQueue = "veventq"
  case pasidAttach = "pasid-attach"
  case ittAtDomainCreation = "itt-at-domain-creation"
  case hardwareQueues = "hardware-queues"
  case attachAtEnumeration = "attach-at-enumeration"
  case attachKeepsASID = "attach-keeps-asid"
  case restoreWalksOnceLess = "restore-walks-once-less"
  case type1WithoutPageTest = "type1-without-page-test"
  case attachWithoutDevice = "attach-without-vdevice"
  case mapDMABuf = "ioas-map-dmabuf"
  case hitlessMEVAndEATS = "hitless-mev-eats"
  case invalidationArray = "invalidation-array"
  case hardwareInfoATS = "hw-info-ats"
  case messageAddressMask = "msi-addr-mask"
  case resetBlocksATS = "reset-blocks-ats"
  case vITSCacheErasesOnce = "vits-cache-erases-once"
  case kvmGICv5 = "kvm-gicv5"
  case barNotReadBack = "bar-not-read-back"
  case eventCountLimit = "its-event-count-limit"
  case dynamicMSIX = "its-dynamic-msix"
  case releaseWritesMessage = "release-writes-message"

  // Linux, not released
  case softwareMSIStart = "sw-msi-start"
  case vectorAddress = "vfio-msi-iova"
  case doorbellMapping = "ioas-map-msi"
  case directMSIRegion = "resv-msi-direct"
  case tableMirror = "itt-mirror"
  case softwareMSIBounded = "sw-msi-bounded"
  case messageWindow = "msi-window"
  case riscvMessageWindow = "riscv-msi-window"
  case riscvInterruptBypass = "riscv-irq-bypass"
  case invalidateInCore = "invalidate-in-core"
  case invalidateErrorPath = "invalidate-error-path"
  case commandBitsRefused = "command-bits-refused"
  case invalidateBounds = "invalidate-bounds"
  case leafBeforePointer = "l2-before-l1-pointer"
  case oneStageTwo = "one-s2-for-smmus"
  case vDeviceOneStream = "vdevice-one-stream"
  case nestedBridges = "nested-bridges"
  case tegra264Twice = "tegra264-twice"
  case crashKernelAdopts = "crash-kernel-adopts"
  case atsAlwaysOn = "ats-always-on"
  case atsQuarantine = "ats-quarantine"
  case pageRequests = "smmu-pri"
  case genericPageTable = "generic-page-table"
  case smmuPowerManagement = "smmu-pm"
  case commandQueueFixes = "cmdqv-fixes"
  case lpiDisableRace = "lpi-disable-race"
  case kvmGICv5IRS = "kvm-gicv5-irs"
  case vITSForGICv5 = "vits-gicv5"
  case vLPIByVCPU = "vlpi-by-vcpu"
  case pKVMSMMU = "pkvm-smmu"
  case liveUpdate = "live-update"

  // VMMs
  case qemuAutoProperties = "qemu-auto-properties"
  case qemuDoorbellFirst = "qemu-doorbell-first"
  case openVMMVirtualSMMU = "openvmm-accelerated-smmu"
  case openVMMSecondDoorbell = "openvmm-mshv-second-doorbell"
  case cloudHypervisorSMMU = "cloud-hypervisor-smmu"
  case cloudHypervisorNesting = "cloud-hypervisor-nested-smmu"
  case cloudHypervisorSnapshotTypers = "cloud-hypervisor-snapshot-typers"
  case hyperVRetarget = "hyperv-synchronous-retarget"

  /// Its place in the table, from 0.
  var place: Int { Self.places[self] ?? 0 }

  private static let places = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}

extension ReleaseSwitch {
  /// Its line of the table.
  public var record: ReleaseRecord {
    switch self {
    // MARK: Linux, released
    case .readRMRs:
      ReleaseRecord(
        .merged(Release(6, 0)), "iort_get_rmr_sids, drivers/acpi/arm64/iort.c",
        "IORT RMR nodes become reserved regions and bypass entries.", .results(.guest))
    case .iommufd:
      ReleaseRecord(
        .merged(Release(6, 2)), "drivers/iommu/iommufd",
        "There is /dev/iommu.", .results(.guest))
    case .lpiInvalidationRegisters:
      ReleaseRecord(
        .mergedBy(Release(6, 1)),
        "direct_lpi_inv, drivers/irqchip/irq-gic-v3-its.c; 5.10 sends INV",
        "With GICR_CTLR.IR an LPI's new configuration is announced by GICR_INVLPIR, not by INV.",
        .results(.guest))
    case .itsTablesReset:
      ReleaseRecord(
        .mergedBy(Release(6, 1)), "c733ebb7cb67, drivers/irqchip/irq-gic-v3-its.c",
        "Each GITS_BASERn is cleared before an ITS is probed.", .results(.guest))
    case .smmuReadsIIDR:
      ReleaseRecord(
        .mergedBy(Release(6, 1)), "arm_smmu_device_iidr_probe; recorded: 5.10 does not",
        "SMMU_IIDR is read for errata.", .results(.guest))
    case .smmuE2HByStream:
      ReleaseRecord(
        .mergedBy(Release(6, 1)), "arm_smmu_device_reset; recorded: 5.10 writes CR2 = 7",
        "SMMU_CR2.E2H is set only where the kernel runs at EL2 with it.",
        .steps([.guest, .host]))
    case .smmuCommandWithSync:
      ReleaseRecord(
        .mergedBy(Release(6, 1)),
        "arm_smmu_cmdq_issue_cmd_with_sync; recorded: 5.10 moves SMMU_CMDQ_PROD twice",
        "A configuration command and its CMD_SYNC are queued at once.", .results(.guest))
    case .msixMaskFlush:
      ReleaseRecord(
        .mergedBy(Release(6, 1)),
        "pci_msix_mask, drivers/pci/msi/api.c; recorded: 5.10 reads back after each unmask",
        "A masked MSI-X vector is flushed by a read, an unmasked one is not; before, by request_irq "
          + "both, and not at shutdown.", .results(.guest))
    case .powerStateByPMCSR:
      ReleaseRecord(
        .mergedBy(Release(6, 1)),
        "pci_update_current_state, drivers/pci/pci.c; recorded: 5.10 reads the vendor, too",
        "The power state is read from PMCSR without a look at the function's presence.",
        .results(.guest))
    case .vfioKeepsPin:
      ReleaseRecord(
        .mergedBy(Release(6, 1)),
        "vfio_pci_get_irq_count, drivers/vfio/pci; recorded: 5.10 reads the pin",
        "VFIO knows whether a function has INTx from its copy of the configuration space.",
        .none)
    case .blockedAtClaim:
      ReleaseRecord(
        .mergedBy(Release(6, 1)), "iommu_group_claim_dma_owner, drivers/iommu/iommu.c",
        "VFIO's claim blocks the group; before, the user's domain follows the default one at once.",
        .results(.guest))
    case .deviceFiles:
      ReleaseRecord(
        .merged(Release(6, 6)), "drivers/vfio/device_cdev.c",
        "An iommufd binds a device's own file; before, it took the place of a group's container.",
        .steps(.guest))
    case .isolationAtBind:
      ReleaseRecord(
        .merged(Release(6, 6)),
        "\"iommufd: Move isolated msi enforcement to iommufd_device_bind()\"",
        "iommufd asks for isolated interrupts at bind, while the DMA API still has the device.",
        .results([.guest, .host]))
    case .requireDirect:
      ReleaseRecord(
        .merged(Release(6, 6)),
        "a48ce36e2786, \"iommu: Prevent RESV_DIRECT devices from blocking domains\"",
        "A device with a direct region may not be blocked, so VFIO cannot take it; Intel's check of "
          + "its own is gone.", .results(.guest))
    case .vITSCacheUnlimited:
      ReleaseRecord(
        .merged(Release(6, 10)), "vgic_its_cache_translation, arch/arm64/kvm/vgic/vgic-its.c",
        "KVM's translation cache holds every event; before, 16 for each virtual CPU.", .none)
    case .lpiPriorityC0:
      ReleaseRecord(
        .merged(Release(6, 11)), "GICV3_PRIO_IRQ, include/linux/irqchip/arm-gic-v3-prio.h",
        "LPIs have priority 0xc0; before, 0xa0.", .steps([.guest, .host]))
    case .ittByTableSize:
      ReleaseRecord(
        .merged(Release(6, 11)), "its_pci_msi_prepare, hwsize, irq-gic-its-msi-parent.c",
        "A device's ITT has room for its whole MSI-X table; before, for the vectors asked for.",
        .steps(.guest))
    case .lpiEnabledBeforeUnmask:
      ReleaseRecord(
        .mergedBy(Release(6, 12)), "recorded: 5.10 and 6.1 unmask first, 6.12 and later do not",
        "request_irq enables the LPI before it unmasks the MSI-X entry; before, after it.",
        .steps(.guest))
    case .contextBeforeEntry:
      ReleaseRecord(
        .mergedBy(Release(6, 12)), "recorded: 5.10 and 6.1 send CMD_SYNC alone for the context",
        "An attach invalidates the context descriptor before it writes the stream table entry.",
        .results(.guest))
    case .virtualSMMU:
      ReleaseRecord(
        .merged(Release(6, 13)), "IOMMU_VIOMMU_ALLOC, include/uapi/linux/iommufd.h",
        "There are vIOMMU objects and nested SMMUv3 tables.", .results(.host))
    case .vITSClearsEntries:
      ReleaseRecord(
        .mergedBy(Release(6, 13)), "vgic_its_write_entry_lock, arch/arm64/kvm/vgic/vgic-its.c",
        "KVM zeroes an ITE or DTE in the guest's memory at DISCARD and at MAPD with V=0.", .none)
    case .softwareMSINative:
      ReleaseRecord(
        .merged(Release(6, 15)), "40f5175d0eb7, \"iommufd: Implement sw_msi support natively\"",
        "iommufd maps doorbells by itself, in the parent of a nested domain too.",
        .results(.host))
    case .virtualEventQueue:
      ReleaseRecord(
        .merged(Release(6, 15)), "IOMMU_VEVENTQ_ALLOC, arm_vmaster_report_event",
        "A guest's faults reach its VMM; before, they end in the host's log.", .results(.host))
    case .pasidAttach:
      ReleaseRecord(
        .merged(Release(6, 15)), "VFIO_DEVICE_ATTACH_PASID, include/uapi/linux/vfio.h",
        "Tables attach to PASIDs.", .scripts)
    case .ittAtDomainCreation:
      ReleaseRecord(
        .merged(Release(6, 16)), "msi_prepare at domain creation, kernel/irq/msi.c",
        "MAPD comes before MSI-X is enabled and lives until the driver is unbound; before, it comes "
          + "after and ends with each disable.", .steps(.guest))
    case .hardwareQueues:
      ReleaseRecord(
        .merged(Release(6, 17)), "IOMMU_HW_QUEUE_ALLOC, include/uapi/linux/iommufd.h",
        "Guests can have hardware queues.", .scripts)
    case .attachAtEnumeration:
      ReleaseRecord(
        .mergedBy(Release(6, 18)), "recorded: 6.12 and earlier attach at the driver's probe",
        "A function gets its domain when the bus is enumerated.", .none)
    case .vfioSleeps:
      ReleaseRecord(
        .mergedBy(Release(6, 1)),
        "vfio_pci_core_runtime_suspend; recorded: 6.1 saves the state once more, 5.10 does not",
        "VFIO puts an unused function to sleep.", .none)
    case .savedAtEnumeration:
      ReleaseRecord(
        .mergedBy(Release(6, 12)), "pci_save_state in pci_bus_add_device; recorded: 6.12",
        "A function's state is saved once when it is found.", .none)
    case .linkControlUnsaved:
      ReleaseRecord(
        .mergedBy(Release(6, 12)),
        "pci_save_pcie_state; recorded: 6.1 saves LNKCTL2, 6.12 does not",
        "An endpoint's link control is no part of its saved state.", .none)
    case .restoreTurnsMemoryOn:
      ReleaseRecord(
        .mergedBy(Release(6, 12)),
        "__pci_restore_msix_state; recorded: 6.12 writes the command register, 6.1 does not",
        "Memory space is on while MSI-X messages are restored.", .none)
    case .restoreWalksOnceLess:
      ReleaseRecord(
        .mergedBy(Release(6, 18)), "pci_restore_state; recorded: 6.18 has a walk less than 6.12",
        "Restoring looks for one extended capability less.", .none)
    case .barNotReadBack:
      ReleaseRecord(
        .mergedBy(Release(7, 2)), "pci_restore_config_dword; recorded: 7.2 reads no BAR back",
        "A restored BAR is not read back.", .none)
    case .vfioReportsAtomics:
      ReleaseRecord(
        .mergedBy(Release(6, 12)),
        "vfio_pci_info_atomic_cap, drivers/vfio/pci/vfio_pci_core.c; recorded: 6.12 reads "
          + "PCI_EXP_DEVCAP2, 6.1 does not",
        "VFIO_DEVICE_GET_INFO tells of a PCIe function's atomics.", .none)
    case .xhciOneInterrupter:
      ReleaseRecord(
        .mergedBy(Release(6, 12)), "xhci_try_enable_msi, drivers/usb/host/xhci-pci.c",
        "xhci-pci requests the first of its vectors; before, all.", .none)
    case .type1WithoutPageTest:
      ReleaseRecord(
        .mergedBy(Release(6, 18)), "vfio_test_domain_fgsp; recorded: 6.12 and earlier unmap twice",
        "A type 1 container does not try out page sizes in a new domain.", .results(.guest))
    case .attachKeepsASID:
      ReleaseRecord(
        .mergedBy(Release(6, 18)), "recorded: 5.10 to 6.12 send TLBI_NH_ASID, 6.18 and later none",
        "The first attach of a domain does not invalidate its ASID.", .results(.guest))
    case .attachWithoutDevice:
      ReleaseRecord(
        .merged(Release(6, 19)), "81c45c62dc3e",
        "A nested table that does not translate attaches without a vDEVICE; QEMU makes its vDEVICE "
          + "only later.", .results(.host))
    case .mapDMABuf:
      ReleaseRecord(
        .merged(Release(6, 19)), "IOMMU_IOAS_MAP_FILE",
        "A DMABUF, and with it MMIO, can be mapped into an IOAS.", .none)
    case .hitlessMEVAndEATS:
      ReleaseRecord(
        .merged(Release(7, 0)), backports: [Release(6, 18, 15)],
        "arm_smmu_get_ste_update_safe; cover.1768501336, 2781f2a930ab, f3c1d372dbb8, 7cad80048595, "
          + "a4f976edcb87",
        "MEV and EATS may change in a live entry; before, stage 2 to nested goes through V=0.",
        .steps(.host))
    case .invalidationArray:
      ReleaseRecord(
        .merged(Release(7, 1)), "arm_smmu_invs, drivers/iommu/arm/arm-smmu-v3",
        "A domain keeps an array of what to invalidate, published before the entry is written.",
        .results(.guest))
    case .hardwareInfoATS:
      ReleaseRecord(
        .merged(Release(7, 1)), "a11661a58c06",
        "IOMMU_GET_HW_INFO says when ATS is not supported.", .none)
    case .messageAddressMask:
      ReleaseRecord(
        .mergedBy(Release(7, 1)), "386ced19e9a3, 52f0d862f595, drivers/pci/msi/msi.c",
        "A message whose address has bits outside pci_dev.msi_addr_mask is refused.", .none)
    case .resetBlocksATS:
      ReleaseRecord(
        .mergedBy(Release(7, 1)), "pci_dev_reset_iommu_prepare, drivers/iommu/iommu.c",
        "A function with ATS is blocked while it is reset; one without is not.", .none)
    case .vITSCacheErasesOnce:
      ReleaseRecord(
        .mergedBy(Release(7, 1)), "CVE-2026-46316, vgic_its_invalidate_cache",
        "Two contexts that drop KVM's translation cache drop each reference once.", .none)
    case .kvmGICv5:
      ReleaseRecord(
        .merged(Release(7, 1)), "KVM_DEV_TYPE_ARM_VGIC_V5",
        "KVM has GICv5 guests with PPIs.", .none)
    case .eventCountLimit:
      ReleaseRecord(
        .mergedBy(Release(7, 3)), "ce9e40a9a5e5, drivers/irqchip/irq-gic-v3-its.c",
        "A device gets no more events than EventIDs have room for.", .none)
    case .dynamicMSIX:
      ReleaseRecord(
        .mergedBy(Release(7, 3)),
        "MSI_FLAG_PCI_MSIX_ALLOC_DYN, irq-gic-its-msi-parent.c; absent from 7.0",
        "VFIO adds a vector to running ones; before, all are torn down and enabled again.",
        .steps(.host))

    case .releaseWritesMessage:
      ReleaseRecord(
        .mergedBy(Release(7, 3)),
        "__pci_write_msi_msg; recorded: ahci on 7.3 clears the message, on 6.1 it does not",
        "What devres frees after a driver's remove is cleared in the function, too.", .none)

    // MARK: Linux, not released
    case .softwareMSIStart:
      ReleaseRecord(
        .posted("14 October 2025"),
        "IOMMU_OPTION_SW_MSI_START, N. Chen, part 2 v2, cover.1760487869.git.nicolinc",
        "User space places the software MSI window.", .results(.host),
        choice: "stage2: moved-window")
    case .vectorAddress:
      ReleaseRecord(
        .posted("10 January 2025"),
        "VFIO_IRQ_SET_DATA_MSI_IOVA, N. Chen, RFCv1 8 November 2024, RFCv2 10 January 2025",
        "VFIO takes the IOVA of each vector's message.", .results(.host),
        choice: "msix: trapped-forwarded")
    case .doorbellMapping:
      ReleaseRecord(
        .neverPosted, "IOMMUFD_CMD_IOAS_MAP_MSI, N. Chen, planned as part 3 of the series of 2025",
        "The physical ITS page can be mapped into an IOAS.", .results(.host),
        choice: "stage2: guest-doorbell")
    case .directMSIRegion:
      ReleaseRecord(
        .neverPosted,
        "IOMMU_RESV_MSI_DIRECT, J. Gunthorpe, iommu list, 21 April 2023; IORT has no such flag",
        "Firmware names a doorbell that every domain maps one to one.", .results(.guest),
        choice: "advertise: msi-direct")
    case .tableMirror:
      ReleaseRecord(
        .neverPosted, "R. Murphy, iommu list, 25 and 26 April 2023",
        "The virtual ITS drives the physical ITT.", .results(.host), choice: "eventID: guest")
    case .softwareMSIBounded:
      ReleaseRecord(
        .posted("31 August 2026"), "A. Jones, v5, 20260831145943.313726",
        "iommufd's list of doorbell pages grows beyond 64, and no page leaves the window; before, "
          + "nothing compares them with its length.", .results(.host))
    case .messageWindow:
      ReleaseRecord(
        .neverPosted, "MSI_IOVA_BASE, MSI_IOVA_LENGTH, arm-smmu-v3.c: constants in every release",
        "The SMMU driver's software MSI window is elsewhere, or has another length.",
        .results(.host), choice: "host.msi-window")
    case .riscvMessageWindow:
      ReleaseRecord(
        .posted("31 August 2026"),
        "iommu/riscv: Enable MSI remapping, IOMMU_DMA and VFIO, A. Jones, v5, "
          + "20260831145943.313726",
        "On RISC-V a window of the domain leads to the harts' interrupt files, one page for each CPU; "
          + "VFIO needs allow_unsafe_interrupts.", .results(.host), choice: "platform: riscv-unsafe"
      )
    case .riscvInterruptBypass:
      ReleaseRecord(
        .posted("20 September 2025"),
        "iommu/riscv: Add irqbypass support, A. Jones, RFC v2, 18 patches; with MRIF 1 July 2026, "
          + "20260701040017.42707",
        "On RISC-V the MSI page table leads the guest's own messages to its interrupt files.",
        .results(.host), choice: "platform: riscv")
    case .invalidateInCore:
      ReleaseRecord(
        .posted("30 August 2026"), "N. Chen, v6, 535f3b97e16c....1788127877.git.nicolinc",
        "iommufd walks the array of invalidations: entry_num counts what was issued; since 6.13, the "
          + "commands of the batch before a refused one count as done and are not issued.",
        .scripts)
    case .invalidateErrorPath:
      ReleaseRecord(
        .posted("28 August 2026"), "M. Saleh, v1, 20260828125409.1921538",
        "The SMMU's driver issues the commands before a refused one; the other cure of the same.",
        .scripts)
    case .commandBitsRefused:
      ReleaseRecord(
        .posted("30 August 2026"), "N. Chen, v6, 535f3b97e16c....1788127877.git.nicolinc",
        "A guest's command with bits that the host does not support is refused; before, reserved "
          + "bits reach the hardware.", .scripts)
    case .invalidateBounds:
      ReleaseRecord(
        .posted("June 2026"), "9ae78ed8e64a....1780521606",
        "entry_num and entry_len of an invalidation are bounded.", .none)
    case .leafBeforePointer:
      ReleaseRecord(
        .posted("28 August 2026"), "M. Saleh, v1, 20260828125409.1921538",
        "A leaf of the stream table is visible before the pointer to it.", .none)
    case .oneStageTwo:
      ReleaseRecord(
        .posted("19 March 2026"), "v4, cover.1773949042.git.nicolinc",
        "One stage 2 serves several SMMUs; before, each parent belongs to one (-EINVAL).", .none)
    case .vDeviceOneStream:
      ReleaseRecord(
        .posted("6 July 2026"), "v2, e903f775d491....1783311134",
        "A vDEVICE is published when it is whole, and needs exactly one StreamID.", .none)
    case .nestedBridges:
      ReleaseRecord(
        .posted("14 August 2026"), "D. Malkin, RFC",
        "A bridge in a group that is to be nested attaches without a vDEVICE; before, -ENOENT.",
        .none)
    case .tegra264Twice:
      ReleaseRecord(
        .posted("1 June 2026"), "v3, 20260529140830; v9 26 July 2026, 20260726081904.1408859",
        "On Tegra264, whose TLB entries can outlive an invalidation under traffic, CFGI and TLBI go "
          + "out twice.", .none)
    case .crashKernelAdopts:
      ReleaseRecord(
        .posted("30 August 2026"), "v10, 8280230c0906....1788130528",
        "A crash kernel keeps the old kernel's stream table instead of aborting everything.", .none)
    case .atsAlwaysOn:
      ReleaseRecord(.posted("28 May 2026"), "v6", "ATS stays on.", .none)
    case .atsQuarantine:
      ReleaseRecord(
        .posted("July 2026"), "v5, 1783044582",
        "A function whose ATC_INV times out is quarantined.", .none)
    case .pageRequests:
      ReleaseRecord(
        .posted("September 2026"), "v5, cover.1789446520",
        "The SMMU's driver handles page requests (PRI).", .none)
    case .genericPageTable:
      ReleaseRecord(
        .posted("12 August 2026"), "v2, 1-v2-563ee63886f0+1209-iommupt_armv8; 4-v4-1802653d8886",
        "The SMMU uses the generic page table; range invalidations are chosen for latency.", .none)
    case .smmuPowerManagement:
      ReleaseRecord(
        .posted("28 July 2026"), "v9", "The SMMU's MSI registers survive suspend.", .none)
    case .commandQueueFixes:
      ReleaseRecord(
        .posted("14 July 2026"), "v2, 3e0d9156cd7a....1784059577",
        "A VCMDQ base above 48 bits is refused, and a queue is reset when it is made.", .none)
    case .lpiDisableRace:
      ReleaseRecord(
        .posted("15 June 2026"), "20260615181625.3029352-1",
        "Disabling LPIs does not race with a change of affinity.", .none)
    case .kvmGICv5IRS:
      ReleaseRecord(
        .posted("24 July 2026"), "v4; v3 20260703154811.3355680",
        "KVM's GICv5 guests have an IRS with SPIs and LPIs, and so several virtual CPUs.", .none)
    case .vITSForGICv5:
      ReleaseRecord(
        .workInProgress, "maz/arm-platforms, 9d01097b8baa, vgic-its-v5.c",
        "KVM's GICv5 guests have an ITS, which MSIs enter by KVM_SIGNAL_MSI or irqfd only.", .none)
    case .vLPIByVCPU:
      ReleaseRecord(
        .posted("November 2025"), "RFC", "vLPIs are switched on and off by virtual CPU.", .none)
    case .pKVMSMMU:
      ReleaseRecord(
        .posted("22 September 2026"), "v8; v7 20260715115906.2664882",
        "EL2 traps the host's SMMUv3 and shadows its tables.", .none)
    case .liveUpdate:
      ReleaseRecord(
        .posted("8 August 2026"), "v4, 20260808022723.3893618; VFIO v5, 20260714151505.3466855",
        "State of IOMMU, iommufd and VFIO survives a kexec.", .none)

    // MARK: VMMs
    case .qemuAutoProperties:
      ReleaseRecord(
        program: .qemu, .merged(Release(11, 1)),
        "NVIDIA/QEMU#29, 16 July 2026; qemu-devel msg1190699",
        "ril, ats, ssidsize and oas 'auto' are the host's at the first VFIO device, frozen at start.",
        .none)
    case .qemuDoorbellFirst:
      ReleaseRecord(
        program: .qemu, .inTree, "5c921b29c989, 3558c85392b6, 5ec2700dcbb0; NVIDIA/QEMU#15, #22",
        "A route asks for the machine's doorbell before anything that walks the guest's tables.",
        .none)
    case .openVMMVirtualSMMU:
      ReleaseRecord(
        program: .openVMM, .inTree, "microsoft/openvmm#4104", "OpenVMM has an accelerated vSMMU.",
        .none)
    case .openVMMSecondDoorbell:
      ReleaseRecord(
        program: .openVMM, .inTree, "microsoft/openvmm#3900",
        "Under MSHV a second doorbell (0xeff68000) is the base of the ITS translation register; the "
          + "guest sees a v2m frame (0xeffe8000).", .none)
    case .cloudHypervisorSMMU:
      ReleaseRecord(
        program: .cloudHypervisor, .inTree, "cloud-hypervisor#8805, September 2026",
        "Cloud Hypervisor emulates an SMMUv3.", .none)
    case .cloudHypervisorNesting:
      ReleaseRecord(
        program: .cloudHypervisor, .neverPosted, "no thread or patch is known",
        "Cloud Hypervisor gives an assigned device's stage 1 to the host's SMMU.", .results(.host),
        choice: "vmm: cloud-hypervisor with iommu: nested")
    case .cloudHypervisorSnapshotTypers:
      ReleaseRecord(
        program: .cloudHypervisor, .inTree, "18366e1b7, c31cf494e, August 2026",
        "A snapshot keeps each virtual CPU's redistributor apart; before, all were that of CPU 0, "
          + "and LPIs can be lost after a restore.", .none)
    case .hyperVRetarget:
      ReleaseRecord(
        program: .hyperV, .posted("10 July 2026"), "RFC, linux-hyperv",
        "An interrupt's retarget ends before the old vector can come again.", .none)
    }
  }
}
