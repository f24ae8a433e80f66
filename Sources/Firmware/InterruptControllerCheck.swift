internal import Bits

/// Rules about ITSs and MSI frames: which exist, and which groups name them.
enum InterruptControllerCheck {
  static func findings(_ facts: PlatformFacts) -> [FirmwareFinding] {
    groups(facts) + duplicates(facts) + unused(facts) + presence(facts)
  }

  private static func groups(_ facts: PlatformFacts) -> [FirmwareFinding] {
    var findings: [FirmwareFinding] = []
    var owners: [UInt32: String] = [:]
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
        guard facts.knowsInterruptControllers,
          !facts.itses.contains(where: { $0.identifier == identifier })
        else { continue }
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
    for (index, its) in facts.itses.enumerated() {
      for other in facts.itses[..<index] where other.identifier == its.identifier {
        findings.append(
          FirmwareFinding(
            .error, "its-duplicate-id", at: its.place,
            "the same identifier \(its.identifier) as \(other.place)",
            consequence: "a group that names it can mean either: MSIs may go to a doorbell of the "
              + "one while their tables are in the other."))
      }
      for other in facts.itses[..<index] where other.base == its.base {
        findings.append(
          FirmwareFinding(
            .error, "its-duplicate-base", at: its.place,
            "the same base address \(hex(its.base)) as \(other.place)",
            consequence: "two drivers program one ITS over each other, and MSIs mapped by the "
              + "first are lost."))
      }
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

  private static func presence(_ facts: PlatformFacts) -> [FirmwareFinding] {
    guard facts.knowsInterruptControllers, facts.itses.isEmpty, facts.messageFrames.isEmpty
    else { return [] }
    return [
      FirmwareFinding(
        .note, "no-msi-controller", at: facts.source == .acpi ? "APIC" : "/",
        "there is neither an ITS nor a GICv2m frame",
        consequence: "no device can use MSIs: its interrupts are wired.")
    ]
  }
}
