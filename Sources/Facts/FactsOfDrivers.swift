// What Linux's drivers do, in which order: the SMMU, firmware tables, the ITS, PCI messages, VFIO.

private let smmuSource = "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c"
private let itsSource = "drivers/irqchip/irq-gic-v3-its.c"
private let itsParent = "drivers/irqchip/irq-gic-its-msi-parent.c"
private let itsParentOld = "drivers/irqchip/irq-gic-v3-its-msi-parent.c"
private let iortSource = "drivers/acpi/arm64/iort.c"
private let vfioInterrupts = "drivers/vfio/pci/vfio_pci_intrs.c"
private let type1Source = "drivers/vfio/vfio_iommu_type1.c"
private let pciMessages = "drivers/pci/msi/msi.c"
private let rmr = ["nested-msi/rmr-delivers.yaml", "nested-msi/rmr-without-ids.yaml"]

extension Fact {
  package static let smmuDriver: [Fact] = [
    .init(
      "smmu-reset-order", smmuSource, .function("arm_smmu_device_reset"),
      .holds([
        "arm_smmu_device_disable", "ARM_SMMU_CR1", "ARM_SMMU_CR2", "ARM_SMMU_CMDQ_BASE",
        "ARM_SMMU_CMDQ_PROD", "ARM_SMMU_CMDQ_CONS", "CR0_CMDQEN", "ARM_SMMU_EVTQ_BASE",
        "ARM_SMMU_EVTQ_PROD", "ARM_SMMU_EVTQ_CONS", "CR0_EVTQEN", "arm_smmu_setup_irqs",
        "CR0_SMMUEN",
      ]),
      "the order in which an SMMU is set up", usedBy: ["Linux.SMMUDriver"],
      scenarios: ["default.yaml"]),
    .init(
      "smmu-cr2", smmuSource, .function("arm_smmu_device_reset"),
      .holds(["CR2_PTM | CR2_RECINVSID"]), "unknown StreamIDs are recorded",
      usedBy: ["Linux.SMMUDriver"]),
    .init(
      "smmu-e2h", smmuSource, .function("arm_smmu_device_reset"),
      .holds(["ARM_SMMU_FEAT_E2H", "CR2_E2H"]),
      "CR2.E2H is set only where the kernel runs at EL2 with VHE", from: "6.1",
      usedBy: ["Linux.SMMUDriver"], releaseSwitch: "smmu-without-e2h"),
    .init(
      "smmu-iidr", smmuSource, .function("arm_smmu_device_iidr_probe"),
      .holds(["ARM_SMMU_IIDR"]), "SMMU_IIDR is read at probe", from: "6.1",
      usedBy: ["Linux.SMMUDriver"], releaseSwitch: "smmu-reads-iidr"),
    .init(
      "smmu-command-with-sync", smmuSource, .function("arm_smmu_cmdq_issue_cmd_with_sync"),
      .holds(["__arm_smmu_cmdq_issue_cmd"]),
      "a command and its CMD_SYNC go out with one write of SMMU_CMDQ_PROD", from: "6.1",
      usedBy: ["Linux.SMMUDriver"], releaseSwitch: "smmu-command-with-sync"),
    .init(
      "smmu-context-before-entry", smmuSource, .function("arm_smmu_attach_dev"),
      .holds([
        "arm_smmu_attach_prepare", "arm_smmu_write_cd_entry", "arm_smmu_install_ste_for_dev",
        "arm_smmu_attach_commit",
      ]), "an attach writes the CD, then the STE", from: "6.12",
      usedBy: ["Linux.SMMUDriver", "Guest.GuestKernel"], releaseSwitch: "context-before-entry"),
    .init(
      "smmu-write-reg-sync", smmuSource, .function("arm_smmu_write_reg_sync"),
      .holds(["writel_relaxed", "ARM_SMMU_POLL_TIMEOUT_US"]),
      "a control register is written, then its acknowledgement polled", usedBy: ["Linux.SMMUDriver"]
    ),
    .init(
      "smmu-rmr-bypass", smmuSource, .function("arm_smmu_rmr_install_bypass_ste"),
      .holds(["iort_get_rmr_sids", "arm_smmu_init_sid_strtab", "iort_put_rmr_sids"]),
      "streams of RMRs bypass from the start", from: "6.0", usedBy: ["Linux.SMMUDriver"],
      scenarios: ["nested/rmr-opens-guest-ram.yaml"]),
    .init(
      "smmu-alias", smmuSource, .function("arm_smmu_insert_master"),
      .holds([
        "\"Aliasing StreamID 0x%x (from %s) unsupported, expect DMA to be broken\\n\"", "-ENODEV",
      ]),
      "two devices may not share a StreamID behind an SMMUv3", from: "6.15",
      usedBy: ["Firmware.IDMappingCheck"]),
    .init(
      "smmu-alias-older", smmuSource, .function("arm_smmu_insert_master"),
      .holds(["\"stream %u already in tree from dev %s\\n\""]),
      "two devices may not share a StreamID behind an SMMUv3", until: "6.12",
      usedBy: ["Firmware.IDMappingCheck"]),
    .init(
      "smmu-hitless-safe-bits", smmuSource, .function("arm_smmu_get_ste_update_safe"),
      .holds(["STRTAB_STE_1_EATS", "STRTAB_STE_1_MEV"]),
      "MEV and EATS may change although in use", from: "7.0",
      usedBy: ["Linux.EntryUpdate"], releaseSwitch: "hitless-mev-eats"),
    .init(
      "smmu-entry-writer", smmuSource, .function("arm_smmu_write_entry"),
      .holds(["arm_smmu_entry_qword_diff", "hweight8", "entry_set"]),
      "an entry that is in use is changed word by word, and made invalid only where it must be",
      from: "6.9", usedBy: ["Linux.EntryUpdate"]),
    .init(
      "smmu-invalidation-array", "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h",
      .structure("arm_smmu_invs"), .exists,
      "a domain holds a sorted array of what is invalidated", from: "7.1",
      usedBy: ["Linux.InvalidationList"], releaseSwitch: "invalidation-array"),
    .init(
      "smmu-event-words", smmuSource, .file, .holds(["\"event 0x%02x received:\\n\""]),
      "how the driver prints an event that nothing takes", usedBy: ["Replay.KernelLogStory"]),
    .init(
      "smmu-event-named-client", smmuSource, .file,
      .holds(["\"event: %s client: %s sid: %#x ssid: %#x iova: %#llx ipa: %#llx\""]),
      "how the driver names a fault's device", from: "6.14", usedBy: ["Replay.KernelLogStory"]),
    .init(
      "smmu-v2-names", "drivers/iommu/arm/arm-smmu/arm-smmu.c", .constant("arm_smmu_of_match"),
      .holds([
        "\"arm,smmu-v1\"", "\"arm,smmu-v2\"", "\"arm,mmu-400\"", "\"arm,mmu-401\"",
        "\"arm,mmu-500\"", "\"cavium,smmu-v2\"", "\"nvidia,smmu-500\"", "\"qcom,smmu-v2\"",
      ]),
      "the names of older SMMUs in a device tree", usedBy: ["Firmware.DeviceTreeReader"]),
    .init(
      "smmu-v3-name", smmuSource, .constant("arm_smmu_of_match"), .holds(["\"arm,smmu-v3\""]),
      "the name of an SMMUv3 in a device tree", usedBy: ["Firmware.DeviceTreeReader"]),
  ]

