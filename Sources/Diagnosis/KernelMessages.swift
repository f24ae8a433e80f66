internal import Bits
internal import Files
package import Inspect

/// Lines of Linux's drivers that the diagnosis knows, by the words in them. Case does not matter.
struct KnownMessage: Sendable {
  /// All of these are in the line.
  let words: [String]
  let kind: Notice.Kind

  init(_ kind: Notice.Kind, _ words: String...) {
    (self.kind, self.words) = (kind, words)
  }

  /// Complaints. The first that fits a line counts, so that particular ones come before general ones.
  static let complaints = table(all)
  /// Lines that say what happened, of which none is a complaint.
  static let events = table(doings)

  private static func table(_ messages: [Self]) -> PhraseTable<Notice.Kind> {
    PhraseTable(messages.map { (words: $0.words, value: $0.kind) })
  }

  private static let all: [Self] = [
    // drivers/iommu/iommu.c: __iommu_device_set_domain, 6.6 and later.
    .init(.directRegionRefused, "firmware has requested this device have a 1:1 iommu mapping"),
    // drivers/vfio/vfio_iommu_type1.c and drivers/iommu/iommufd/device.c.
    .init(.messagesNotIsolated, "no interrupt remapping"),
    .init(.messagesNotIsolated, "interrupt remapping support", "no "),
    // drivers/iommu/iommufd/device.c prints this where allow_unsafe_interrupts lets the device pass.
    .init(.harmless, "msi interrupts are not secure"),
    // drivers/vfio/group.c: vfio_device_set_group, for a function without a group.
    .init(.groupMissing, "vfio-pci", "probe", "failed with error -22"),
    .init(.vfioFault, "vfio", "iommu map"),
    // drivers/vfio/vfio_iommu_type1.c: pages that may not be pinned.
    .init(.vfioFault, "rlimit_memlock"),
    // virt/lib/irqbypass.c and its users.
    .init(.bypassFailed, "irq bypass", "fails"),
    .init(.bypassFailed, "irq bypass", "failed"),
    // drivers/acpi/arm64/iort.c.
    .init(.reservedRangeFault, "rmr descriptor"),
    .init(.reservedRangeFault, "rmr node"),
    .init(.reservedRangeFault, "rmr", "invalid id mapping"),
    .init(.idMappingConflict, "conflicting mapping for input id"),
    .init(.idMappingConflict, "iort", "bad id mapping"),
    .init(.idMappingConflict, "iort", "id map"),
    // drivers/of/base.c: of_map_id.
    .init(.noIDTranslation, "no msi-map translation"),
    .init(.noIDTranslation, "no iommu-map translation"),
    .init(.noIDTranslation, "map translation", "id 0x", "no "),
    // drivers/irqchip/irq-gic-v3-its.c.
    .init(.lpiFault, "booted with lpis enabled"),
    .init(.lpiFault, "failed to disable lpis"),
    .init(.lpiFault, "lpis not supported"),
    .init(.lpiFault, "gic", "lpi", "disabled"),
    .init(.lpiFault, "gic", "pending table", "fail"),
    .init(.lpiFault, "gic", "property table", "fail"),
    .init(.itsFault, "its", "device table", "too"),
    .init(.itsFault, "its", "device id", "range"),
    .init(.itsFault, "gic", "has no re-distributor"),
    .init(.itsFault, "no its available"),
    .init(.itsFault, "its", "failed to"),
    .init(.itsFault, "its", "unable to"),
    .init(.itsFault, "its", "queue", "full"),
    // drivers/iommu/arm.
    // drivers/iommu/arm/arm-smmu: SMMUv2 has no queue, and waits for its TLB's own status.
    .init(.invalidationStuck, "tlb sync timed out"),
    .init(.smmuFailed, "arm-smmu", "probe", "fail"),
    .init(.smmuFailed, "arm-smmu", "smr conflict"),
    .init(.smmuFailed, "arm-smmu", "failed to reset"),
    .init(.smmuFailed, "arm-smmu", "gbpa not responding"),
    .init(.smmuFailed, "arm-smmu", "no translation support"),
    .init(.smmuFailed, "arm-smmu", "failed to"),
    .init(.groupFailed, "failed to add to iommu group"),
    .init(.groupFailed, "stream id", "out of range"),
    // drivers/pci.
    .init(.linkDown, "pciehp", "link down"),
    .init(.linkDown, "pciehp", "card not present"),
    .init(.linkDown, "dpc:", "containment"),
    .init(.pcieError, "dpc:", "error"),
    .init(.deviceGone, "device inaccessible"),
    .init(.deviceGone, "d3cold to d0"),
    .init(.deviceGone, "config space inaccessible"),
    .init(.deviceGone, "device lost"),
    // A register that reads as all ones.
    .init(.deviceGone, "status", "0xffffffff"),
    .init(.deviceGone, "register", "0xffffffff"),
    .init(.deviceGone, "pcie link lost"),
    .init(.deviceGone, "pci slot is unavailable"),
    .init(.deviceGone, "device disconnected"),
    .init(.deviceGone, "fallen off the bus"),
    .init(.functionReset, "not ready", "after flr"),
    .init(.functionReset, "not ready", "after bus reset"),
    .init(.functionReset, "pending transaction", "function level reset"),
    .init(.harmless, "aer:", "enabled with irq"),
    .init(.harmless, "_osc:"),
    // drivers/firmware/efi/cper.c: what firmware reports of PCI Express and memory.
    .init(.pcieError, "hardware error from apei"),
    .init(.pcieError, "pcie bus error"),
    .init(.pcieError, "aer:"),
    // Bridges without room for windows that nothing needs.
    .init(.harmless, "bridge window"),
    .init(.harmless, "bridge configuration invalid", "reconfiguring"),
    .init(.harmless, "can't assign"),
    .init(.harmless, "failed to assign"),
    .init(.harmless, "resources are unassigned"),
    .init(.harmless, "can't claim"),
    .init(.harmless, "early table checksum"),
    .init(.harmless, "peer-to-peer transactions on bars are not supported"),
    .init(.harmless, "bogus namespace"),
    .init(.harmless, "invalid subnqn"),
    .init(.harmless, "error correction"),
    .init(.harmless, "errors=remount-ro"),
    // Device drivers that miss their interrupts.
    .init(.interruptDisabled, "nobody cared"),
    .init(.interruptDisabled, "disabling irq"),
    .init(.lostInterrupt, "completion polled"),
    .init(.lostInterrupt, "lost interrupt"),
    .init(.lostInterrupt, "missed interrupt"),
    .init(.lostInterrupt, "missing interrupt"),
    .init(.lostInterrupt, "netdev watchdog"),
    .init(.lostInterrupt, "transmit queue", "timed out"),
    .init(.lostInterrupt, "no interrupt was generated"),
    .init(.lostInterrupt, "interrupt", "not received"),
    .init(.lostInterrupt, "recovered", "eqes"),
    .init(.lostInterrupt, "msi", "test", "fail"),
    .init(.lostInterrupt, "not responding to stop endpoint"),
    .init(.lostInterrupt, "hc died"),
    .init(.lostInterrupt, "identify controller failed"),
    .init(.lostInterrupt, "abort status"),
    .init(.lostInterrupt, "qid", "timeout"),
    .init(.lostInterrupt, "nvme", "controller is down"),
    .init(.lostInterrupt, "removing after probe failure"),
    // drivers/ata/libata-eh.c: AC_ERR_TIMEOUT is 0x4; drivers/mmc, drivers/scsi, virtio.
    .init(.lostInterrupt, "qc timeout"),
    .init(.lostInterrupt, "err_mask=0x4"),
    .init(.lostInterrupt, "waiting for hardware interrupt"),
    .init(.lostInterrupt, "command timeout"),
    .init(.lostInterrupt, "request timed out"),
    // Transmit queues whose completions do not come (e1000e, igb, i40e, r8169).
    .init(.lostInterrupt, "unit hang"),
    .init(.lostInterrupt, "tx driver issue detected"),
    .init(.lostInterrupt, "rtl_", "(loop: "),
    .init(.hungTask, "blocked for more than", "seconds"),
    .init(.transferFailed, "i/o error", "dev nvme"),
    .init(.transferFailed, "swiotlb buffer is full"),
    // Vectors that cannot be had.
    .init(.messagesUnavailable, "falling back to msi"),
    .init(.messagesUnavailable, "falling back to legacy"),
    .init(.messagesUnavailable, "failed to initialize msi"),
    .init(.messagesUnavailable, "falling back to single"),
    .init(.messagesUnavailable, "msi", "alloc", "fail"),
    .init(.messagesUnavailable, "msi", "unable to"),
    .init(.messagesUnavailable, "msi", "can't"),
    .init(.messagesUnavailable, "msi", "enable", "fail"),
    .init(.messagesUnavailable, "msi", "could not"),
    .init(.messagesUnavailable, "vectors", "fail"),
    .init(.messagesUnavailable, "allocate irq"),
    .init(.messagesUnavailable, "alloc irq"),
    .init(.messagesUnavailable, "request irq vector"),
    .init(.messagesUnavailable, "allocate", "interrupt", "fail"),
    .init(.messagesUnavailable, "no irq"),
    .init(.stall, "soft lockup"),
    .init(.stall, "self-detected stall"),
    .init(.stall, "detected stalls on"),
    .init(.stall, "interrupt took too long"),
  ]

