internal import Bits
internal import Firmware
internal import Inspect

/// Rules on a VMM's start and command line, and on the features of the host's kernel.
enum MachineRules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(
      refusals(joined) + nesting(joined) + mappings(joined) + routing(joined) + emulated(joined))
  }

  private static func first(
    _ joined: Joined, _ kinds: VMMComplaint.Kind...
  ) -> VMMComplaint? {
    // Errors before warnings.
    joined.facts.complaints.first { kinds.contains($0.kind) && !$0.isWarning }
      ?? joined.facts.complaints.first { kinds.contains($0.kind) }
  }

  private static func command(_ joined: Joined) -> VirtualMachineCommand? {
    joined.facts.commands.first { !$0.acceleratedSMMUs.isEmpty } ?? joined.facts.commands.first
  }

  // MARK: The accelerated SMMU

  private static func refusals(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    let command = joined.facts.commands.first { !$0.acceleratedSMMUs.isEmpty }
    let says = first(joined, .accelNeedsACPI)
    let isDirect = command.map { !$0.hasFirmware && !$0.values("kernel").isEmpty } ?? false
    let hasNoACPI = command?.machine["acpi"] == "off"
    if says != nil || command != nil && (isDirect || hasNoACPI) && command?.vmm == "qemu" {
      let kernel = command?.values("kernel").first.map { "-kernel \($0)" } ?? "-kernel alone"
      findings.append(
        Finding(
          .vmmAccelNeedsAcpi, says != nil ? 0.96 : 0.7, [says?.source, command?.source],
          means:
            "The VM asks for an SMMUv3 with accel=on, whose guest needs an IORT with an RMR for the "
            + "MSI window and _DSM function 5. "
            + (hasNoACPI
              ? "With acpi=off QEMU's virt machine gives its guest a device tree (DT)"
              : "With \(kernel) and no firmware (-bios, pflash) QEMU's virt machine gives its guest a "
                + "device tree (DT)")
            + ", in which it writes no equivalent; so create_smmuv3_dev_dtb refuses it.",
          fix:
            "Boot the guest by UEFI with ACPI: -bios QEMU_EFI.fd or two pflash drives, and acpi=on.",
          show: "doorbell compare --guest-firmware device-tree", explains: [.rmrDeviceTree]))
    }
    let kvm = first(joined, .accelNeedsKVM)
    let isWithoutKVM = command.map { $0.vmm == "qemu" && !$0.usesKVM } ?? false
    let irqchip = command?.machine["kernel-irqchip"] ?? command?.machine["kernel_irqchip"]
    if kvm != nil || isWithoutKVM || command != nil && irqchip == "off" {
      findings.append(
        Finding(
          .vmmAccelNeedsKvm, kvm != nil ? 0.95 : 0.7, [kvm?.source, command?.source],
          means:
            "The VM asks for an SMMUv3 with accel=on, whose devices signal by the host's ITS: their "
            + "MSIs become interrupts of KVM by irqfd. "
            + (irqchip == "off"
              ? "kernel-irqchip=off gives the VM an interrupt controller of QEMU's own, to which KVM "
                + "injects nothing."
              : "The VM runs without KVM (-accel kvm), so that nothing takes those interrupts."),
          fix:
            "Start the VM with -accel kvm and the in-kernel interrupt controller (kernel-irqchip=on, "
            + "gic-version=3, its=on)."))
    }
    if let complaint = first(joined, .accelMismatch) {
      findings.append(
        Finding(
          .vmmAccelFeatureMismatch, 0.95, [complaint.source, command?.source],
          means:
            "The guest drives the host's SMMU, so that a feature of the virtual SMMU has to be one of "
            + "the host's (smmuv3_accel_check_hw_compatible). The VMM compared IDR0, IDR1, IDR3 and IDR5 "
            + "and found: \(complaint.source.text)",
          fix:
            "Set the property of arm-smmuv3 to what the host has (\(property(for: complaint.source.text))), "
            + "or move the VM to a host with that feature."))
    }
    if let complaint = first(joined, .accelDevice) {
      findings.append(
        Finding(
          .vmmAccelFeatureMismatch, 0.6, [complaint.source, command?.source],
          means:
            "Behind an SMMUv3 with accel=on only bridges and vfio-pci with iommufd may stand: the "
            + "host's SMMU translates no emulated device.",
          fix: "Put emulated devices on another bus, and give vfio-pci iommufd=."))
    }
    return findings
  }

  private static func property(for text: String) -> String {
    let lower = text.lowercased()
    if lower.contains("range invalidation") { return "ril=off" }
    if lower.contains("translation services") { return "ats=off" }
    if lower.contains("ssidsize") { return "ssidsize=" }
    if lower.contains("ipa") || lower.contains("oas") { return "oas=44" }
    if lower.contains("granule") { return "no property: the granule is the host's" }
    return "oas=, ril=, ats=, ssidsize="
  }

  // MARK: What the host can do

  /// Bits of `arm_smmu_device.features` (drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h).
  enum Feature {
    static let ats: UInt32 = 1 << 5
    static let coherency: UInt32 = 1 << 8
    static let stage1: UInt32 = 1 << 9
    static let stage2: UInt32 = 1 << 10
    static let stage2ForcedWriteBack: UInt32 = 1 << 23
  }

  private static func nesting(_ joined: Joined) -> [Finding] {
    let complaint =
      joined.facts.complaints.first {
        [.pageTableAllocation, .virtualIOMMUAllocation, .virtualDeviceAllocation].contains($0.kind)
          && !$0.isWarning && Self.isOfKernels($0.error)
      } ?? attachWithoutDevice(joined)
    guard let complaint else { return [] }
    let host =
      joined.facts.logs.first { $0.side == .host && $0.release != nil }
      ?? joined.facts.logs.first { $0.release != nil && $0.side != .guest }
    let release = host?.release ?? joined.facts.hostRelease
    let error = complaint.error.map(ErrorNumber.name) ?? "an error"
    let version = joined.facts.vmmVersion
    let needs =
      "QEMU 11 needs 6.19 or later, as it attaches a nested domain before the vDEVICE exists "
      + "(81c45c62dc3e); 6.13 is the first with a nesting parent and a vIOMMU, 6.15 has the vEVENTQ and "
      + "the software MSI window of iommufd"
    if let release, release.value < KernelRelease(6, 13) {
      return [
        Finding(
          .hostKernelNoNesting, 0.94,
          [complaint.source, release.source, command(joined)?.source, version?.source],
          means:
            "The VMM asks for a nested SMMUv3 domain (IOMMU_HWPT_ALLOC_NEST_PARENT for accel=on) and "
            + "gets \(error). The host runs Linux \(release.value): its arm-smmu-v3 knows no nesting, "
            + "which came in 6.13. \(needs).",
          fix:
            "Run a host kernel that supports nested SMMUv3 domains and what the VMM needs of them: 6.19 "
            + "or later for QEMU 11 (6.13 is the first with a nesting parent).",
          show: "doorbell compare --design rmr-identity --host-kernel \(release.value.short)",
          explains: [.smmuHardwareNoNesting])
      ]
    }
    let probes = (host?.smmus ?? []).filter { $0.value.version == 3 && $0.value.features != 0 }
    if let poor = probes.first(where: { missingFeatures($0.value.features).isEmpty == false }),
      complaint.error == 95 || complaint.error == nil
    {
      let lacks = missingFeatures(poor.value.features).joined(separator: ", ")
      return [
        Finding(
          .smmuHardwareNoNesting, 0.88, [complaint.source, poor.source, release?.source],
          means:
            "The VMM asks for a nested domain and gets \(error). \(poor.value.name) has features "
            + "\(hex(UInt64(poor.value.features))), which lack \(lacks): the kernel offers nesting where the "
            + "SMMU has both stages, coherent table walks, and S2FWB or a coherent path of the device "
            + "(arm_vsmmu_alloc).",
          fix:
            "Use a machine whose SMMUv3 has both stages, coherent walks and S2FWB, or assign the device "
            + "without a virtual SMMU.",
          explains: [.hostKernelNoNesting])
      ]
    }
    if let release, release.value < KernelRelease(6, 19),
      complaint.error == 2 || complaint.kind == .attach
    {
      return [
        Finding(
          .hostKernelNoNesting, 0.85, [complaint.source, release.source, version?.source],
          means:
            "The VMM attaches a nested domain and gets \(error). The host runs Linux \(release.value): "
            + "before 6.19 a nested domain can be attached only after the vDEVICE exists. \(needs).",
          fix: "Run a host kernel of 6.19 or later.",
          show: "doorbell compare --design rmr-identity --host-kernel \(release.value.short)")
      ]
    }
    let missing =
      release == nil
      ? [
        MissingFile(
          .hostDmesg, "the host's release (6.13 is the first with nesting) and its SMMU's features")
      ] : []
    return [
      Finding(
        .hostKernelNoNesting, release == nil ? 0.55 : 0.4, [complaint.source, release?.source],
        means:
          "The VMM asks for a nested SMMUv3 domain and the host's kernel answers \(error). \(needs).",
        fix: "Look at the host's kernel release and at the features that its arm-smmu-v3 prints.",
        missing: missing),
      Finding(
        .smmuHardwareNoNesting, release == nil ? 0.35 : 0.45, [complaint.source],
        means:
          "The host's SMMU may lack a stage, coherent walks, or S2FWB, without which the kernel offers "
          + "no nesting.",
        fix: "Look at the features that arm-smmu-v3 prints at boot.", missing: missing),
    ]
  }

  /// Errors of a kernel or an SMMU that knows no nesting; others, such as EEXIST, are of the request.
  private static func isOfKernels(_ error: Int?) -> Bool {
    error.map { [2, 19, 22, 25, 95].contains($0) } ?? true
  }

  /// An attach that fails with ENOENT, as before 6.19 without a vDEVICE.
  private static func attachWithoutDevice(_ joined: Joined) -> VMMComplaint? {
    joined.facts.complaints.first { $0.kind == .attach && $0.error == 2 && joined.isAccelerated }
  }

  private static func missingFeatures(_ features: UInt32) -> [String] {
    let needed = [
      (Feature.stage1, "stage 1"), (Feature.stage2, "stage 2"),
      (Feature.coherency, "coherent walks"),
    ].filter { features & $0.0 == 0 }.map(\.1)
    return needed.isEmpty && features & Feature.stage2ForcedWriteBack == 0 ? ["S2FWB"] : needed
  }

  // MARK: Mappings

  private static func mappings(_ joined: Joined) -> [Finding] {
    let failed = joined.facts.complaints.filter { $0.kind == .mapping && $0.error == 22 }
    guard let complaint = failed.first(where: { $0.range != nil }) ?? failed.first else {
      return []
    }
    // The mapping that fails is the one that the complaint names; else any of the guest's RAM.
    let spans =
      failed.compactMap(\.range)
      + (complaint.range == nil ? joined.facts.guestRAM.map(\.value) : [])
    var findings: [Finding] = []
    let reserved = joined.facts.regions.elements
    let standard = ReservedRegion(
      range: Joined.standardWindow, type: "msi", group: nil,
      source: Evidence(
        file: complaint.source.file, line: complaint.source.line, text: complaint.source.text))
    let regions = reserved.contains { $0.type == "msi" } ? reserved : reserved + [standard]
    let isKnown = reserved.contains { $0.type == "msi" }
    for span in spans {
      guard
        let region = regions.first(where: {
          $0.type != "direct-relaxable" && $0.range.overlaps(span)
        })
      else { continue }
      let device =
        complaint.function ?? failed.lazy.compactMap(\.function).first
        ?? joined.facts.complaints.lazy.filter { $0.kind == .mapping }.compactMap(\.function).first
        ?? joined.facts.commands.lazy.flatMap(\.assigned).first
        ?? joined.notices(.vfioEnabled).lazy.compactMap(\.function).first
      let group = device.flatMap { joined.facts.groups[$0] }
      let who =
        device.map { "\($0)" + (group.map { " (group \($0.value))" } ?? "") } ?? "the device"
      let ram = joined.facts.guestRAM.first { $0.value.overlaps(region.range) }
      let others = failed.filter { $0.source != complaint.source }.map { Optional.some($0.source) }
      let evidence = [complaint.source, region.source, ram?.source, group?.source] + others
      let text = "\(hex(span.lowerBound))-\(hex(span.upperBound))"
      let gap = "\(hex(region.range.lowerBound))-\(hex(region.range.upperBound))"
      if region.type == "msi" {
        findings.append(
          Finding(
            .windowOverlapsRam, isKnown ? 0.94 : 0.8, evidence,
            means:
              "The VMM maps guest RAM at \(text) for \(who), and the host refuses with EINVAL (-22, "
              + "Invalid argument): its SMMU driver reserves \(gap) for the software MSI window, and no "
              + "mapping may meet a reserved region (iopt_alloc_area_pages, vfio_dma_do_map). Were it "
              + "mapped, the device's MSIs would land in guest memory.",
            fix:
              "Leave a hole for \(gap) in the guest's RAM, or start RAM above it (for example at 1 GiB), "
              + "where a device is assigned.",
            show: "doorbell policies", explains: [.vfioDmaMapReserved]))
      } else {
        findings.append(
          Finding(
            .vfioDmaMapReserved, 0.9, evidence,
            means:
              "The VMM maps \(text) for \(who), and the host refuses with EINVAL (-22, Invalid "
              + "argument): the group reserves \(gap) (type \(region.type)), and no mapping may meet a "
              + "reserved region.",
            fix: "Leave a hole for \(gap) in what the VMM maps.",
            explains: [.windowOverlapsRam]))
      }
    }
    guard findings.isEmpty else { return findings }
    return [
      Finding(
        .vfioDmaMapReserved, 0.45, failed.map { Optional.some($0.source) },
        means: "A mapping of the VMM is refused with EINVAL (-22, Invalid argument): it may meet a "
          + "reserved region of the host, or lie outside what the SMMU translates.",
        fix: "Compare the mapping with reserved_regions of the device's group.",
        missing: [MissingFile(.regions, "which addresses the host keeps for itself")])
    ]
  }

  // MARK: Routes and emulated SMMUs

  private static func routing(_ joined: Joined) -> [Finding] {
    guard
      let complaint = joined.facts.complaints.first(where: {
        $0.kind == .routing && ($0.error == 22 || $0.error == nil)
      })
    else { return [] }
    return [
      Finding(
        .msiRouteNoDeviceid, complaint.error == 22 ? 0.82 : 0.6,
        [complaint.source, command(joined)?.source],
        means:
          "KVM refuses the MSI route with EINVAL (-22): for a virtual ITS a route and KVM_SIGNAL_MSI "
          + "need the DeviceID (KVM_MSI_VALID_DEVID with devid), as the ITS translates (DeviceID, EventID) "
          + "and the message holds the EventID alone.",
        fix:
          "Have the VMM set KVM_MSI_VALID_DEVID and devid in each route when KVM_CAP_MSI_DEVID is there.",
        show: "doorbell compare --design route-as-is")
    ]
  }

  private static func emulated(_ joined: Joined) -> [Finding] {
    let complaint = first(joined, .mapNotifier)
    let command = joined.facts.commands.first {
      $0.vmm == "qemu" && $0.hasSMMU && $0.acceleratedSMMUs.isEmpty && !$0.assigned.isEmpty
        && $0.machine["iommu"] == "smmuv3"
    }
    guard complaint != nil || command != nil else { return [] }
    return [
      Finding(
        .vfioBehindEmulatedSmmu, complaint == nil ? 0.6 : 0.95,
        [complaint?.source, command?.source],
        means:
          "An assigned device stands behind a virtual SMMUv3 without nesting. Its translations would "
          + "have to be copied to the host at each change, by a notifier for MAP that the SMMU has no "
          + "command for; QEMU's emulated SMMUv3 does not support it.",
        fix:
          "Use arm-smmuv3,accel=on on a host with nested translation, or virtio-iommu, or put the device "
          + "on a bus without SMMU.",
        show: "doorbell compare --design rmr-identity")
    ]
  }
}