  package static let firmware: [Fact] = [
    .init(
      "iort-rmr-revision", iortSource, .function("iort_find_rmrs"),
      .holds(["iort_table->revision < 5", "return"]), "RMRs count from IORT revision 5 on",
      from: "6.0", usedBy: ["Firmware.IORTCheck"], scenarios: ["nested-msi/rmr-old-iort.yaml"],
      releaseSwitch: "read-rmrs"),
    .init(
      "iort-rmr-preserve", iortSource, .function("iort_rmr_has_dev"),
      .holds(["dev_is_pci", "host->preserve_config", "return false"]),
      "RMRs count for PCI functions where the boot configuration is kept", from: "6.0",
      usedBy: ["Firmware.ReservedRangeCheck"], scenarios: ["nested-msi/rmr-without-dsm5.yaml"]),
    .init(
      "iort-rmr-no-mapping", iortSource, .function("iort_node_get_rmr_info"),
      .holds([
        "node->mapping_offset", "node->mapping_count",
        "\"Invalid ID mapping, skipping RMR node %p\\n\"",
      ]),
      "an RMR without ID mappings is skipped", from: "6.0", usedBy: ["Firmware.IORTCheck"],
      scenarios: rmr),
    .init(
      "iort-rmr-count", iortSource, .function("iort_node_get_rmr_info"),
      .holds(["map->output_base", "map->id_count + 1"]),
      "the IDs of an RMR go by output base and count", from: "6.0",
      usedBy: ["Firmware.PlatformFacts"], scenarios: rmr),
    .init(
      "iort-rmr-alignment", iortSource, .function("iort_rmr_alloc"),
      .holds(["SZ_64K", "PAGE_MASK", "PAGE_ALIGN"]),
      "an RMR that is not aligned to 64 KiB is rounded to pages", from: "6.0",
      usedBy: ["Firmware.ReservedRangeCheck"]),
    .init(
      "iort-rmr-types", iortSource, .function("iort_get_rmrs"),
      .holds(["ACPI_IORT_RMR_REMAP_PERMITTED", "IOMMU_RESV_DIRECT_RELAXABLE", "IOMMU_RESV_DIRECT"]),
      "an RMR that may be remapped is direct-relaxable, another direct", from: "6.0",
      usedBy: ["Guest.GuestKernel"], scenarios: ["nested-msi/rmr-relaxable-delivers.yaml"]),
    .init(
      "iort-rmr-attributes", iortSource, .function("iort_get_rmrs"),
      .holds([
        "ACPI_IORT_RMR_ACCESS_PRIVILEGE", "IOMMU_PRIV", "ACPI_IORT_RMR_ATTR_DEVICE_GRE",
        "IOMMU_MMIO", "ACPI_IORT_RMR_ATTR_NORMAL_IWB_OWB", "IOMMU_CACHE",
      ]),
      "what an RMR's attributes become", from: "6.0", usedBy: ["Firmware.ReservedRangeCheck"]),
    .init(
      "iort-single-mapping", iortSource, .function("iort_id_map"),
      .holds([
        "ACPI_IORT_ID_SINGLE_MAPPING", "ACPI_IORT_NODE_NAMED_COMPONENT",
        "ACPI_IORT_NODE_PCI_ROOT_COMPLEX", "output_base", "return -ENXIO",
      ]),
      "single mappings are for named components and root complexes", usedBy: ["Firmware.IORTCheck"]),
    .init(
      "iort-off-by-one", iortSource, .function("iort_id_map"),
      .holds(["check_overlap", "rid_in != map->input_base", "return -EAGAIN"]),
      "the last ID of a range gives way to the next range", usedBy: ["Firmware.PlatformFacts"]),
    .init(
      "iort-deviceid-index", iortSource, .function("iort_get_id_mapping_index"),
      .holds([
        "node->revision < 1", "node->revision < 5", "event_gsiv", "pri_gsiv", "gerr_gsiv",
        "sync_gsiv", "ACPI_IORT_SMMU_V3_DEVICEID_VALID", "id_mapping_index",
      ]),
      "which mapping is the SMMU's own", from: "6.5", usedBy: ["Firmware.IORTNode"]),
    .init(
      "iort-hi161x", iortSource, .function("iort_get_msi_resv_iommu"),
      .holds(["ACPI_IORT_SMMU_V3_HISILICON_HI161X"]),
      "which SMMU does not translate writes to the ITS", usedBy: ["Firmware.ReservedRangeCheck"],
      scenarios: ["host/hi161x-type1.yaml"]),
    .init(
      "iort-first-its", iortSource, .function("iort_get_device_domain"),
      .holds(["iort_dev_find_its_id(dev, id, 0"]), "a device's ITS is the first of its group",
      usedBy: ["Firmware.PlatformFacts"]),
    .init(
      "dsm-function-5", "include/linux/pci-acpi.h", .macro("DSM_PCI_PRESERVE_BOOT_CONFIG"),
      .value("0x05"), "the _DSM function that keeps the boot configuration",
      usedBy: ["Firmware.HostBridgeScan"], scenarios: ["nested-msi/rmr-without-dsm5.yaml"]),
    .init(
      "dsm-function-5-zero", "drivers/pci/pci-acpi.c", .function("pci_acpi_preserve_config"),
      .holds(["DSM_PCI_PRESERVE_BOOT_CONFIG", "integer.value == 0"]),
      "function 5 keeps the configuration where it returns 0", from: "6.10",
      usedBy: ["Firmware.HostBridgeScan"], scenarios: ["nested-msi/rmr-without-dsm5.yaml"]),
    .init(
      "probe-only", "drivers/pci/of.c", .function("of_pci_preserve_config"),
      .holds(["\"linux,pci-probe-only\""]), "what keeps it in a device tree", from: "6.10",
      usedBy: ["Firmware.DeviceTreeReader"], scenarios: ["nested-msi/device-tree.yaml"]),
    .init(
      "of-map-mask", "drivers/of/base.c", .function("of_map_id"),
      .holds(["map_mask & id", "id_base & ~map_mask", "return -EFAULT", "of_find_node_by_phandle"]),
      "a map's mask counts before its entries", usedBy: ["Firmware.PlatformFacts"]),
    .init(
      "of-map-cells", "drivers/of/base.c", .function("of_map_id"),
      .holds(["cells_name", "3 + cells"]),
      "an entry of a map has as many cells as its target says", from: "7.2",
      usedBy: ["Firmware.DeviceTreeReader"]),
    .init(
      "of-iommu-disabled", "drivers/iommu/of_iommu.c", .function("of_iommu_xlate"),
      .holds(["of_device_is_available", "return -ENODEV"]),
      "a disabled SMMU is as none", usedBy: ["Firmware.DeviceTreeReader"]),
    .init(
      "of-iommu-addresses", "drivers/iommu/of_iommu.c", .function("of_iommu_get_resv_regions"),
      .holds(["\"memory-region\"", "\"iommu-addresses\""]),
      "reserved ranges of a device tree are found from the device's memory-region", from: "6.3",
      usedBy: ["Firmware.DeviceTreeReader"],
      scenarios: ["nested-msi/device-tree-iommu-addresses.yaml"]),
    .init(
      "of-msi-domain-order", "drivers/pci/of.c", .function("pci_host_bridge_of_msi_domain"),
      .holds(["of_msi_get_domain", "irq_find_matching_host", "irq_find_host"]),
      "msi-parent comes before a bridge's own receiver", usedBy: ["Firmware.DeviceTreeReader"]),
    .init(
      "of-domain-numbers", "drivers/pci/pci.c", .function("of_pci_bus_find_domain_nr"),
      .holds(["of_get_pci_domain_nr", "pci_domain_nr_static_ida", "pci_domain_nr_dynamic_ida"]),
      "bridges without a number get the lowest free one", from: "6.2", backports: ["6.1.16"],
      usedBy: ["Firmware.PlatformFacts"]),
    .init(
      "mbi-alias", "drivers/irqchip/irq-gic-v3-mbi.c", .function("mbi_init"),
      .holds(["\"mbi-ranges\"", "\"mbi-alias\""]), "where messages for a GICv3's SPIs go",
      usedBy: ["Firmware.MSIControllerKind"]),
    .init(
      "layerscape-doorbell", "drivers/irqchip/irq-ls-scfg-msi.c", .function("ls_scfg_msi_probe"),
      .holds(["msiir_addr = res->start"]), "where messages for Layerscape's controller go",
      usedBy: ["Firmware.MSIControllerKind"]),
    .init(
      "mip-doorbell", "drivers/irqchip/irq-bcm2712-mip.c", .function("mip_parse_dt"),
      .holds(["of_property_read_reg(np, 1, &mip->msg_addr"]),
      "where messages for Broadcom's MIP go", from: "6.15", usedBy: ["Firmware.MSIControllerKind"]),
  ]

