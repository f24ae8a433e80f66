internal import Bits

/// Rules about ITSs and MSI frames: which exist, and which groups name them.
enum InterruptControllerCheck {
  static func findings(_ facts: PlatformFacts) -> [FirmwareFinding] {
    groups(facts) + duplicates(facts) + unused(facts) + isolation(facts) + presence(facts)
  }

  private static func groups(_ facts: PlatformFacts) -> [FirmwareFinding] {
    var findings: [FirmwareFinding] = []
    var owners: [UInt32: String] = [:]
    let known = Set(facts.itses.map(\.identifier))
    for group in facts.itsGroups {
      if group.identifiers.isEmpty {
        findings.append(
          FirmwareFinding(
            .error, "its-group-empty", at: group.place, "a group without an ITS",
            consequence: "devices mapped to it have a DeviceID and no ITS: no MSI can be set up."))
      }
      for identifier in group.identifiers {
        if let owner = owners[identifier] {
          findings.append(
            FirmwareFinding(
              .error, "its-in-two-groups", at: group.place,
              "ITS \(identifier) is in \(owner) too",
              consequence: "the DeviceID spaces of two groups meet in one ITS: devices with equal "
                + "DeviceIDs raise each other's interrupts."))
        }
        owners[identifier] = group.place
        guard facts.knowsInterruptControllers, !known.contains(identifier) else { continue }
        findings.append(
          FirmwareFinding(
            .error, "its-unknown", at: group.place, "the MADT has no ITS \(identifier)",
            consequence: "the kernel finds no MSI domain for the group's devices, and they get "
              + "no MSIs."))
      }
    }
    return findings
  }

  private static func duplicates(_ facts: PlatformFacts) -> [FirmwareFinding] {
    var findings: [FirmwareFinding] = []
    var identifiers: [UInt32: String] = [:]
    var bases: [UInt64: String] = [:]
    for its in facts.itses {
      if let other = identifiers[its.identifier] {
        findings.append(
          FirmwareFinding(
            .error, "its-duplicate-id", at: its.place,
            "the same identifier \(its.identifier) as \(other)",
            consequence: "a group that names it can mean either: MSIs may go to a doorbell of the "
              + "one while their tables are in the other."))
      }
      if let other = bases[its.base] {
        findings.append(
          FirmwareFinding(
            .error, "its-duplicate-base", at: its.place,
            "the same base address \(hex(its.base)) as \(other)",
            consequence: "two drivers program one ITS over each other, and MSIs mapped by the "
              + "first are lost."))
      }
      identifiers[its.identifier] = its.place
      bases[its.base] = its.place
    }
    return findings
  }

  private static func unused(_ facts: PlatformFacts) -> [FirmwareFinding] {
    guard facts.source == .acpi, !facts.itsGroups.isEmpty else { return [] }
    let named = Set(facts.itsGroups.flatMap(\.identifiers))
    return facts.itses.filter { !named.contains($0.identifier) }.map {
      FirmwareFinding(
        .warning, "its-unused", at: $0.place, "no ITS group names ITS \($0.identifier)",
        consequence: "no device's MSIs go there.")
    }
  }

  /// Controllers with which VFIO lets no device be assigned unless told to
  /// (`msi_device_has_isolated_msi`, EPERM): of Arm's, ITSs alone tell devices apart.
  private static func isolation(_ facts: PlatformFacts) -> [FirmwareFinding] {
    let text =
      "a device that is assigned to a guest can raise the interrupts of others: VFIO refuses it "
      + "(EPERM) unless allow_unsafe_interrupts is set."
    let windows = facts.itses.compactMap { its in
      its.window.map { window in
        FirmwareFinding(
          .warning, "msi-not-isolated", at: its.place,
          "a window \(hex(window.lowerBound))-\(hex(window.upperBound)) in front of the ITS takes the "
            + "DeviceID from the address, \(its.deviceBits ?? 0) bits of it",
          consequence: text)
      }
    }
    let used = Set(
      facts.rootComplexes.flatMap { $0.messages ?? [] }.compactMap { mapping -> Int? in
        if case .controller(let index) = mapping.target { index } else { nil }
      })
    return windows
      + used.sorted().map { index in
        FirmwareFinding(
          .note, "msi-not-isolated", at: facts.controllers[index].place,
          "MSIs go to \(facts.controllers[index].name), which knows no DeviceIDs", consequence: text
        )
      }
  }

  private static func presence(_ facts: PlatformFacts) -> [FirmwareFinding] {
    guard facts.knowsInterruptControllers, facts.itses.isEmpty, facts.controllers.isEmpty
    else { return [] }
    return [
      FirmwareFinding(
        .note, "no-msi-controller", at: facts.source == .acpi ? "APIC" : "/",
        "there is neither an ITS nor another MSI controller",
        consequence: "no device can use MSIs: its interrupts are wired.")
    ]
  }
}
