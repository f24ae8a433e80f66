// What Linux's IOMMU core, iommufd and the nested side of the SMMU driver do.

private let smmuHeader = "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h"
private let smmuSource = "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c"
private let nestingSource = "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c"
private let olderSMMU = "drivers/iommu/arm/arm-smmu/arm-smmu.c"
private let virtioSource = "drivers/iommu/virtio-iommu.c"
private let coreSource = "drivers/iommu/iommu.c"
private let dmaSource = "drivers/iommu/dma-iommu.c"
private let iommufdDriver = "drivers/iommu/iommufd/driver.c"
private let iommufdDevice = "drivers/iommu/iommufd/device.c"
private let iommufdHeader = "include/uapi/linux/iommufd.h"

// MARK: The software MSI window and the host's messages

extension Fact {
  package static let window: [Fact] = [
    .init(
      "window-base", smmuHeader, .macro("MSI_IOVA_BASE"), .value("0x8000000"),
      "where the SMMUv3 driver puts the software MSI window",
      usedBy: ["IOMMU.SoftwareMSIWindow"], scenarios: ["default.yaml"]),
    .init(
      "window-length", smmuHeader, .macro("MSI_IOVA_LENGTH"), .value("0x100000"),
      "how long the window is", usedBy: ["IOMMU.SoftwareMSIWindow"], scenarios: ["default.yaml"]),
    .init(
      "window-base-smmu-v2", olderSMMU, .macro("MSI_IOVA_BASE"), .value("0x8000000"),
      "the driver for older SMMUs has the same window", usedBy: ["IOMMU.SoftwareMSIWindow"]),
    .init(
      "window-length-smmu-v2", olderSMMU, .macro("MSI_IOVA_LENGTH"), .value("0x100000"),
      "the driver for older SMMUs has a window of the same length",
      usedBy: ["IOMMU.SoftwareMSIWindow"]),
    .init(
      "window-base-virtio", virtioSource, .macro("MSI_IOVA_BASE"), .value("0x8000000"),
      "virtio-iommu has the same window", usedBy: ["IOMMU.SoftwareMSIWindow"]),
    .init(
      "window-length-virtio", virtioSource, .macro("MSI_IOVA_LENGTH"), .value("0x100000"),
      "virtio-iommu has a window of the same length", usedBy: ["IOMMU.SoftwareMSIWindow"]),
    .init(
      "window-region", smmuSource, .function("arm_smmu_get_resv_regions"),
      .holds(["IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO", "IOMMU_RESV_SW_MSI"]),
      "the window is a reserved region of software MSIs that devices may write",
      usedBy: ["IOMMU.RegionSource"], scenarios: ["default.yaml"]),
    .init(
      "window-then-firmware", smmuSource, .function("arm_smmu_get_resv_regions"),
      .holds(["MSI_IOVA_BASE", "iommu_dma_get_resv_regions"]),
      "the window comes before the regions that firmware asks for",
      usedBy: ["IOMMU.RegionSource"]),
    .init(
      "window-virtio-only-without-msi", virtioSource, .function("viommu_get_resv_regions"),
      .holds(["IOMMU_RESV_MSI", "MSI_IOVA_BASE", "IOMMU_RESV_SW_MSI"]),
      "virtio-iommu has the window unless the device has a region of its own for MSIs",
      usedBy: ["IOMMU.RegionSource"]),
    .init(
      "sw-msi-native", iommufdDriver, .function("iommufd_sw_msi"),
      .holds(["PHYS_ADDR_MAX", "iommufd_sw_msi_get_map", "iommufd_sw_msi_install"]),
      "iommufd maps doorbells itself, each page once, in the parent of a nested domain too",
      from: "6.15", usedBy: ["IOMMU.SoftwareMSIWindow"],
      scenarios: ["host/sixty-five-doorbells.yaml", "host/replace-loses-msi-6.12.yaml"],
      releaseSwitch: "sw-msi-native"),
    .init(
      "sw-msi-attach-handle", iommufdDriver, .function("iommufd_sw_msi"),
      .holds(["iommu_attach_handle_get", "find_hwpt_paging", "sw_msi_start == PHYS_ADDR_MAX"]),
      "a device without a window keeps the physical address",
      from: "6.15", usedBy: ["IOMMU.IOMMUFD"]),
    .init(
      "sw-msi-limit", iommufdDriver, .function("iommufd_sw_msi_get_map"),
      .holds(["sw_msi_id >= BITS_PER_BYTE * sizeof_field", "return ERR_PTR(-EOVERFLOW)"]),
      "the 65th page of an open file is refused with EOVERFLOW", from: "6.15",
      usedBy: ["IOMMU.SoftwareMSIWindow"], scenarios: ["host/sixty-five-doorbells.yaml"]),
    .init(
      "sw-msi-bitmap", "drivers/iommu/iommufd/iommufd_private.h",
      .structure("iommufd_sw_msi_maps"), .holds(["DECLARE_BITMAP(bitmap, 64)"]),
      "the pages of an open file are a bitmap of 64", from: "6.15",
      usedBy: ["IOMMU.SoftwareMSIWindow"], scenarios: ["host/sixty-five-doorbells.yaml"]),
    .init(
      "sw-msi-unchecked-window", iommufdDriver, .function("iommufd_sw_msi_get_map"),
      .lacks("MSI_IOVA_LENGTH"), "nothing compares a page with the length of the window",
      from: "6.15", usedBy: ["IOMMU.SoftwareMSIWindow"],
      scenarios: ["host/window-overrun-64k.yaml"]),
    .init(
      "sw-msi-attributes", iommufdDriver, .function("iommufd_sw_msi_install"),
      .holds(["iommu_map", "PAGE_SIZE", "IOMMU_WRITE | IOMMU_READ | IOMMU_MMIO"]),
      "iommufd maps a doorbell's page to be read and written, as device memory", from: "6.15",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "sw-msi-page-shift", iommufdDriver, .function("iommufd_sw_msi"),
      .holds(["msi_desc_set_iommu_msi_iova", "PAGE_SHIFT"]),
      "iommufd keeps the doorbell's offset in a page of the host's size", from: "6.15",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "prepare-msi-identity", dmaSource, .function("iommu_dma_prepare_msi"), .exists,
      "before 6.15 the DMA layer alone prepares a message's address", until: "6.14",
      usedBy: ["IOMMU.IOMMUGroup"]),
    .init(
      "prepare-msi-cookies", coreSource, .function("iommu_dma_prepare_msi"),
      .holds([
        "if (!group) return 0", "IOMMU_DOMAIN_IDENTITY", "IOMMU_COOKIE_DMA_MSI",
        "IOMMU_COOKIE_DMA_IOVA", "iommu_dma_sw_msi", "IOMMU_COOKIE_IOMMUFD", "iommufd_sw_msi",
        "-EOPNOTSUPP",
      ]),
      "who maps a doorbell follows the domain's cookie; without one it is EOPNOTSUPP",
      from: "6.16", usedBy: ["IOMMU.IOMMUGroup"],
      scenarios: ["host/no-cookie.yaml", "host/identity-keeps-physical-address.yaml"]),
    .init(
      "msi-page-reuse", dmaSource, .function("iommu_dma_get_msi_page"),
      .holds([
        "list_for_each_entry", "msi_page->phys == msi_addr", "return msi_page",
        "iommu_dma_alloc_iova", "iommu_map",
      ]),
      "the DMA layer maps each doorbell page once for a domain", usedBy: ["IOMMU.IOMMUGroup"],
      scenarios: ["default.yaml"]),
    .init(
      "msi-page-attributes", dmaSource, .function("iommu_dma_get_msi_page"),
      .holds(["IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO"]),
      "the DMA layer maps a doorbell's page to be written, as device memory",
      usedBy: ["IOMMU.IOMMUGroup"]),
    .init(
      "msi-cookie-bump", dmaSource, .function("iommu_dma_alloc_iova"),
      .holds(["msi_iova += size", "return"]),
      "an MSI cookie hands out addresses from its base upwards", usedBy: ["IOMMU.Cookie"],
      scenarios: ["host/type1-first-vector.yaml"]),
    .init(
      "msi-regions-identity", dmaSource, .function("iova_reserve_iommu_regions"),
      .holds(["IOMMU_RESV_SW_MSI", "continue", "IOMMU_RESV_MSI", "cookie_init_hw_msi_region"]),
      "the allocator leaves the software window free and maps a hardware one as it is",
      usedBy: ["IOMMU.IOMMUGroup"], scenarios: ["host/hi161x-type1.yaml"]),
    .init(
      "resv-strings", coreSource, .constant("iommu_group_resv_type_string"),
      .holds([
        "\"direct\"", "\"direct-relaxable\"", "\"reserved\"", "[IOMMU_RESV_MSI] = \"msi\"",
        "[IOMMU_RESV_SW_MSI] = \"msi\"",
      ]),
      "sysfs calls both kinds of MSI region 'msi'", usedBy: ["IOMMU.ReservedRegion"]),
    .init(
      "require-direct", coreSource, .function("__iommu_device_set_domain"),
      .holds([
        "dev->iommu->require_direct",
        "\"Firmware has requested this device have a 1:1 IOMMU mapping, rejecting configuring the device without a 1:1 mapping. Contact your platform vendor.\\n\"",
        "return -EINVAL",
      ]),
      "a device with a direct region may not be given a blocking domain", from: "6.6",
      usedBy: ["IOMMU.AttachPolicy"],
      scenarios: ["nested-msi/iommufd-6.6-refused.yaml", "vfio-in-guest-6.6.yaml"],
      releaseSwitch: "require-direct"),
    .init(
      "direct-mappings-set-it", coreSource, .function("iommu_create_device_direct_mappings"),
      .holds(["require_direct = 1"]),
      "the 1:1 rule is for regions of type direct, and not for relaxable ones", from: "6.6",
      usedBy: ["IOMMU.IOMMUGroup"], scenarios: ["nested-msi/iommufd-6.6-refused.yaml"]),
    .init(
      "default-domain-owner", coreSource, .function("iommu_group_claim_dma_owner"),
      .holds(["owner_cnt", "-EPERM"]),
      "a group that has an owner is refused to another", usedBy: ["IOMMU.IOMMUGroup"]),
    .init(
      "reset-blocks-ats", coreSource, .function("pci_dev_reset_iommu_prepare"),
      .holds(["pci_ats_supported", "blocking_domain"]),
      "around a reset a function with ATS is put into the blocking domain", from: "7.0",
      usedBy: ["HostKernel.HostKernel"], releaseSwitch: "reset-blocks-ats"),
  ]
}

