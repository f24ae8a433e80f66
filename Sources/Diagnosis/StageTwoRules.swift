internal import ArmFormats
internal import Bits
internal import Inspect

/// Rules on the host's or the VMM's stage 2 mappings, and on the address that ends up in the
/// device.
enum StageTwoRules {
  static func find(_ joined: Joined) -> [Finding] {
    doorbell(joined) + physicalDoorbell(joined) + truncated(joined) + otherDomain(joined)
      + forwarded(joined)
      + wrongFrame(joined) + beforeCookies(joined)
  }

  /// A doorbell's IPA that stage 2 does not map: a write whose own translation failed there.
  private static func doorbell(_ joined: Joined) -> [Finding] {
    let events = joined.events.filter {
      $0.isStage2 && $0.record.couldBeMessage && $0.kind != .permission
        && $0.address & 0xfff == 0x040 && !$0.event.missing.contains(3)
    }
    let doorbells = joined.itsBases.map { $0 &+ 0x1_0000 }
    return events.prefix(8).flatMap { event -> [Finding] in
      let isKnown =
        doorbells.contains(event.ipa)
        || joined.windows.contains { $0.contains(event.ipa) || $0.contains(event.address) }
      // Other places of the same page fault too: a buffer, of which one word stands at offset 0x40.
      let isBuffer = joined.events.contains {
        $0.isStage2 && $0.stream == event.stream && $0.ipa == event.ipa
          && $0.address & 0xfff != 0x040
      }
      guard isKnown || !isBuffer else { return [] }
      let isWindow = joined.windows.contains { $0.contains(event.ipa) }
      let release = joined.release(of: .host)
      if isWindow, let release,
        (KernelRelease(6, 13)..<KernelRelease(6, 15)).contains(release.value)
      {
        return [
          Finding(
            .hostKernelNoSwMsi, 0.85, [event.source, release.source],
            means: "\(event.who) writes its MSI to \(hex(event.address)); stage 1 maps it to IPA "
              + "\(hex(event.ipa)), the host's software MSI window, and stage 2 has nothing there. "
              + "iommufd puts the window into the nesting parent since Linux 6.15 "
              + "(iommufd_sw_msi, 40f5175d0eb7); this host runs \(release.value).",
            fix: "Run a host kernel of 6.15 or later; QEMU 11 needs 6.19.",
            show: "doorbell compare --design rmr-identity --host-kernel \(release.value.short)",
            explains: [.doorbellNotInStage2])
        ]
      }
      return [
        Finding(
          .doorbellNotInStage2, isWindow ? 0.75 : 0.85, [event.source],
          means:
            "\(event.who) writes its MSI to \(hex(event.address)). Stage 1 translated it, to IPA "
            + "\(hex(event.ipa)), and stage 2 does not map that page (\(event.kind), S2 set, CLASS IN; "
            + "IHI 0070, 7.3.13): the guest's side is in order, and the host maps no doorbell there.",
          fix: "Have the host map IPA \(hex(event.ipa)) of the device's stage 2 to the page of the "
            + "physical ITS that holds GITS_TRANSLATER, or give the device an address that is mapped.",
          show: "doorbell compare --design untrapped-no-iommu --design forward-address",
          missing: release == nil
            ? [
              MissingFile(
                .hostDmesg,
                "the host's kernel release: before 6.15 iommufd maps no window for nested domains")
            ]
            : [])
      ]
    }
  }

  /// A nested device that holds the physical doorbell: kernels of 6.13 and 6.14 find no cookie in a
  /// nested domain and leave the address as it is (`iommu_dma_prepare_msi`).
  private static func physicalDoorbell(_ joined: Joined) -> [Finding] {
    guard joined.isAccelerated, let release = joined.release(of: .host),
      (KernelRelease(6, 13)..<KernelRelease(6, 15)).contains(release.value),
      let event = joined.events.first(where: { event in
        !event.isStage2 && event.record.couldBeMessage
          && joined.itsBases.contains { $0 &+ 0x1_0040 == event.address }
      })
    else { return [] }
    return [
      Finding(
        .hostKernelNoSwMsi, 0.88, [event.source, release.source],
        means:
          "\(event.who) writes its MSI to \(hex(event.address)), the physical doorbell of the ITS, and the guest's "
          + "stage 1 does not map it. Before Linux 6.15 the kernel finds no window in a nested domain and "
          + "leaves the physical address in the device (iommu_dma_prepare_msi); this host runs "
          + "\(release.value).",
        fix: "Run a host kernel of 6.15 or later; QEMU 11 needs 6.19.",
        show: "doorbell compare --design rmr-identity --host-kernel \(release.value.short)",
        explains: [.msiInOtherDomain, .dmaUnmappedAddress])
    ]
  }