  package static let itsDriver: [Fact] = [
    .init(
      "its-isolated", itsSource, .file, .holds(["IRQ_DOMAIN_FLAG_ISOLATED_MSI"]),
      "an ITS tells devices apart", from: "6.3", usedBy: ["IOMMU.IOMMUDevice"],
      scenarios: ["host/gicv2m.yaml"]),
    .init(
      "its-immutable", itsSource, .file, .holds(["IRQ_DOMAIN_FLAG_MSI_IMMUTABLE"]),
      "a message never changes while it is allocated", from: "6.15", usedBy: ["Linux.ITSDriver"]),
    .init(
      "its-pre-its", itsSource, .function("its_irq_get_msi_base_pre_its"),
      .holds(["pre_its_base + (its_dev->device_id << 2)"]),
      "in front of Synquacer's ITS each DeviceID has an address", usedBy: ["GIC.PreITSWindow"],
      scenarios: ["its/pre-its.yaml", "policy/pre-its-not-isolated.yaml"]),
    .init(
      "its-pre-its-bits", itsSource, .function("its_enable_quirk_socionext_synquacer"),
      .holds(["ilog2(pre_its_window[1]) - 2"]), "the window limits the DeviceIDs",
      usedBy: ["Firmware.PlatformFacts"]),
    .init(
      "its-pre-its-isolation", itsSource, .function("its_enable_quirk_socionext_synquacer"),
      .holds(["~IRQ_DOMAIN_FLAG_ISOLATED_MSI"]), "the window isolates nothing", from: "6.3",
      usedBy: ["IOMMU.IOMMUDevice"], scenarios: ["policy/pre-its-not-isolated.yaml"]),
    .init(
      "its-allocation-order", itsSource, .function("its_irq_domain_alloc"),
      .holds(["its_alloc_device_irq", "iommu_dma_prepare_msi", "its_irq_gic_domain_alloc"]),
      "an EventID is chosen before the doorbell is mapped", usedBy: ["Guest.GuestKernel"],
      scenarios: ["default.yaml"]),
    .init(
      "its-activation", itsSource, .function("its_irq_domain_activate"),
      .holds(["its_select_cpu", "its_send_mapti"]), "MAPTI comes with the activation",
      usedBy: ["Linux.ITSDriver"]),
    .init(
      "its-deactivation", itsSource, .function("its_irq_domain_deactivate"),
      .holds(["its_send_discard"]), "DISCARD comes with the deactivation",
      usedBy: ["Linux.ITSDriver"]),
    .init(
      "its-create-device", itsSource, .function("its_create_device"),
      .holds([
        "its_alloc_device_table", "is_power_of_2(nvecs)", "max(2, nvecs)", "its_send_mapd(dev, 1)",
      ]),
      "an interrupt translation table has a power of two of entries, two at least",
      usedBy: ["Linux.ITSDriver"], scenarios: ["its/untrapped-small-table.yaml"]),
    .init(
      "its-event-limit", itsSource, .function("its_create_device"),
      .holds(["GITS_TYPER_IDBITS", "min_t(u64, nvecs"]),
      "a device has no more events than the ITS has EventIDs", from: "7.3",
      backports: ["6.12.117"],
      usedBy: ["Linux.ITSDriver"], releaseSwitch: "its-event-count-limit"),
    .init(
      "its-shared-device", itsSource, .function("its_msi_prepare"),
      .holds(["its_find_device", "shared = true", "its_create_device"]),
      "devices with one DeviceID share a table", usedBy: ["Linux.ITSDriver"]),
    .init(
      "its-invalidate", itsSource, .function("lpi_update_config"),
      .holds(["lpi_write_config", "has_direct_lpi", "direct_lpi_inv", "its_send_inv"]),
      "an LPI's property is written, then invalidated at the redistributor or the ITS",
      usedBy: ["Linux.ITSDriver"], scenarios: ["its/disabled-lpi.yaml"]),
    .init(
      "its-table-size", itsParent, .function("its_pci_msi_prepare"),
      .holds(["minnvec = 32", "roundup_pow_of_two"]), "DeviceID 0 has 32 events at least",
      from: "6.16", usedBy: ["Linux.ITSDriver"], releaseSwitch: "itt-at-domain-creation"),
    .init(
      "its-table-size-older", itsParentOld, .function("its_pci_msi_prepare"),
      .holds(["hwsize"]), "the interrupt translation table has the size of the MSI-X table",
      from: "6.11", until: "6.15", usedBy: ["Linux.ITSDriver"],
      releaseSwitch: "itt-by-table-size"),
    .init(
      "its-reset-one", itsSource, .function("its_reset_one"), .exists,
      "all GITS_BASER are cleared before an ITS is probed", from: "6.1",
      usedBy: ["Linux.ITSDriver"], releaseSwitch: "its-tables-reset"),
    .init(
      "gicr-invalidation-registers", "drivers/irqchip/irq-gic-v3.c",
      .function("__gic_update_rdist_properties"), .holds(["GICR_CTLR", "GICR_CTLR_IR"]),
      "redistributors that have GICR_CTLR.IR invalidate LPIs by GICR_INVLPIR", from: "6.1",
      usedBy: ["Linux.ITSDriver"], releaseSwitch: "lpi-invalidation-registers"),
    .init(
      "its-dynamic-msix", itsParent, .macro("ITS_MSI_FLAGS_SUPPORTED"),
      .holds(["MSI_FLAG_PCI_MSIX_ALLOC_DYN"]),
      "vectors can be added while others are in use", from: "7.3",
      usedBy: ["HostKernel.HostKernel"], releaseSwitch: "its-dynamic-msix"),
    .init(
      "its-priority", itsSource, .function("its_allocate_prop_table"), .exists,
      "LPI properties stand in one table", usedBy: ["Linux.ITSDriver"]),
    .init(
      "its-priority-value", "include/linux/irqchip/arm-gic-v3-prio.h",
      .macro("GICV3_PRIO_UNMASKED"),
      .value("0xe0"), "priorities of interrupts", from: "6.11", usedBy: ["Linux.ITSDriver"],
      releaseSwitch: "lpi-priority-c0"),
    .init(
      "its-vlpi-map", itsSource, .function("its_vlpi_map"),
      .holds(["its_map_vm", "its_send_discard", "its_send_vmapti"]),
      "a vLPI takes the place of an LPI", usedBy: ["Linux.ITSDriver"],
      scenarios: ["its/gicv4-forwarding.yaml", "its/gicv4-discard-mapti.yaml"]),
    .init(
      "its-queue-poll", itsSource, .function("its_wait_for_range_completion"),
      .holds(["GITS_CREADR", "udelay(1)"]), "the end of a command is polled",
      usedBy: ["Linux.ITSDriver"]),
  ]

