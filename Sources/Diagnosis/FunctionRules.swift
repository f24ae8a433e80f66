internal import Bits

/// The function itself: its command register, its MSI capabilities, its link.
enum FunctionRules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(
      joined.functions.flatMap { of($0, joined) }.prefix(64) + gone(joined) + bridges(joined)
        + switchedOff(joined))
  }

  private static func of(_ function: JoinedFunction, _ joined: Joined) -> [Finding] {
    guard let listed = function.listed, listed.isGone?.value != true, !listed.isBridge else {
      return []
    }
    let hasMessages = listed.msix?.value.isEnabled == true || listed.msi?.value.isEnabled == true
    let isComplained = function.isSilent || function.missedInterrupts
    let silent = function.interrupts.first { $0.total == 0 }
    let lost = function.notices.first { $0.kind == .lostInterrupt }
    let capability = listed.msix?.value.isEnabled == true ? listed.msix : listed.msi
    let what = listed.msix?.value.isEnabled == true ? "MSI-X" : "MSI"
    let counted =
      function.interruptCount.map {
        $0 == 0 ? " Its \(function.interrupts.count) interrupts count zero, none ever came." : ""
      } ?? ""
    if let master = listed.busMaster, !master.value, hasMessages,
      function.driver != nil || isComplained,
      // A function at rest does without, until its driver wakes it.
      isComplained || listed.powerState.map({ $0.value.hasPrefix("D0") }) ?? true
    {
      let isOwned = function.driver == "vfio-pci" && !isComplained
      return [
        Finding(
          .busMasterOff, isComplained ? 0.94 : isOwned ? 0.6 : 0.75,
          [master.source, capability?.source, listed.spaceSource, silent?.source, lost?.source],
          means:
            "Bus Master Enable of \(function.title) is off, and \(what) is enabled. A function whose Bus "
            + "Master Enable is 0 may not issue memory requests (PCIe 7.5.1.1.3), and an MSI is a memory "
            + "write: neither DMA nor interrupts leave the device, so that nothing faults either.\(counted)",
          fix:
            "Set bus mastering again (setpci -s \(function.function.place) COMMAND=4:4 as a test); find out who "
            + "cleared it: a VMM that does not restore the Command register after a reset, or a driver "
            + "without pci_set_master.",
          explains: [.msixMasked, .msiNotEnabled, .deviceidUnmapped])
      ]
    }
    var findings: [Finding] = []
    if let msix = listed.msix, msix.value.isEnabled, msix.value.isMasked {
      findings.append(
        Finding(
          .msixMasked, isComplained ? 0.92 : 0.7, [msix.source, silent?.source, lost?.source],
          means:
            "MSI-X of \(function.title) is enabled and masked as a whole (Function Mask, bit 14 of Message "
            + "Control): no vector is sent, pending bits are kept.\(counted)",
          fix:
            "Clear the Function Mask (setpci on the capability as a test); find out who left it set, as a "
            + "driver that failed between masking and unmasking or a VMM that restores the register.",
          explains: [.msiNotEnabled]))
    }
    let masked = listed.entries.filter(\.isMasked)
    if !masked.isEmpty, isComplained, masked.count == listed.entries.count {
      findings.append(
        Finding(
          .msixMasked, 0.85,
          masked.prefix(3).map { Optional.some($0.source) } + [silent?.source, lost?.source],
          means:
            "All vectors of \(function.title) that the dump has are masked in the MSI-X table (bit 0 of "
            + "Vector Control).\(counted)",
          fix:
            "Find out who masked the vectors: a handler that never unmasks, or a VMM that lost an unmask."
        ))
    }
    if let mask = listed.maskBits, mask.value != 0, listed.msi?.value.isEnabled == true,
      isComplained
    {
      findings.append(
        Finding(
          .msixMasked, 0.85, [mask.source, silent?.source, lost?.source],
          means:
            "MSI of \(function.title) is enabled and vectors are masked (mask bits \(hex(UInt64(mask.value)))).\(counted)",
          fix: "Clear the mask bits, or find the handler that never unmasks."))
    }
    let hasCapability = listed.msix != nil || listed.msi != nil
    if hasCapability, !hasMessages, isComplained || lost != nil, let driver = function.driver,
      driver != "vfio-pci" || lost != nil
    {
      findings.append(
        Finding(
          .msiNotEnabled, 0.8,
          [listed.msix?.source ?? listed.msi?.source, lost?.source, silent?.source],
          means:
            "\(function.title) has \(listed.msix != nil ? "MSI-X" : "MSI") and neither MSI nor MSI-X is enabled, "
            + "while \(driver) waits for interrupts: no message can be sent.\(counted)",
          fix:
            "Find out why \(driver) got no vectors (pci=nomsi, an error at allocation, a reset after which no driver "
            + "restored them)."))
    }
    return findings
  }

  /// MSIs that the kernel's command line switches off.
  private static func switchedOff(_ joined: Joined) -> [Finding] {
    for log in joined.facts.logs {
      guard let parameters = log.commandLine,
        parameters.value.split(separator: " ").contains(where: { word in
          word.hasPrefix("pci=") && word.dropFirst(4).split(separator: ",").contains("nomsi")
        })
      else { continue }
      let without = joined.functions.filter { function in
        guard let listed = function.listed, listed.msix != nil || listed.msi != nil else {
          return function.missedInterrupts
        }
        return listed.msix?.value.isEnabled != true && listed.msi?.value.isEnabled != true
      }
      return [
        Finding(
          .msiNotEnabled, without.isEmpty ? 0.6 : 0.9,
          [parameters.source]
            + without.prefix(4).map {
              $0.listed?.msix?.source ?? $0.listed?.msi?.source ?? $0.notices.first?.source
            },
          means:
            "The kernel's command line has pci=nomsi, which switches MSIs off for all functions (pci_no_msi)"
            + (without.isEmpty
              ? "" : ": \(without.prefix(4).map(\.title).joined(separator: ", ")) have none")
            + ". Drivers fall back to wired interrupts or fail.",
          fix: "Drop nomsi from pci= on the command line.", explains: [.itsAbsent])
      ]
    }
    return []
  }

  /// A bridge that forwards no requests of the silent functions behind it.
  private static func bridges(_ joined: Joined) -> [Finding] {
    let closed = joined.facts.functions.filter {
      $0.value.busMaster?.value == false && $0.value.buses != nil && $0.value.isGone?.value != true
    }
    guard !closed.isEmpty else { return [] }
    let silent = joined.functions.filter { $0.isSilent && $0.listed?.isBridge != true }
    return silent.prefix(64).compactMap { function in
      let upstream = closed.filter {
        $0.key.domain == function.function.domain
          && $0.value.buses?.contains(function.function.bus) == true
      }
      guard let (bridge, listed) = upstream.min(by: { $0.key < $1.key }) else { return nil }
      return Finding(
        .busMasterOff, 0.88,
        [
          listed.busMaster?.source, listed.title,
          function.interrupts.first { $0.total == 0 }?.source,
          function.notices.first { $0.kind == .lostInterrupt }?.source,
        ],
        means:
          "Bus Master Enable of the bridge \(bridge) is off, and \(function.title) is behind it. A bridge "
          + "whose Bus Master Enable is 0 forwards no memory requests upstream (PCIe 7.5.1.1.3): neither "
          + "DMA nor MSIs of the functions behind it arrive, and no SMMU sees them.",
        fix:
          "Set bus mastering of \(bridge) again (setpci -s \(bridge.place) COMMAND=4:4 as a test), and find "
          + "out who cleared it: a reset of the bus, or a VMM that does not emulate the bit.",
        explains: [.msixMasked, .msiNotEnabled, .deviceidUnmapped])
    }
  }

  /// Slots that report that their link went down and not that it came back.
  private static func closedSlots(_ joined: Joined) -> [Finding] {
    for log in joined.facts.logs {
      for down in log.notices where down.kind == .linkDown {
        guard let port = down.function else { continue }
        let later = log.notices.last {
          $0.function == port && [.linkDown, .linkUp].contains($0.kind)
        }
        guard later?.kind == .linkDown else { continue }
        let behind = joined.functions.filter {
          $0.function.domain == port.domain && $0.function != port && !$0.notices.isEmpty
        }
        return [
          Finding(
            .deviceLostLink, behind.isEmpty ? 0.7 : 0.8,
            [down.source, later?.source]
              + behind.prefix(3).map { $0.notices.first?.source },
            means:
              "The slot of \(port) reports that the link went down, and not that it came back: the device "
              + "behind it is off its link or powered down"
              + (behind.isEmpty
                ? "" : " (\(behind.prefix(4).map(\.title).joined(separator: ", ")))")
              + ", and its interrupts and DMA ended with it.",
            fix:
              "Find out why the device left its link (power, slot, AER log) and reset or remove it.",
            missing: [MissingFile(.listing, "which function reads as all ones")])
        ]
      }
    }
    return []
  }

  /// Devices that are off their link, where no time-out of the SMMU tells more.
  private static func gone(_ joined: Joined) -> [Finding] {
    var devices: [PCIFunction: [Evidence]] = [:]
    for (function, listed) in joined.facts.functions {
      if let gone = listed.isGone, gone.value { devices[function, default: []].append(gone.source) }
    }
    for notice in joined.notices(.deviceGone) {
      if let function = notice.function, devices.count < 256 {
        devices[function, default: []].append(notice.source)
      }
    }
    // Of a device without a known function the driver's name for it has to do.
    let unnamed = joined.notices(.deviceGone).filter { $0.function == nil && !$0.device.isEmpty }
    let links = joined.notices(.linkDown)
    let dead = joined.facts.functions.filter {
      $0.value.linkActive?.value == false && $0.value.isBridge
    }
    var findings: [Finding] = []
    if devices.isEmpty, let first = unnamed.first {
      findings.append(
        Finding(
          .deviceLostLink, 0.72, unnamed.prefix(4).map { Optional.some($0.source) },
          means:
            "\(first.device) does not answer: its registers read as all ones, as they do when a device is "
            + "off its link or powered down. Its interrupts and DMA ended with it.",
          fix:
            "Find out why the device left its link (power, slot, AER log, D3cold, a power-saving state) and "
            + "reset it.",
          missing: [MissingFile(.listing, "which function reads as all ones")],
          explains: [.msiNotEnabled, .busMasterOff]))
    }
    if devices.isEmpty, findings.isEmpty { findings += closedSlots(joined) }
    return findings
      + devices.sorted { $0.key < $1.key }.prefix(4).map { function, lines in
        let link = links.first { $0.function?.domain == function.domain }
        let port = dead.first { $0.key.domain == function.domain }?.value.linkActive
        return Finding(
          .deviceLostLink, link == nil && lines.count < 2 ? 0.75 : 0.9,
          lines.prefix(5).map(Optional.some) + [link?.source, port?.source],
          means: "\(function) does not answer: its configuration space reads as all ones"
            + (link == nil ? "" : ", and the slot reports that the link went down")
            + ". Its interrupts and "
            + "DMA ended with it.",
          fix:
            "Find out why the device left its link (power, slot, AER log, D3cold) and remove or reset it.",
          explains: [.msiNotEnabled, .busMasterOff])
      }
  }
}