  /// The address of the fault is the lower half of one that the device was given, or of a doorbell.
  private static func truncated(_ joined: Joined) -> [Finding] {
    let given = joined.messageAddresses
    let doorbells = joined.itsBases.map { $0 &+ 0x1_0040 }
    var findings: [Finding] = []
    for event in joined.events where event.record.couldBeMessage && !event.isStage2 {
      if let (function, address, source) = given.first(where: {
        $0.1 > 0xffff_ffff && $0.1 & 0xffff_ffff == event.address
      }) {
        findings.append(
          Finding(
            .msiAddressTruncated, 0.9, [event.source, source],
            means: "\(function) was given the MSI address \(hex(address)) and writes to "
              + "\(hex(event.address)), which is its lower 32 bits: the device or a bridge in front of "
              + "it does not send the upper half.",
            fix:
              "Give the device a doorbell below 4 GiB (a 32-bit IOVA), or mark its MSI capability as "
              + "32-bit (no_64bit_msi) so that the kernel does."))
      } else if let doorbell = doorbells.first(where: {
        $0 > 0xffff_ffff && $0 & 0xffff_ffff == event.address
      }) {
        findings.append(
          Finding(
            .msiAddressTruncated, 0.8, [event.source],
            means:
              "\(event.who) writes to \(hex(event.address)), the lower 32 bits of the doorbell "
              + "\(hex(doorbell)): the upper half of the address is lost on the way.",
            fix:
              "Check whether the function's MSI capability is 64-bit, and what bridges in front of "
              + "it do to addresses."))
      }
    }
    for (function, listed) in joined.facts.functions.sorted(by: { $0.key < $1.key }) {
      guard let msi = listed.msi, msi.value.isEnabled, !msi.value.is64Bit,
        let address = listed.messageAddress, let base = joined.itsBases.first,
        base > 0xffff_ffff, (base &+ 0x1_0040) & 0xffff_ffff == address.value
      else { continue }
      findings.append(
        Finding(
          .msiAddressTruncated, 0.85, [msi.source, address.source],
          means:
            "\(function) has a 32-bit MSI capability and holds \(hex(address.value)), the lower half "
            + "of the doorbell \(hex(base &+ 0x1_0040)): it cannot send the whole address.",
          fix: "Put the device behind an SMMU, whose IOVA for the doorbell can be below 4 GiB."))
    }
    for notice in joined.notices(.messageAddressTooWide).prefix(4) {
      let who = notice.function.map { "\($0)" } ?? notice.device
      findings.append(
        Finding(
          .msiAddressTruncated, 0.93, [notice.source],
          means:
            "\(who) cannot send the whole address of its MSIs, and the kernel refuses to give it one that is "
            + "cut (msi_verify_entries): \(notice.source.text)",
          fix:
            "Put the device behind an SMMU, whose IOVA for the doorbell can be below 4 GiB, or let its driver "
            + "do with wired interrupts.",
          explains: [.msiNotEnabled]))
    }
    return Findings.best(findings)
  }

