internal import Bits
internal import Firmware

/// Rules on the host's refusal to give a device away.
enum PolicyRules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(directRegion(joined) + groups(joined) + isolation(joined) + disabled(joined))
  }

  private static func directRegion(_ joined: Joined) -> [Finding] {
    let refused = joined.notices(.directRegionRefused)
    var findings: [Finding] = []
    var seen: Set<PCIFunction?> = []
    for notice in refused where seen.insert(notice.function).inserted && seen.count <= 8 {
      let group = notice.function.flatMap { joined.facts.groups[$0] }
      let region = joined.regions(of: notice.function).first { $0.type == "direct" }
      let complaint = joined.facts.complaints.first {
        $0.error == 22 && ($0.function == nil || $0.function == notice.function)
      }
      let release = joined.facts.logs.first { $0.file == notice.source.file }?.release
      let who = notice.function.map { "\($0)" } ?? "the device"
      let span = region.map {
        "\(hex($0.range.lowerBound))-\(hex($0.range.upperBound))"
      }
      findings.append(
        Finding(
          .vfioDirectRegionRefused, 0.95,
          [notice.source, region?.source, complaint?.source, group?.source, release?.source],
          means:
            "VFIO refuses \(who)\(group.map { " of group \($0.value)" } ?? "") with EINVAL (-22, Invalid "
            + "argument): firmware wants a 1:1 mapping for it"
            + (span.map { ", \($0) (type direct)" } ?? "")
            + ", by an RMR without 'remapping permitted' or a reserved region of type direct. Since Linux "
            + "6.6 (a48ce36e2786) the core sets require_direct for such a device, and the domain that VFIO "
            + "would attach has no such mapping (__iommu_device_set_domain).",
          fix: "Ask the firmware's vendor to drop the RMR, or to mark it 'remapping permitted' "
            + "(direct-relaxable) if the device does not need it after boot; no kernel parameter lifts the "
            + "refusal.",
          show: "doorbell policies",
          missing: joined.has(.iort)
            ? [] : [MissingFile(.iort, "which RMR names the device, and its flags")],
          explains: [.groupNotViable, .noIommuGroup]))
    }
    return findings
  }

  private static func groups(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    if let complaint = joined.facts.complaints.first(where: { $0.kind == .groupNotViable }) {
      let group = complaint.group ?? complaint.function.flatMap { joined.facts.groups[$0]?.value }
      let members = joined.facts.groups.filter { $0.value.value == group }.sorted {
        $0.key < $1.key
      }
      let others = members.filter {
        joined.function($0.key)?.driver != "vfio-pci" && $0.key != complaint.function
      }
      let names = others.map { member -> String in
        let driver = joined.function(member.key)?.driver
        return "\(member.key)" + (driver.map { " (\($0))" } ?? "")
      }
      findings.append(
        Finding(
          .groupNotViable, 0.93,
          [complaint.source] + others.prefix(6).map { Optional.some($0.value.source) }
            + others.prefix(3).map { joined.facts.functions[$0.key]?.driver?.source },
          means:
            "Functions of one IOMMU group cannot be told apart by the SMMU, so that VFIO gives away a "
            + "whole group or nothing (EPERM, EBUSY)."
            + (group.map { " Group \($0)" } ?? " The group")
            + (names.isEmpty
              ? " has other members that are bound to drivers of the host."
              : " has other members that are not bound to VFIO: \(names.joined(separator: ", "))."),
          fix:
            "Bind the other functions of the group to vfio-pci or to no driver, or move the device to a "
            + "slot with ACS in front of it.",
          missing: joined.facts.groups.isEmpty
            ? [MissingFile(.groups, "which functions share the group, and their drivers")] : []))
    }
    findings += busy(joined)
    if let refusal = missingGroup(joined) {
      let smmus = joined.platforms.flatMap(\.facts.smmus)
      let probed = joined.facts.logs.contains {
        $0.smmus.contains { $0.value.features != 0 || $0.value.version == 2 }
      }
      let who = refusal.function.map { "\($0)" } ?? "the function"
      let options = ["CONFIG_ARM_SMMU_V3", "CONFIG_ARM_SMMU"].compactMap { name in
        joined.facts.options[name].map { (name: name, option: $0) }
      }
      let off = options.first { !$0.option.value }
      let route = refusal.function.flatMap { joined.function($0)?.route }
      if let off, !options.contains(where: \.option.value), !probed {
        findings.append(
          Finding(
            .smmuDisabled, 0.92, refusal.sources + [off.option.source] + tables(joined),
            means:
              "\(who) has no IOMMU group. The kernel is built without the SMMU's driver (\(off.name) is not set), "
              + "so that no SMMU is in use, whatever the tables describe.",
            fix: "Build the kernel with \(off.name).", explains: [.noIommuGroup]))
      } else if !smmus.isEmpty, !probed, joined.has(.kernelLog) {
        findings.append(
          Finding(
            .smmuDisabled, 0.85, refusal.sources + tables(joined),
            means:
              "\(who) has no IOMMU group. The tables describe an SMMU at \(hex(smmus[0].base)), and no "
              + "driver of it reports in the log: its driver is not built in, or off.",
            fix:
              "Build the kernel with CONFIG_ARM_SMMU_V3 (or ARM_SMMU for version 2), and switch the SMMU on "
              + "in the firmware's set-up.", explains: [.noIommuGroup]))
      } else {
        findings.append(
          Finding(
            .noIommuGroup, 0.9,
            refusal.sources
              + joined.notices(.groupFailed).prefix(2).map { Optional.some($0.source) },
            means:
              "\(who) has no IOMMU group, and VFIO gives away groups alone: no SMMU translates for it"
              + (route != nil && route?.stream == nil
                ? ", as the firmware's tables map its requester ID to none"
                : ", because the tables name none for it or the SMMU's driver did not come up")
              + ".",
            fix:
              "Switch the SMMU on in the firmware's set-up and in the kernel (CONFIG_ARM_SMMU_V3), and check "
              + "that the IORT or iommu-map covers the function.",
            missing: smmus.isEmpty
              ? [
                MissingFile(.iort, "whether an SMMU is described for the function"),
                MissingFile(.hostDmesg, "whether its driver came up"),
              ] : []))
      }
    }
    return findings
  }

  /// iommufd refuses to bind a function (EBUSY) of whose group another is a host driver's
  /// (`iommu_device_claim_dma_owner`).
  private static func busy(_ joined: Joined) -> [Finding] {
    guard
      let complaint = joined.facts.complaints.first(where: { $0.kind == .attach && $0.error == 16 })
    else { return [] }
    let members = Dictionary(grouping: joined.facts.groups, by: \.value.value)
    func isAssigned(_ function: PCIFunction) -> Bool {
      joined.function(function)?.driver == "vfio-pci"
    }
    let group =
      complaint.function.flatMap { joined.facts.groups[$0]?.value }
      ?? members.filter { $0.value.contains { isAssigned($0.key) } }.keys.min()
    let others = (group.flatMap { members[$0] } ?? []).filter {
      $0.key != complaint.function && !isAssigned($0.key)
    }.sorted { $0.key < $1.key }
    let names = others.prefix(6).map { member in
      "\(member.key)" + (joined.function(member.key)?.driver.map { " (\($0))" } ?? "")
    }
    let isBound = others.contains { joined.function($0.key)?.driver != nil }
    return [
      Finding(
        .groupNotViable, isBound ? 0.9 : others.isEmpty ? 0.55 : 0.75,
        [complaint.source] + others.prefix(4).map { Optional.some($0.value.source) }
          + others.prefix(3).map { joined.facts.functions[$0.key]?.driver?.source },
        means:
          "The bind to iommufd is refused with EBUSY (-16): the group belongs to another user. Functions of one "
          + "IOMMU group have one owner"
          + (names.isEmpty
            ? ", a driver of the host or another VMM."
            : "; group \(group.map(String.init) ?? "?") also has \(names.joined(separator: ", "))."),
        fix:
          "Bind the other functions of the group to vfio-pci or to no driver, and end other users of the "
          + "device.",
        missing: others.isEmpty
          ? [MissingFile(.groups, "which functions share the group, and their drivers")] : [])
    ]
  }

  /// A function of which VFIO, or a VMM, finds no group.
  private static func missingGroup(
    _ joined: Joined
  ) -> (function: PCIFunction?, sources: [Evidence?])? {
    let complaint = joined.facts.complaints.first { $0.kind == .noGroup }
    let notice = joined.notices(.groupMissing).first { notice in
      notice.function.map { joined.facts.groups[$0] == nil } ?? false
    }
    guard complaint != nil || notice != nil else { return nil }
    return (complaint?.function ?? notice?.function, [complaint?.source, notice?.source])
  }

  private static func tables(_ joined: Joined) -> [Evidence?] {
    joined.platforms.flatMap { platform in
      platform.facts.smmus.prefix(2).map { smmu in
        Evidence(
          file: platform.set.names[.iort] ?? platform.set.names[.deviceTree] ?? platform.set.folder,
          line: nil,
          text: "SMMU\(smmu.isVersion3 ? "v3" : "v2") at \(hex(smmu.base)), \(smmu.place)")
      }
    }
  }

  private static func isolation(_ joined: Joined) -> [Finding] {
    let notice = joined.notices(.messagesNotIsolated).first
    let denied = joined.facts.complaints.first {
      $0.error == 1 && [.container, .attach, .other].contains($0.kind)
    }
    let frames = joined.facts.logs.flatMap(\.messageFrames)
    let usesFrame =
      !frames.isEmpty
      || joined.platforms.contains { !$0.facts.messageFrames.isEmpty && $0.facts.itses.isEmpty }
    let isKnown = notice != nil || usesFrame
    guard notice != nil || denied != nil && (usesFrame || denied?.kind != .other) else { return [] }
    let controller =
      usesFrame
      ? "a GICv2m frame, where any device may write any interrupt" : "one that isolates nothing"
    return [
      Finding(
        .msiNotIsolated, notice != nil ? 0.94 : isKnown ? 0.75 : 0.45,
        [notice?.source, denied?.source, frames.first?.source],
        means:
          "VFIO refuses with EPERM (-1, Operation not permitted): the host's MSI controller is "
          + "\(controller), so that a device given to a VM could raise other devices' interrupts "
          + "(msi_device_has_isolated_msi). An ITS isolates by DeviceID.",
        fix:
          "Use a machine with an ITS; where the VM is trusted, set allow_unsafe_interrupts=1 for "
          + "vfio_iommu_type1 or iommufd.",
        show: "doorbell compare --design gicv2m",
        missing: isKnown
          ? []
          : [MissingFile(.hostDmesg, "which MSI controller the host has, and VFIO's reason")])
    ]
  }

  /// A node of a device tree whose status says that the SMMU is off.
  private static func disabled(_ joined: Joined) -> [Finding] {
    let isComplained =
      joined.facts.complaints.contains { $0.kind == .noGroup }
      || joined.notices(.groupFailed).isEmpty == false
    guard isComplained else { return [] }
    for platform in joined.platforms {
      guard let tree = platform.set.tables.tree else { continue }
      for node in tree.nodes
      where node.strings("compatible").contains(where: {
        $0.contains("smmu") || $0.contains("mmu-500")
      })
        && node.strings("status").first.map({ $0 != "okay" && $0 != "ok" }) == true
      {
        return [
          Finding(
            .smmuDisabled, 0.93,
            [
              joined.facts.complaints.first { $0.kind == .noGroup }?.source,
              Evidence(
                file: platform.set.names[.deviceTree] ?? platform.set.folder, line: nil,
                text: "\(node.path): status = \"\(node.strings("status").first ?? "")\""),
            ],
            means: "The device tree describes an SMMU, \(node.path), and its status is "
              + "\"\(node.strings("status").first ?? "")\": Linux makes no device of it, and no function behind "
              + "it has an IOMMU group.",
            fix:
              "Set the node's status to \"okay\", where the firmware leaves the SMMU to the kernel.",
            explains: [.noIommuGroup])
        ]
      }
    }
    return []
  }
}