  package static let messages: [Fact] = [
    .init(
      "msix-mask-flush-older", pciMessages, .function("pci_msix_mask"),
      .holds(["readl(desc->pci.mask_base)"]), "a mask is flushed by a read, an unmask is not",
      from: "6.1", until: "6.1", usedBy: ["Linux.MSIXDriver"], releaseSwitch: "msix-mask-flush"),
    .init(
      "msix-mask-flush", "drivers/pci/msi/msi.h", .function("pci_msix_mask"),
      .holds(["readl(desc->pci.mask_base)"]), "a mask is flushed by a read, an unmask is not",
      from: "6.2", usedBy: ["Linux.MSIXDriver"], releaseSwitch: "msix-mask-flush"),
    .init(
      "msix-parent-unmasked-first", "drivers/pci/msi/irqdomain.c",
      .function("pci_irq_unmask_msix"), .holds(["cond_unmask_parent", "pci_msix_unmask"]),
      "a vector's LPI is enabled before its entry is unmasked", from: "6.12",
      usedBy: ["Guest.GuestKernel"], releaseSwitch: "lpi-enabled-before-unmask"),
    .init(
      "pci-power-state", "drivers/pci/pci.c", .function("pci_update_current_state"),
      .holds(["PCI_PM_CTRL", "PCI_POSSIBLE_ERROR(pmcsr)"]),
      "whether a function answers shows in PMCSR", from: "6.1", usedBy: ["Guest.GuestKernel"],
      releaseSwitch: "power-state-by-pmcsr"),
    .init(
      "xhci-one-interrupter", "drivers/usb/host/xhci-pci.c", .function("xhci_try_enable_msi"),
      .holds(["pci_alloc_irq_vectors", "request_irq(pci_irq_vector(pdev, 0), xhci_msi_irq"]),
      "xhci-pci requests the first of its vectors alone", from: "6.12",
      usedBy: ["Guest.DeviceDriver"], releaseSwitch: "xhci-one-interrupter"),
    .init(
      "msix-enable-order", pciMessages, .function("msix_capability_init"),
      .holds([
        "PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE", "msix_map_region", "pci_intx_for_msi",
        "msix_mask_all", "pci_msix_clear_and_set_ctrl(dev, PCI_MSIX_FLAGS_MASKALL, 0)",
      ]),
      "MSI-X is enabled with all masked, and unmasked when the vectors are set up",
      usedBy: ["Guest.GuestKernel"], scenarios: ["default.yaml"]),
    .init(
      "msix-message-order", pciMessages, .file,
      .holds([
        "writel(msg->address_lo", "writel(msg->address_hi", "writel(msg->data",
        "readl(base + PCI_MSIX_ENTRY_DATA)",
      ]),
      "address, data, then a read that makes them take effect", usedBy: ["Linux.MSIXDriver"]),
    .init(
      "msix-mask-all", pciMessages, .function("msix_mask_all"),
      .holds(["PCI_MSIX_ENTRY_CTRL_MASKBIT", "i < tsize", "writel"]),
      "every entry of the table is masked, used or not", usedBy: ["Linux.MSIXDriver"]),
    .init(
      "msix-control-read", pciMessages, .function("msix_prepare_msi_desc"),
      .holds(["readl(addr + PCI_MSIX_ENTRY_VECTOR_CTRL)"]),
      "each vector's control is read at its set-up", from: "6.2", usedBy: ["Linux.MSIXDriver"]),
    .init(
      "msi-address-mask", pciMessages, .function("msi_verify_entries"),
      .holds(["msi_addr_mask"]), "a message whose address a function cannot hold is refused",
      from: "7.0", usedBy: ["Linux.MSIDriver"], releaseSwitch: "msi-addr-mask"),
    .init(
      "msi-shift", "include/linux/msi.h", .function("msi_msg_set_addr"),
      .holds(["iommu_msi_shift", "msi_addr & ((1 << desc->iommu_msi_shift) - 1)"]),
      "a mapped message keeps the doorbell's offset in its page", from: "6.15",
      usedBy: ["IOMMU.IOMMUGroup"]),
  ]