  /// The device holds the address at which it faults: the page is mapped somewhere else.
  private static func otherDomain(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    for event in joined.events
    where event.record.couldBeMessage && !event.isStage2 && event.kind == .translation {
      let given = joined.messageAddresses.first {
        $0.1 == event.address && (event.function == nil || $0.0 == event.function)
      }
      let isWindow = joined.windows.contains { $0.contains(event.address) }
      let history = joined.facts.mappings.history(of: event.address)
      let mapped = history.last { $0.isMap }
      let attached = joined.facts.mappings.attachments.last {
        event.function == nil || $0.value.function == nil || $0.value.function == event.function
      }
      let isMappedNow = history.last?.isMap == true
      if isMappedNow, let mapped, let attached, attached.value.time ?? 0 >= mapped.time ?? 0,
        event.address & 0xfff == 0x040
      {
        findings.append(
          Finding(
            .msiInOtherDomain, 0.88, [event.source, mapped.source, attached.source, given?.2],
            means:
              "\(event.who) writes its MSI to \(hex(event.address)). The trace maps that page and "
              + "never unmaps it, and then attaches the device to another domain, in which the page is "
              + "not mapped: the doorbell stayed behind.",
            fix: "Have the driver allocate its vectors after the domain is attached, or the kernel "
              + "install the doorbell in the new domain before it attaches it (iommufd does since 6.15)."
          ))
      } else if given == nil, !isWindow, event.address & 0xfff == 0x040,
        DMARules.isMessage(event, joined)
      {
        findings.append(
          Finding(
            .msiInOtherDomain, 0.42, [event.source],
            means:
              "\(event.who): \(event.what). Offset 0x40 of a page is where GITS_TRANSLATER stands, so that this "
              + "may be an MSI whose doorbell is mapped in another domain than the attached one.",
            fix:
              "Compare the address with the device's MSI-X entries, and look for a change of domain after its "
              + "vectors were allocated.",
            missing: [
              MissingFile(.listing, "which address the device was given for its MSIs"),
              MissingFile(.mappings, "whether the page was mapped, and in which domain"),
            ]))
      } else if given == nil, isWindow, event.side == .host, !joined.isAccelerated,
        event.address & 0xfff == 0x040
      {
        findings.append(
          Finding(
            .msiInOtherDomain, 0.6, [event.source],
            means:
              "\(event.who) is assigned by VFIO and writes its MSI to \(hex(event.address)), in the software "
              + "MSI window of the host, and the domain that is attached has no page there: the host mapped "
              + "the doorbell in another one.",
            fix:
              "Look for a domain that was replaced while vectors were active: before 6.15 iommufd does not "
              + "carry doorbells over.",
            missing: [
              MissingFile(
                .mappings, "in which domain the page is mapped, and when it was attached"),
              MissingFile(.command, "whether the device is behind a nested SMMU of the VM"),
            ]))
      } else if let given, !isWindow || event.side == .host, event.address & 0xfff == 0x040 {
        findings.append(
          Finding(
            .msiInOtherDomain, 0.7, [event.source, given.2],
            means:
              "\(given.0) was given the MSI address \(hex(event.address)) and faults there in stage 1: "
              + "the kernel mapped its doorbell at this address in a domain, and another one is attached.",
            fix:
              "Look for a change of domain after the vectors were allocated: a driver that was bound "
              + "again, or a domain that a VMM replaced (before 6.15 iommufd does not carry doorbells "
              + "over).",
            missing: [
              MissingFile(.mappings, "in which domain the page is mapped, and when it was attached")
            ]))
      }
    }
    return Findings.best(findings)
  }

  /// A function of VFIO that holds an address outside the host's window: the guest's own.
  private static func forwarded(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    for (function, address, source) in joined.messageAddresses {
      guard joined.function(function)?.driver == "vfio-pci",
        let window = joined.regions(of: function).first(where: { $0.type == "msi" })?.range,
        !window.contains(address)
      else { continue }
      let event = joined.events.first { $0.address == address }
      let isDoorbell = joined.itsBases.contains { $0 &+ 0x1_0040 == address }
      guard !isDoorbell else { continue }
      findings.append(
        Finding(
          .vmmForwardsGuestAddress, event == nil ? 0.65 : 0.88, [source, event?.source],
          means:
            "\(function) is assigned by VFIO and holds the MSI address \(hex(address)). The host maps "
            + "doorbells in \(hex(window.lowerBound))-\(hex(window.upperBound)); this one is the guest's own, "
            + "which the VMM passed on"
            + (event.map { " and at which \($0.kind) is recorded" } ?? "") + ".",
          fix:
            "Have the VMM leave the address to the host (VFIO_DEVICE_SET_IRQS), or map the guest's "
            + "doorbell at stage 2.",
          show: "doorbell compare --design forward-address --design rmr-identity",
          explains: [.msiInOtherDomain, .dmaUnmappedAddress]))
    }
    return Findings.best(findings)
  }