  private static let doings: [Self] = [
    .init(.vfioEnabled, "vfio-pci", "enabling device"),
    .init(.functionReset, "vfio-pci", "resetting"),
    .init(.functionReset, "vfio-pci", "reset done"),
    .init(.functionReset, "resetting device"),
    .init(.unbound, "removing from iommu group"),
    .init(.linkDown, "pciehp", "link down"),
    .init(.linkDown, "card not present"),
    .init(.linkDown, "dpc:", "containment"),
    .init(.linkUp, "pciehp", "link up"),
    .init(.linkUp, "pciehp", "card present"),
    .init(.interfaceDown, "link is down"),
    .init(.interfaceDown, "link down"),
    .init(.interfaceDown, " new 0"),
    .init(.deviceGone, "device lost"),
    // An SMMU's own interrupts, which are wired where it has no MSI domain.
    .init(.harmless, "msi_domain absent"),
    .init(.messagesUnavailable, "falling back to", "msi"),
    .init(.messagesUnavailable, "falling back to", "legacy"),
    .init(.messagesUnavailable, "falling back to", "intx"),
    .init(.messagesUnavailable, "falling back to", "irq"),
    .init(.messagesUnavailable, "falling back to", "interrupt"),
    .init(.interruptDisabled, "nobody cared"),
    .init(.interruptDisabled, "disabling irq"),
    .init(.lostInterrupt, "completion polled"),
    .init(.noIDTranslation, "map translation", "id 0x"),
    .init(.lpiFault, "booted with lpis enabled"),
    .init(.bypassFailed, "irq bypass", "fails"),
    .init(.reservedRangeFault, "rmr descriptor"),
    .init(.reservedRangeFault, "rmr node"),
    // Messages without a word of trouble in them.
    .init(.messagesNotIsolated, "no interrupt remapping"),
    .init(.idMappingConflict, "conflicting mapping for input id"),
    // drivers/pci/msi/msi.c: msi_verify_entries, and pci_msi_domain_set_desc of old.
    .init(.messageAddressTooWide, "arch assigned 64-bit msi address"),
    // drivers/nvme/host/pci.c: nvme_warn_reset.
    .init(.deviceGone, "csts=0xffffffff"),
    .init(.deviceGone, "adapter removed"),
    .init(.deviceGone, "surprise removal"),
  ]
}

