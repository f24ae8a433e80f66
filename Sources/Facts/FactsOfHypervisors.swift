// What KVM does with messages, and what the monitors do around it.

private let kvmITS = "arch/arm64/kvm/vgic/vgic-its.c"
private let smmuv3 = "hw/arm/smmuv3.c"
private let virtBoard = "hw/arm/virt.c"
private let vfioPCI = "hw/vfio/pci.c"

extension Fact {
  package static let kvm: [Fact] = [
    .init(
      "kvm-routes", "include/linux/kvm_host.h", .macro("KVM_MAX_IRQ_ROUTES"), .value("4096"),
      "how many routes a VM may have", usedBy: ["KVM.RoutingTable"],
      scenarios: ["its/too-many-routes.yaml"]),
    .init(
      "kvm-its-event-bits", kvmITS, .macro("VITS_TYPER_IDBITS"), .value("16"),
      "EventID bits of KVM's ITS", usedBy: ["GIC.ITSProfile"]),
    .init(
      "kvm-its-device-bits", kvmITS, .macro("VITS_TYPER_DEVBITS"), .value("16"),
      "DeviceID bits of KVM's ITS", usedBy: ["GIC.ITSProfile"]),
    .init(
      "kvm-msi-needs-deviceid", kvmITS, .function("vgic_msi_to_its"),
      .holds(["KVM_MSI_VALID_DEVID", "-EINVAL"]), "a message without a DeviceID is EINVAL",
      usedBy: ["GIC.ITS"], scenarios: ["its/signal-msi.yaml", "its/route-without-its.yaml"]),
    .init(
      "kvm-msi-result", kvmITS, .function("vgic_its_inject_msi"),
      .holds(["vgic_its_trigger_msi", "ret < 0", "return 0", "return 1"]),
      "KVM_SIGNAL_MSI says 1 for delivered, 0 for blocked by the guest", usedBy: ["GIC.ITS"],
      scenarios: ["its/signal-msi.yaml"]),
    .init(
      "kvm-mapi-again", kvmITS, .function("vgic_its_cmd_handle_mapi"),
      .holds(["if (find_ite(its, device_id, event_id)) return 0"]),
      "a second MAPTI of an event changes nothing", usedBy: ["GIC.ITSPersonality"],
      scenarios: ["its/virtual-its-errors.yaml"]),
    .init(
      "kvm-mapi-range", kvmITS, .function("vgic_its_cmd_handle_mapi"),
      .holds(["GIC_LPI_OFFSET", "max_lpis_propbaser", "E_ITS_MAPTI_PHYSICALID_OOR"]),
      "an LPI beyond PROPBASER is refused", usedBy: ["GIC.ITSPersonality"],
      scenarios: ["its/virtual-its-errors.yaml"]),
    .init(
      "kvm-lazy-collection", kvmITS, .function("vgic_its_cmd_handle_mapi"),
      .holds(["vgic_its_alloc_collection"]), "MAPTI makes a collection that is not mapped",
      usedBy: ["GIC.ITSPersonality"]),
    .init(
      "kvm-discard-cache", kvmITS, .function("vgic_its_cmd_handle_discard"),
      .holds(["vgic_its_invalidate_cache", "its_free_ite"]),
      "DISCARD drops all cached translations", usedBy: ["GIC.RouteCache"]),
    .init(
      "kvm-movi-cache", kvmITS, .function("vgic_its_cmd_handle_movi"),
      .holds(["vgic_its_invalidate_cache", "update_affinity"]),
      "MOVI drops all cached translations", from: "5.3", usedBy: ["GIC.RouteCache"]),
    .init(
      "kvm-discard-clears-memory", kvmITS, .function("vgic_its_cmd_handle_discard"),
      .holds(["vgic_its_write_entry_lock"]), "DISCARD clears the entry in the guest's memory",
      from: "6.13", backports: ["6.1.119", "6.12.1"], usedBy: ["GIC.ITSProfile"],
      releaseSwitch: "vits-clears-entries"),
    .init(
      "kvm-cache-xarray", kvmITS, .function("vgic_its_cache_translation"), .holds(["xa_store"]),
      "cached translations are not limited", from: "6.10", usedBy: ["GIC.RouteCache"],
      releaseSwitch: "vits-cache-unlimited"),
    .init(
      "kvm-fast-path", "arch/arm64/kvm/vgic/vgic-irqfd.c", .function("kvm_arch_set_irq_inatomic"),
      .holds(["KVM_IRQ_ROUTING_MSI", "vgic_its_inject_cached_translation", "-EWOULDBLOCK"]),
      "an irqfd injects at once only a cached translation", usedBy: ["KVM.RoutingTable"]),
    .init(
      "kvm-fast-path-miss", kvmITS, .function("vgic_its_inject_cached_translation"),
      .holds(["vgic_its_check_cache", "-EWOULDBLOCK", "pending_latch = true"]),
      "a translation that is not cached waits for a worker", usedBy: ["GIC.RouteCache"]),
    .init(
      "kvm-redistributor-control", "arch/arm64/kvm/vgic/vgic-mmio-v3.c",
      .function("vgic_mmio_read_v3r_ctlr"), .holds(["GICR_CTLR_IR | GICR_CTLR_CES"]),
      "a guest sees that it can invalidate at the redistributor",
      usedBy: ["GIC.RedistributorProfile"]),
    .init(
      "kvm-lpis-off", "arch/arm64/kvm/vgic/vgic-mmio-v3.c", .function("vgic_mmio_write_v3r_ctlr"),
      .holds(["GICR_CTLR_ENABLE_LPIS", "vgic_flush_pending_lpis", "vgic_enable_lpis"]),
      "with EnableLPIs off pending LPIs are dropped", usedBy: ["GIC.RedistributorProfile"]),
    .init(
      "kvm-forwarding", "arch/arm64/kvm/vgic/vgic-v4.c", .function("kvm_vgic_v4_set_forwarding"),
      .holds([
        "vgic_supports_direct_msis", "return 0", "vgic_get_its", "vgic_its_resolve_lpi",
        "its_map_vlpi", "pending_latch", "irq_set_irqchip_state",
      ]),
      "an event is forwarded where the guest has mapped it, silently or not at all",
      usedBy: ["GIC.ForwardedInterrupt"],
      scenarios: ["its/gicv4-forwarding.yaml", "delivery/gicv4-route-mismatch.yaml"]),
  ]