  /// An address that leads to the control frame of an ITS, or to a wrong page of a v2m frame.
  private static func wrongFrame(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    let frames = joined.facts.logs.flatMap { $0.messageFrames }
    let addresses =
      joined.messageAddresses
      + joined.events.filter { $0.record.couldBeMessage }.map {
        (
          $0.function ?? PCIFunction(domain: 0, requesterID: UInt16(truncatingIfNeeded: $0.stream)),
          $0.isStage2 ? $0.ipa | $0.address & 0xfff : $0.address, $0.source
        )
      }
    for (function, address, source) in addresses {
      if let base = joined.itsBases.first(where: { $0 &+ 0x40 == address }) {
        findings.append(
          Finding(
            .vmmWrongFrame, 0.85, [source],
            means:
              "\(function) sends its MSIs to \(hex(address)), which is in the control frame of the ITS "
              + "at \(hex(base)). GITS_TRANSLATER stands in the second frame, at \(hex(base &+ 0x1_0040)) "
              + "(IHI 0069, 12.18).",
            fix: "Have the VMM map or register the page at offset 0x10000 of the ITS."))
      } else if let frame = frames.first(where: { address & ~0xffff == $0.value.base & ~0xffff }),
        address != frame.value.base &+ 0x40
      {
        findings.append(
          Finding(
            .vmmWrongFrame, 0.75, [source, frame.source],
            means:
              "\(function) sends its MSIs to \(hex(address)); the register of the v2m frame that takes "
              + "them is at \(hex(frame.value.base &+ 0x40)) (MSI_SETSPI_NS).",
            fix: "Have the VMM map the frame's own page."))
      }
    }
    // What the VMM's own log says it maps.
    for mapping in joined.facts.doorbellMappings {
      let base = mapping.value & ~0xffff
      guard joined.itsBases.contains(base) else { continue }
      findings.append(
        Finding(
          .vmmWrongFrame, 0.85, [mapping.source],
          means: "The VMM maps \(hex(base)) as doorbell, which is the control frame of the ITS; "
            + "GITS_TRANSLATER stands at \(hex(base &+ 0x1_0040)).",
          fix: "Have the VMM map the page at offset 0x10000 of the ITS."))
    }
    return Findings.best(findings)
  }

  /// VFIO of kernels before 4.11 maps no doorbell: the device holds its physical address.
  private static func beforeCookies(_ joined: Joined) -> [Finding] {
    guard let release = joined.release(of: .host), release.value < KernelRelease(4, 11) else {
      return []
    }
    let log = joined.facts.logs.first { $0.release == release }
    let usesVFIO =
      log?.notices.contains { $0.kind == .vfioEnabled } == true
      || log?.drivers.values.contains("vfio-pci") == true
    let event = joined.events.first {
      $0.record.couldBeMessage && !$0.isStage2 && $0.address & 0xfff == 0x040
    }
    guard
      usesVFIO || event != nil && joined.facts.commands.contains(where: { !$0.assigned.isEmpty })
    else { return [] }
    return [
      Finding(
        .vfioBeforeMsiCookie, event == nil ? 0.6 : 0.88,
        [event?.source, release.source, log?.notices.first { $0.kind == .vfioEnabled }?.source],
        means:
          "VFIO's domains map MSI doorbells since Linux 4.11 (iommu_get_msi_cookie). This host runs "
          + "\(release.value): the device holds the doorbell's physical address"
          + (event.map { " \(hex($0.address))" } ?? "") + ", which its domain does not translate.",
        fix: "Run a host kernel of 4.11 or later.",
        explains: [.msiInOtherDomain, .dmaUnmappedAddress, .msiAddressTruncated])
    ]
  }
}