/// Classes of words that decide which lines of a log are looked at.
enum LineClass {
  static let trouble = 0
  static let smmu = 1
  static let controller = 2
  static let iommu = 3
  static let vfio = 4
  static let identity = 5
  static let processors = 6
  static let hypervisor = 7
  static let names = 8
  static let pci = 9
  static let doings = 10
  static let vmm = 11
  static let trace = 12
  static let group = 13
  static let harmless = 14
  /// PCI Express ports and their errors.
  static let port = 15
  /// Host bridges of a device tree.
  static let bridge = 16
  /// Lines that give a function a name.
  static let naming = 17
  static let timeout = 18

  /// Words that hold a word of trouble and are none: "default" is no "fault", "invalidation" not
  /// "invalid".
  private static let harmlessWords = ["default", "invalidation", "invalidate", "install"]

  /// Whether a line says that something went wrong.
  ///
  /// - Parameter classes: the classes of words in it.
  static func isTrouble(_ text: String, _ classes: UInt64) -> Bool {
    guard classes & mask(trouble) != 0 else { return false }
    guard classes & mask(harmless) != 0 else { return true }
    var rest = text.lowercased()
    for word in harmlessWords { rest = rest.replacing(word, with: "") }
    return scanner.categories(in: Array(rest.utf8)[...]) & mask(trouble) != 0
  }