// MARK: iommufd's interface

extension Fact {
  private static func command(
    _ name: String, _ value: String, _ meaning: String, from first: Release? = nil,
    releaseSwitch: String? = nil
  ) -> Fact {
    .init(
      "iommufd-\(name.lowercased().replacing("_", with: "-"))", iommufdHeader,
      .enumerator("IOMMUFD_CMD_\(name)"), .value(value), meaning, from: first,
      usedBy: ["IOMMU.IOMMUFD"], releaseSwitch: releaseSwitch)
  }

  private static func kind(
    _ name: String, _ value: String, _ meaning: String, from first: Release? = nil
  ) -> Fact {
    .init(
      "iommufd-\(name.lowercased().replacing("_", with: "-"))", iommufdHeader, .enumerator(name),
      .value(value), meaning, from: first, usedBy: ["IOMMU.IOMMUFD"])
  }

  package static let iommufdInterface: [Fact] = [
    command("DESTROY", "0x80", "destroys an object", from: "6.2"),
    command("IOAS_ALLOC", "0x81", "makes an address space", from: "6.2", releaseSwitch: "iommufd"),
    command("IOAS_ALLOW_IOVAS", "0x82", "keeps addresses for the guest", from: "6.2"),
    command("IOAS_COPY", "0x83", "copies mappings", from: "6.2"),
    command("IOAS_IOVA_RANGES", "0x84", "lists the addresses that may be mapped", from: "6.2"),
    command("IOAS_MAP", "0x85", "maps the guest's RAM", from: "6.2"),
    command("IOAS_UNMAP", "0x86", "unmaps it", from: "6.2"),
    command("OPTION", "0x87", "sets an option; none of them places the MSI window", from: "6.2"),
    command("HWPT_ALLOC", "0x89", "makes a page table, nested or not", from: "6.6"),
    command("GET_HW_INFO", "0x8a", "reads the SMMU's ID registers", from: "6.6"),
    command("HWPT_INVALIDATE", "0x8d", "passes invalidations on", from: "6.8"),
    command("FAULT_QUEUE_ALLOC", "0x8e", "makes a queue of page requests", from: "6.11"),
    command("VIOMMU_ALLOC", "0x90", "makes a virtual SMMU", from: "6.13", releaseSwitch: "viommu"),
    command("VDEVICE_ALLOC", "0x91", "gives a device its virtual StreamID", from: "6.13"),
    command(
      "VEVENTQ_ALLOC", "0x93", "makes a queue of the virtual SMMU's events", from: "6.15",
      releaseSwitch: "veventq"),
    command(
      "HW_QUEUE_ALLOC", "0x94", "gives a guest a hardware queue", from: "6.17",
      releaseSwitch: "hardware-queues"),
    kind("IOMMU_OPTION_RLIMIT_MODE", "0", "the first of two options", from: "6.2"),
    kind("IOMMU_OPTION_HUGE_PAGES", "1", "the second of two options", from: "6.2"),
    kind("IOMMU_HWPT_DATA_ARM_SMMUV3", "2", "a stream table entry as contents", from: "6.13"),
    kind("IOMMU_HW_INFO_TYPE_ARM_SMMUV3", "2", "the ID registers of an SMMUv3", from: "6.13"),
    kind("IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV", "3", "the queues of Tegra241", from: "6.17"),
    kind("IOMMU_VIOMMU_TYPE_ARM_SMMUV3", "1", "a virtual SMMUv3", from: "6.13"),
    kind("IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV", "2", "one with hardware queues", from: "6.17"),
    kind("IOMMU_HWPT_ALLOC_NEST_PARENT", "1", "a table that nested ones stand on", from: "6.6"),
    kind("IOMMU_HWPT_ALLOC_PASID", "8", "a table that PASIDs may use", from: "6.14"),
    .init(
      "iommufd-hw-info-registers", iommufdHeader, .structure("iommu_hw_info_arm_smmuv3"),
      .holds(["__u32 idr[6]", "__u32 iidr", "__u32 aidr"]),
      "which ID registers a VMM sees", from: "6.13", usedBy: ["HostKernel.HostKernel"]),
    .init(
      "iommufd-vste", iommufdHeader, .structure("iommu_hwpt_arm_smmuv3"),
      .holds(["__aligned_le64 ste[2]"]), "a guest's entry is passed on as two words", from: "6.13",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "iommufd-invalidation-command", iommufdHeader,
      .structure("iommu_viommu_arm_smmuv3_invalidate"), .holds(["__aligned_le64 cmd[2]"]),
      "an invalidation is a command of the guest's queue", from: "6.13",
      usedBy: ["HostKernel.Invalidation"]),
    .init(
      "iommufd-isolation-at-bind-older", iommufdDevice, .function("iommufd_device_bind"),
      .holds(["iommu_group_has_isolated_msi", "allow_unsafe_interrupts", "-EPERM"]),
      "a device whose MSIs are not isolated is refused when it is bound", from: "6.6", until: "7.2",
      usedBy: ["IOMMU.IOMMUFD"], scenarios: ["host/gicv2m.yaml", "host/gicv2m-unsafe.yaml"],
      releaseSwitch: "isolation-at-bind"),
    .init(
      "iommufd-isolation-at-bind", iommufdDevice, .function("iommufd_bind_iommu"),
      .holds(["iommu_group_has_isolated_msi", "allow_unsafe_interrupts", "-EPERM"]),
      "a device whose MSIs are not isolated is refused when it is bound", from: "7.3",
      usedBy: ["IOMMU.IOMMUFD"], scenarios: ["host/gicv2m.yaml", "host/gicv2m-unsafe.yaml"],
      releaseSwitch: "isolation-at-bind"),
    .init(
      "iommufd-regions-at-attach", "drivers/iommu/iommufd/io_pagetable.c",
      .function("iopt_table_enforce_dev_resv_regions"),
      .holds(["IOMMU_RESV_DIRECT_RELAXABLE", "continue", "iopt_reserve_iova"]),
      "reserved regions are kept free at attach, relaxable ones are not", from: "6.2",
      usedBy: ["IOMMU.IOAddressSpace"], scenarios: ["policy/region-over-mapping.yaml"]),
    .init(
      "iommufd-window-start", "drivers/iommu/iommufd/io_pagetable.c",
      .function("iopt_table_enforce_dev_resv_regions"),
      .holds(["IOMMU_RESV_SW_MSI", "*sw_msi_start = resv->start"]),
      "where the window starts is read from the device's regions", from: "6.2",
      usedBy: ["IOMMU.IOMMUFD"]),
  ]
}