  private static func map(_ name: String, _ base: String, _ size: String, _ meaning: String) -> Fact
  {
    .init(
      "virt-\(name.lowercased().replacing("_", with: "-"))", in: .qemu, virtBoard,
      .constant("base_memmap"), .holds(["[\(name)] = { \(base), \(size) }"]), meaning,
      usedBy: ["Machine.AddressMap"], scenarios: ["default.yaml"])
  }

  package static let qemu: [Fact] = [
    map("VIRT_GIC_DIST", "0x08000000", "0x00010000", "the distributor"),
    map("VIRT_GIC_V2M", "0x08020000", "0x00001000", "the GICv2m frame"),
    map("VIRT_GIC_ITS", "0x08080000", "0x00020000", "the ITS"),
    map("VIRT_GIC_REDIST", "0x080A0000", "0x00F60000", "the redistributors"),
    map("VIRT_PLATFORM_BUS", "0x0c000000", "0x02000000", "the platform bus, with SMMUs in it"),
    .init(
      "virt-smmu", in: .qemu, virtBoard, .constant("base_memmap"),
      .holds(["[VIRT_SMMU] = { 0x09050000"]), "the SMMU of the root bus",
      usedBy: ["Machine.AddressMap"], scenarios: ["default.yaml"]),
    .init(
      "virt-ram", in: .qemu, virtBoard, .constant("base_memmap"), .holds(["[VIRT_MEM] = { GiB"]),
      "RAM starts at 1 GiB", usedBy: ["Machine.AddressMap"], scenarios: ["default.yaml"]),
    .init(
      "virt-v2m-spis", in: .qemu, "include/hw/arm/virt.h", .macro("NUM_GICV2M_SPIS"), .value("64"),
      "SPIs of the GICv2m frame", usedBy: ["Machine.AddressMap"],
      scenarios: ["delivery/gicv2m.yaml"]),
    .init(
      "qemu-command-queue-stops", in: .qemu, smmuv3, .function("smmuv3_cmdq_consume"),
      .holds([
        "GERROR, CMDQ_ERR", "break", "SMMU_CERROR_ABT", "SMMU_CERROR_ILL", "smmu_write_cmdq_err",
      ]),
      "the command queue stops at a command with an error", usedBy: ["SMMU.SMMUPersonality"],
      scenarios: ["smmu/bad-command-stops-queue.yaml"]),
    .init(
      "qemu-sync-interrupt", in: .qemu, smmuv3, .function("smmuv3_cmdq_consume"),
      .holds(["CMD_SYNC_CS(&cmd) & CMD_SYNC_SIG_IRQ"]),
      "CMD_SYNC with CS = 3 is taken as an interrupt", usedBy: ["SMMU.SMMUPersonality"]),
    .init(
      "qemu-unhandled-commands", in: .qemu, smmuv3, .function("smmuv3_cmdq_consume"),
      .holds([
        "case SMMU_CMD_TLBI_EL3_ALL", "case SMMU_CMD_TLBI_EL2_ALL", "case SMMU_CMD_PRI_RESP",
        "case SMMU_CMD_RESUME", "case SMMU_CMD_STALL_TERM", "trace_smmuv3_unhandled_cmd",
      ]),
      "commands that QEMU passes over", usedBy: ["VMM.VirtualSMMU"]),
    .init(
      "qemu-event-interrupt", in: .qemu, smmuv3, .function("smmuv3_write_eventq"),
      .holds(["queue_write", "smmuv3_trigger_irq(s, SMMU_IRQ_EVTQ"]),
      "each event raises the interrupt", usedBy: ["SMMU.SMMUPersonality"]),
    .init(
      "qemu-event-queue-full", in: .qemu, smmuv3, .function("smmuv3_record_event"),
      .holds(["smmuv3_write_eventq", "SMMU_IRQ_GERROR", "R_GERROR_EVENTQ_ABT_ERR_MASK"]),
      "a full event queue is an aborted write", usedBy: ["SMMU.SMMUPersonality"],
      scenarios: ["smmu/event-queue-overflow.yaml"]),
    .init(
      "qemu-leaf-span", in: .qemu, smmuv3, .function("smmu_find_ste"),
      .holds(["L1STD_SPAN", "(1 << span) - 1", "SMMU_EVT_C_BAD_STE"]),
      "a leaf has 2^Span entries, and beyond them is C_BAD_STE",
      usedBy: ["SMMU.SMMUPersonality"], scenarios: ["smmu/leaf-span-qemu.yaml"]),
    .init(
      "qemu-vector-order", in: .qemu, vfioPCI, .function("vfio_msix_vector_do_use"),
      .holds(["qemu_set_fd_handler", "vector->virq >= 0", "nr_vectors"]),
      "a vector's route is made before the host's eventfd", usedBy: ["VMM.MSIXEmulation"],
      scenarios: ["default.yaml"]),
    .init(
      "qemu-noresize", in: .qemu, vfioPCI, .function("vfio_msix_vector_do_use"),
      .holds(["vdev->msix->noresize && resizing", "vfio_enable_vectors"]),
      "without dynamic MSI-X a new vector makes QEMU enable all again", from: "8.2",
      usedBy: ["VMM.MSIXEmulation"]),
    .init(
      "qemu-enable-at-once", in: .qemu, vfioPCI, .function("vfio_msix_enable"),
      .holds(["msix_set_vector_notifiers", "nr_vectors", "vfio_enable_msix_no_vec"]),
      "MSI-X is enabled in the host as soon as the guest enables it", from: "8.2",
      usedBy: ["VMM.MSIXEmulation"]),
    .init(
      "qemu-enable-by-vector-0", in: .qemu, vfioPCI, .function("vfio_msix_enable"),
      .holds(["vfio_msix_vector_do_use", "vfio_msix_vector_release"]),
      "MSI-X is enabled in the host by using vector 0 and releasing it", until: "8.1",
      usedBy: ["VMM.MSIXEmulation"]),
    .init(
      "qemu-table-alignment", in: .qemu, smmuv3, .function("smmu_find_ste"),
      .holds(["SMMU_BASE_ADDR_MASK", "MAKE_64BIT_MASK(0, strtab_size_shift)"]),
      "the stream table's address is aligned to its size, one bit less than the manual says",
      usedBy: ["SMMU.SMMUPersonality"]),
    .init(
      "qemu-masked-vector", in: .qemu, vfioPCI, .function("vfio_msix_vector_release"),
      .holds(["vector->virq >= 0", "event_notifier_get_fd(&vector->interrupt)"]),
      "a masked vector signals QEMU and not KVM", usedBy: ["VMM.MSIXEmulation"],
      scenarios: ["load-masking.yaml"]),
    .init(
      "qemu-mask-notification", in: .qemu, "hw/pci/msix.c", .function("msix_handle_mask_update"),
      .holds(["msix_is_masked", "msix_fire_vector_notifier"]),
      "a change of a mask bit tells the owner of the vector", usedBy: ["VMM.MSIXEmulation"]),
    .init(
      "qemu-its-entries", in: .qemu, "hw/intc/arm_gicv3_its.c",
      .function("gicv3_its_translation_write"),
      .holds(["GITS_TRANSLATER", "do_process_its_cmd"]), "where QEMU's own ITS takes messages",
      usedBy: ["GIC.ITSPersonality"]),
  ]