  static func mask(_ classes: Int...) -> UInt64 {
    classes.reduce(0) { $0 | 1 << UInt64($1) }
  }

  static let scanner: KeywordScanner = {
    let words: [(Int, [String])] = [
      (
        trouble,
        [
          "error", "fail", "timeout", "timed out", "overflow", "refus", "reject", "unhandled",
          "fault", "denied", "not responding", "inaccessible", "unable", "cannot", "can't",
          "could not", "lost", "nobody cared", "died", "polled", "watchdog", "stall", "abort",
          "not viable", "not supported", "invalid", "no such", "unexpected", "mismatch",
          "doesn't support", "does not support", "not currently supported", "unit hang", "hung",
          "blocked for more than", "controller is down", "removing after", "err_mask", "(loop: ",
          "no re-distributor", "no its available", "smr conflict", "buffer is full",
          "issue detected", "rlimit_memlock",
        ]
      ),
      (smmu, ["smmu"]),
      (controller, ["its@", "its [", "its:", "its queue", "its cmd", "gicv", "gic:", "lpi"]),
      (iommu, ["iommu"]),
      (vfio, ["vfio"]),
      (identity, ["linux version", "command line:", "machine model", "acpi:", "dmi:", "efi:"]),
      (processors, ["nr_cpu_ids", "brought up", "started at el"]),
      (hypervisor, ["kvm", "irq bypass"]),
      (names, ["host bridge", "pci function", "renamed from", "pcieport", "nvme", "root bridge"]),
      (pci, ["aer:", "pciehp", "pcie bus", "msi"]),
      (
        doings,
        [
          "link is down", "link down", "link change", "pciehp", "falling back", "resetting",
          "reset done",
          "disabling irq", "map translation", "card not present", "containment", "rmr ",
          "device lost", "lockup",
          "lpis enabled", "corrupted", "conflicting mapping", "arch assigned", "adapter removed",
          "csts=0xffffffff",
          "surprise removal", "interrupt remapping",
        ]
      ),
      (
        vmm,
        [
          "qemu-system", "cloud-hypervisor", "openvmm", "crosvm", "kvmtool", "ioctl(", "ioas",
          "hwpt", "<hostdev", "<domain", "-device", "--device", "dma_map", "dma map", "emulator",
          "ram ", "memory",
        ]
      ),
      (trace, [": map:", ": unmap:", "iommu: iova", "attach_device", "detach_device"]),
      (group, ["iommu_groups", "iommu group", "_affinity_list", "reserved_regions"]),
      (harmless, harmlessWords), (port, ["aer:", "pcieport"]),
      (bridge, ["host bridge"]), (naming, ["pci function", "renamed from"]),
      (timeout, ["timeout", "timed out"]),
    ]
    return KeywordScanner(words.flatMap { pair in pair.1.map { (word: $0, category: pair.0) } })
  }()
}