// MARK: Nested tables

extension Fact {
  package static let nesting: [Fact] = [
    .init(
      "nesting-parent-same-smmu", nestingSource, .function("arm_vsmmu_init"),
      .holds(["s2_parent->smmu != smmu", "return -EINVAL"]),
      "a virtual SMMU's stage 2 belongs to one SMMU", from: "6.17",
      usedBy: ["HostKernel.HostKernel"], scenarios: ["nested/attach-without-vdevice-6.19.yaml"]),
    .init(
      "nesting-valid-mask-0", smmuHeader, .macro("STRTAB_STE_0_NESTING_ALLOWED"),
      .holds([
        "STRTAB_STE_0_V", "STRTAB_STE_0_CFG", "STRTAB_STE_0_S1FMT", "STRTAB_STE_0_S1CTXPTR_MASK",
        "STRTAB_STE_0_S1CDMAX",
      ]),
      "which bits of a guest's entry count in the first word", from: "6.13",
      usedBy: ["HostKernel.HostKernel"], scenarios: ["nested/refused-entry.yaml"]),
    .init(
      "nesting-valid-mask-1", smmuHeader, .macro("STRTAB_STE_1_NESTING_ALLOWED"),
      .holds(["STRTAB_STE_1_S1DSS", "STRTAB_STE_1_S1STALLD", "STRTAB_STE_1_EATS"]),
      "which bits of a guest's entry count in the second word", from: "6.13",
      usedBy: ["HostKernel.HostKernel"], scenarios: ["nested/refused-entry.yaml"]),
    .init(
      "nesting-invalid-entry", nestingSource, .function("arm_smmu_validate_vste"),
      .holds(["STRTAB_STE_0_V", "memset", "return 0", "return -EIO"]),
      "an entry that is not valid is taken as one of zeros, other bits are EIO", from: "6.13",
      usedBy: ["HostKernel.HostKernel"],
      scenarios: ["nested/invalid-entry.yaml", "nested/refused-entry.yaml"]),
    .init(
      "nesting-configurations", nestingSource, .function("arm_smmu_validate_vste"),
      .holds([
        "STRTAB_STE_0_CFG_ABORT", "STRTAB_STE_0_CFG_BYPASS", "STRTAB_STE_0_CFG_S1_TRANS",
        "return -EIO",
      ]),
      "a guest's entry aborts, bypasses or translates in stage 1", from: "6.13",
      usedBy: ["HostKernel.HostKernel"], scenarios: ["nested/abort-entry.yaml"]),
    .init(
      "nesting-eats", nestingSource, .function("arm_smmu_validate_vste"),
      .holds(["STRTAB_STE_1_EATS_ABT", "STRTAB_STE_1_EATS_TRANS", "return -EIO"]),
      "of EATS a guest may set two encodings", from: "6.13", usedBy: ["HostKernel.HostKernel"]),
    .init(
      "nesting-mev", nestingSource, .function("arm_smmu_make_nested_cd_table_ste"),
      .holds(["arm_smmu_make_s2_domain_ste", "STRTAB_STE_0_CFG_NESTED", "STRTAB_STE_1_MEV"]),
      "a nested entry is the stage 2 entry with the guest's bits and merged events", from: "6.13",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "nesting-attach-without-vdevice", nestingSource,
      .function("arm_smmu_attach_prepare_vmaster"),
      .holds(["STRTAB_STE_0_CFG_ABORT", "STRTAB_STE_0_CFG_BYPASS", "return 0"]),
      "an entry that does not translate attaches without a vDEVICE", from: "6.19",
      usedBy: ["HostKernel.HostKernel"],
      scenarios: [
        "nested/attach-without-vdevice-6.18.yaml", "nested/attach-without-vdevice-6.19.yaml",
      ], releaseSwitch: "attach-without-vdevice"),
    .init(
      "nesting-attach-needs-vdevice", nestingSource,
      .function("arm_smmu_attach_prepare_vmaster"),
      .holds(["iommufd_viommu_get_vdev_id", "return ret"]),
      "a nested table attaches to a device that has a vDEVICE", from: "6.15",
      usedBy: ["HostKernel.HostKernel"], scenarios: ["nested/attach-without-vdevice-6.18.yaml"]),
    .init(
      "nesting-convert-commands", nestingSource, .function("arm_vsmmu_convert_user_cmd"),
      .holds([
        "case CMDQ_OP_TLBI_NSNH_ALL", "CMDQ_OP_TLBI_NH_ALL", "case CMDQ_OP_TLBI_NH_VA",
        "case CMDQ_OP_TLBI_NH_VAA", "case CMDQ_OP_TLBI_NH_ALL", "case CMDQ_OP_TLBI_NH_ASID",
        "case CMDQ_OP_ATC_INV", "case CMDQ_OP_CFGI_CD", "case CMDQ_OP_CFGI_CD_ALL", "return -EIO",
      ]),
      "which commands of a guest are passed on; others are EIO", from: "6.13",
      usedBy: ["HostKernel.Invalidation"], scenarios: ["nested/invalidations.yaml"]),
    .init(
      "nesting-batch", nestingSource, .function("arm_vsmmu_cache_invalidate"),
      .holds(["CMDQ_BATCH_ENTRIES - 1", "continue", "array->entry_num = cur - cmds"]),
      "commands are issued in batches of 63, and a command that fails to convert counts those not "
        + "issued as done", from: "6.13", usedBy: ["HostKernel.HostDefects"],
      scenarios: ["nested/invalidation-batches.yaml"]),
    .init(
      "nesting-command-bits", nestingSource, .function("arm_vsmmu_validate_user_cmd"), .exists,
      "bits of a guest's command that the host does not support are refused", from: "7.3",
      usedBy: ["HostKernel.Invalidation"], releaseSwitch: "command-bits-refused"),
    .init(
      "nesting-event-kinds", smmuSource, .function("arm_smmu_handle_event"),
      .holds([
        "case EVT_ID_BAD_STE_CONFIG", "case EVT_ID_STREAM_DISABLED_FAULT",
        "case EVT_ID_BAD_SUBSTREAMID_CONFIG", "case EVT_ID_BAD_CD_CONFIG",
        "case EVT_ID_TRANSLATION_FAULT", "case EVT_ID_ADDR_SIZE_FAULT",
        "case EVT_ID_ACCESS_FAULT", "case EVT_ID_PERMISSION_FAULT", "return -EOPNOTSUPP",
      ]),
      "which events are relayed to a guest", from: "6.15", usedBy: ["HostKernel.VirtualEvent"],
      scenarios: ["nested/event-queue-loses.yaml"]),
    .init(
      "nesting-event-stage", smmuSource, .function("arm_smmu_handle_event"),
      .holds(["master->vmaster", "arm_vmaster_report_event"]),
      "events of stage 1 are relayed where the device has a vDEVICE", from: "6.15",
      usedBy: ["HostKernel.VirtualEvent"], scenarios: ["nested/event-queue-loses.yaml"]),
    .init(
      "nesting-event-vsid", nestingSource, .function("arm_vmaster_report_event"),
      .holds(["EVTQ_0_SID", "vmaster->vsid", "iommufd_viommu_report_event"]),
      "a relayed event has the guest's StreamID", from: "6.15", usedBy: ["HostKernel.VirtualEvent"]),
    .init(
      "nesting-lost-events", iommufdDriver, .function("iommufd_viommu_report_event"),
      .holds(["num_events == veventq->depth", "lost_events_header"]),
      "a full queue of events says that some are lost", from: "6.15",
      usedBy: ["HostKernel.VirtualEventQueue"], scenarios: ["nested/event-queue-loses.yaml"]),
  ]
}