  private static func constant(
    _ project: Project, _ file: String, _ name: String, _ value: String, _ meaning: String
  ) -> Fact {
    .init(
      "\(project.rawValue)-\(name.lowercased().replacing("_", with: "-"))", in: project, file,
      .constant(name), .value(value), meaning, usedBy: ["VMM.VMMPersonality"],
      scenarios: [
        project == .openvmm ? "topology/openvmm.yaml" : "topology/cloud-hypervisor.yaml"
      ])
  }

  package static let otherMonitors: [Fact] = [
    constant(
      .cloudHypervisor, "arch/src/aarch64/layout.rs", "RAM_START", "GuestAddress(0x4000_0000)",
      "RAM starts at 1 GiB"),
    constant(
      .cloudHypervisor, "arch/src/aarch64/layout.rs", "RAM_64BIT_START",
      "GuestAddress(0x1_0000_0000)", "RAM goes on at 4 GiB"),
    constant(
      .cloudHypervisor, "arch/src/aarch64/layout.rs", "MAPPED_IO_START",
      "GuestAddress(0x0900_0000)", "the GIC ends where this starts"),
    constant(
      .cloudHypervisor, "arch/src/aarch64/layout.rs", "GIC_V3_DIST_SIZE", "0x01_0000",
      "the distributor's length"),
    constant(
      .cloudHypervisor, "arch/src/aarch64/layout.rs", "GIC_V3_ITS_SIZE", "0x02_0000",
      "the ITS's length"),
    constant(
      .cloudHypervisor, "arch/src/aarch64/layout.rs", "GICV2M_SPI_NUM", "64",
      "SPIs of the GICv2m frame"),
    .init(
      "cloud-hypervisor-enable", in: .cloudHypervisor, "pci/src/msix.rs", .function("set_msg_ctl"),
      .holds(["self.enabled", "self.masked"]),
      "all vectors are enabled when MSI-X is enabled and not masked",
      usedBy: ["VMM.VMMPersonality"], scenarios: ["topology/cloud-hypervisor.yaml"]),
    constant(
      .openvmm, "openvmm/openvmm_defs/src/config.rs", "DEFAULT_GIC_DISTRIBUTOR_BASE", "0xFFFF_0000",
      "the distributor"),
    constant(
      .openvmm, "openvmm/openvmm_defs/src/config.rs", "DEFAULT_GIC_V2M_MSI_FRAME_BASE",
      "0xEFFE_8000", "the GICv2m frame"),
    .init(
      "openvmm-refused-entry", in: .openvmm, "vm/devices/iommu/smmu/src/emulator.rs", .file,
      .holds(["abort"]), "a stream whose entry is refused aborts", usedBy: ["VMM.VirtualSMMU"]),
  ]
}