  package static let vfio: [Fact] = [
    .init(
      "dma-owner-claim", "drivers/iommu/iommu.c", .function("iommu_group_claim_dma_owner"),
      .exists, "a user's claim takes the group to a blocking domain", from: "6.1",
      usedBy: ["IOMMU.IOMMUGroup"], releaseSwitch: "blocked-at-claim"),
    .init(
      "vfio-device-file", "drivers/vfio/device_cdev.c", .function("vfio_device_fops_cdev_open"),
      .exists, "a VFIO device is a character device of its own", from: "6.6",
      usedBy: ["IOMMU.IOMMUFD"], releaseSwitch: "vfio-device-files"),
    .init(
      "type1-no-page-test", type1Source, .file, .lacks("vfio_test_domain_fgsp"),
      "a type 1 container does not try page sizes out", from: "6.18",
      usedBy: ["Guest.GuestKernel"], releaseSwitch: "type1-without-page-test"),
    .init(
      "vfio-vector-order", vfioInterrupts, .function("vfio_msi_set_vector_signal"),
      .holds([
        "irq_bypass_unregister_producer", "free_irq", "eventfd_ctx_fdget", "get_cached_msi_msg",
        "pci_write_msi_msg", "request_irq", "irq_bypass_register_producer",
      ]),
      "a vector's eventfd changes with a free and a new request, and the message is written again",
      usedBy: ["HostKernel.HostKernel"], scenarios: ["load-masking.yaml"]),
    .init(
      "vfio-dynamic", vfioInterrupts, .function("vfio_msi_alloc_irq"),
      .holds(["has_dyn_msix", "pci_msix_alloc_irq_at"]),
      "with dynamic MSI-X a vector is allocated at its first use", from: "6.5",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "vfio-disable-order", vfioInterrupts, .function("vfio_msi_disable"),
      .holds(["vfio_msi_set_vector_signal", "pci_free_irq_vectors"]),
      "at disable each vector loses its eventfd, then all are freed",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "vfio-noresize", "drivers/vfio/pci/vfio_pci_core.c", .function("vfio_pci_ioctl_get_irq_info"),
      .holds(["has_dyn_msix", "VFIO_IRQ_INFO_NORESIZE"]),
      "without dynamic MSI-X the number of vectors cannot grow", from: "6.5",
      usedBy: ["HostKernel.HostKernel"]),
    .init(
      "type1-attach-order", type1Source, .function("vfio_iommu_type1_attach_group"),
      .holds([
        "iommu_attach_group", "vfio_iommu_resv_conflict", "iommu_group_has_isolated_msi",
        "-EPERM", "vfio_iommu_replay", "iommu_get_msi_cookie",
      ]),
      "type 1 attaches, checks regions and isolation, maps, then sets the MSI cookie", from: "6.3",
      usedBy: ["IOMMU.Type1Container"], scenarios: ["host/type1-first-vector.yaml"]),
    .init(
      "type1-shared-domain", type1Source, .function("vfio_iommu_type1_attach_group"),
      .holds(["list_for_each_entry(d, &iommu->domain_list", "iommu_attach_group(d->domain"]),
      "a second group joins a domain that takes it", usedBy: ["IOMMU.Type1Container"]),
    .init(
      "type1-window", type1Source, .function("vfio_iommu_has_sw_msi"),
      .holds(["IOMMU_RESV_SW_MSI", "*base = region->start"]),
      "the cookie starts where the region does", usedBy: ["IOMMU.Type1Container"]),
    .init(
      "type1-direct-not-mapped", type1Source, .function("vfio_iommu_resv_conflict"),
      .holds(["IOMMU_RESV_DIRECT_RELAXABLE", "continue"]),
      "relaxable regions are no conflict", usedBy: ["IOMMU.Type1Container"]),
  ]
}
