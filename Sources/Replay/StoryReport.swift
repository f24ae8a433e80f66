internal import ArmFormats
internal import Bits

/// Report on a machine's trace, for people and for programs.
package struct StoryReport {
  package let name: String
  package let story: MachineStory
  package let counts: TraceCounts
  package let guest: GuestFacts?
  /// Devices of a guest inside the machine, if it was a hypervisor.
  package let levels: [NestedDevice]
  /// Whether there is an inner guest of which no device was found in the machine.
  package let isUnjoined: Bool
  /// Differences from the counts made when the case was recorded; `nil` where there are none to
  /// compare with.
  package let disagreements: [String]?
  /// Facts from other files.
  package let companions: MachineCompanions
  /// Whether there was a trace of the SMMU and the ITS at all.
  package let hasTrace: Bool

  package init(
    name: String, story: MachineStory, counts: TraceCounts, guest: GuestFacts? = nil,
    innerGuest: GuestFacts? = nil, disagreements: [String]? = nil,
    companions: MachineCompanions = .init(), hasTrace: Bool = true
  ) {
    self.companions = companions
    self.hasTrace = hasTrace
    self.name = name
    self.story = story
    self.counts = counts
    self.guest = guest
    levels = NestedDevice.join(inner: innerGuest, outer: guest, story)
    isUnjoined = innerGuest != nil && levels.isEmpty
    self.disagreements = disagreements
  }

  /// Warnings about the trace, and about the facts from the guest.
  package var warnings: [String] {
    var warnings = story.warnings + companions.warnings + joinedWarnings
    if let damage = counts.damage {
      warnings.append("the log ends early, in line \(counts.lines): \(damage)")
    }
    if counts.garbled > 0 { warnings.append("\(counted(counts.garbled, "line")) damaged") }
    guard let guest else { return warnings }
    for (id, facts) in guest.devices.sorted(by: { $0.key < $1.key })
    where facts.isBusMaster == false && (facts.table?.isEnabled == true || !facts.vectors.isEmpty) {
      warnings.append(
        "\(DeviceStory(id: id).name): MSIs are enabled and bus mastering is off: it cannot send them "
          + "(PCIe 7.5.1.1.3)")
    }
    for device in story.orderedDevices {
      guard let facts = guest.devices[device.id], !device.addresses.isEmpty else { continue }
      let reached = Set(device.addresses.keys.map(\.address))
      for vector in facts.vectors where !vector.isMasked && !reached.contains(vector.address) {
        guard device.vectors[vector.index]?.messages ?? 0 > 0 else { continue }
        warnings.append(
          "\(device.name): vector \(vector.index) is programmed with \(hex(vector.address)), "
            + "and no message of the device went there")
      }
    }
    return warnings
  }

  /// The report as text, each line ended by a newline.
  package var text: String {
    var lines = [heading] + machineLines
    for device in devices {
      lines.append("")
      lines += deviceLines(device)
    }
    for trace in companions.kernelTraces { lines += [""] + trace.lines }
    for log in companions.kernelLogs { lines += [""] + self.lines(of: log) }
    for level in levels { lines += [""] + level.lines }
    if isUnjoined {
      lines.append("")
      lines.append(
        "three levels: the files do not say which device of the machine the inner guest has; "
          + "that takes the pci.txt of both")
    }
    lines.append("")
    let warnings = warnings
    lines.append(warnings.isEmpty ? "nothing looks wrong" : "what looks wrong")
    lines += warnings.map { "  " + $0 }
    let missing = missing
    if !missing.isEmpty { lines += ["", "what is not known"] + missing.map { "  " + $0 } }
    if let disagreements {
      lines.append("")
      lines.append(
        disagreements.isEmpty
          ? "agrees with summary.json" : "disagrees with summary.json")
      lines += disagreements.map { "  " + $0 }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var heading: String {
    guard hasTrace else { return "\(name): no trace of QEMU" }
    var text = "\(name): \(counted(counts.lines, "line"))"
    if let first = story.firstTime, let last = story.lastTime, last > first {
      text += ", \(Self.decimal(Double(last - first) / 1_000_000)) s"
    }
    return text
  }

  private var machineLines: [String] {
    guard hasTrace else { return [] }
    var lines = [
      "  lines: \(counts.understood) understood, \(counts.other) of other events, "
        + "\(counts.garbled) damaged, \(counts.unreadable) not trace events"
    ]
    if story.streamTables.count > 1 {
      let tables = story.streamTables.map { hex($0) }.joined(separator: ", ")
      lines.append("  \(story.streamTables.count) SMMUs, by their stream tables: \(tables)")
    }
    let stages = zip(["stage 1", "stage 2", "both stages"], story.translations.dropFirst())
    add("translations", stages.map { ($0, $1) }, to: &lines)
    add(
      "SMMU commands",
      story.smmuCommands.sorted { $0.key < $1.key }.map {
        (String(SMMUOpcode(rawValue: $0.key).description.dropFirst(4)), $0.value)
      }, to: &lines)
    add(
      "SMMU events",
      story.faults.sorted { $0.key < $1.key }.map {
        (EventKind(rawValue: $0.key).description, $0.value)
      }, to: &lines)
    add(
      "ITS commands",
      story.itsCommands.sorted { $0.key < $1.key }.map {
        (ITSOpcode(rawValue: $0.key).name ?? "unknown", $0.value)
      }, to: &lines)
    add("LPIs", [("mapped", story.lpis.count)], to: &lines)
    return lines
  }

  private func add(_ title: String, _ counts: [(String, Int)], to lines: inout [String]) {
    let parts = counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
    if !parts.isEmpty { lines.append("  \(title): \(parts.joined(separator: ", "))") }
  }

  /// A number with three digits after the point.
  static func decimal(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "?" }
    let thousandths = Int((value * 1000).rounded())
    let digits = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
  }
}

extension DeviceStory {
  /// Whether the device did anything that has to do with translation or interrupts.
  var isWorthTelling: Bool {
    messages > 0 || !vectors.isEmpty || !faults.isEmpty || bypasses + aborts + whileOff > 0
      || translations.contains { $0 > 0 }
  }

  /// Addresses in order.
  var orderedAddresses: [(place: MessageAddress, count: Int)] {
    addresses.map { ($0.key, $0.value) }.sorted {
      ($0.place.address, $0.place.stage, $0.place.output)
        < ($1.place.address, $1.place.stage, $1.place.output)
    }
  }
}
