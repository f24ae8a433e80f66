internal import Bits
internal import Files
package import Firmware
package import Inspect

/// What `doorbell iort` prints of one machine: every field, the facts, routes and findings.
package struct FirmwareReport: Sendable {
  let name: String
  let tables: FirmwareTables
  let facts: PlatformFacts
  package let routes: [IDRoute]
  package let findings: [FirmwareFinding]

  /// - Parameters:
  ///   - requesterIDs: the functions whose routes are shown.
  ///   - window: where the host puts its software MSI window.
  package init(
    _ files: FirmwareFiles, requesterIDs: [RequesterID] = [], window: ClosedRange<UInt64>
  ) {
    self.init(
      name: files.name, tables: files.tables, requesterIDs: requesterIDs, window: window)
  }

  /// The report on tables that are no files.
  package init(
    name: String, tables: FirmwareTables, requesterIDs: [RequesterID] = [],
    window: ClosedRange<UInt64>
  ) {
    self.name = name
    self.tables = tables
    facts = tables.facts
    findings = tables.findings(window: window)
    let facts = facts
    routes = requesterIDs.map { facts.route(of: $0.value, segment: $0.segment) }
  }

  /// Whether a finding is an error.
  package var hasErrors: Bool { findings.contains { $0.severity == .error } }

  // MARK: Text

  package var text: String {
    var lines = ["\(name)"]
    for listing in tables.listings { lines += Self.lines(listing) }
    lines += factLines
    for route in routes { lines += [""] + self.lines(route) }
    lines += findingLines
    return lines.joined(separator: "\n") + "\n"
  }

  private static func lines(_ listing: TableListing) -> [String] {
    let width = listing.records.flatMap { $0.record.fields }.map(\.field.name.count).max() ?? 0
    var lines = ["", "\(listing.signature), \(listing.bytes.count) bytes"]
    for listed in listing.records {
      lines += ["", "  \(hex(UInt64(listed.record.offset), digits: 3))  \(listed.title)"]
      for value in listed.record.fields {
        let name = value.field.name.padded(to: width)
        let meaning = value.meaning.isEmpty ? "" : "  \(value.meaning)"
        lines.append(
          "    \(hex(UInt64(value.offset), digits: 3))  \(name)  \(value.formatted)\(meaning)")
      }
      if let name = listed.name { lines.append("           Name: \"\(name)\"") }
      if !listed.raw.isEmpty {
        let bytes = listed.raw.map { hex(UInt64($0), digits: 2).dropFirst(2) }
        lines.append("           Bytes: \(bytes.joined(separator: " "))")
      }
    }
    return lines
  }

  private var factLines: [String] {
    var lines = ["", "What the \(facts.source == .acpi ? "ACPI tables say" : "device tree says")"]
    for its in facts.itses {
      lines.append("  ITS \(its.identifier) at \(hex(its.base)), doorbell \(hex(its.doorbell))")
    }
    for frame in facts.messageFrames {
      lines.append("  GICv2m frame at \(hex(frame.base)), doorbell \(hex(frame.base &+ 0x40))")
    }
    for smmu in facts.smmus {
      lines.append("  SMMU\(smmu.isVersion3 ? "v3" : "") at \(hex(smmu.base)) (\(smmu.place))")
      lines += smmu.mappings.map { "    StreamIDs \(text($0, "DeviceIDs"))" }
    }
    for complex in facts.rootComplexes {
      lines.append(
        "  segment \(complex.segment) (\(complex.place)): requester IDs "
          + "\(text(complex.requesterIDs)), boot configuration \(complex.bootConfiguration.rawValue)"
      )
      lines += complex.streams.map { "    requests \(text($0, outputName($0)))" }
      lines += (complex.messages ?? []).map { "    MSIs     \(text($0, outputName($0)))" }
    }
    for range in facts.reserved {
      var streams = range.streams.prefix(4).map {
        "StreamIDs \(text($0.ids)) at \(facts.smmus[$0.smmu].place)"
      }
      if range.streams.count > 4 { streams.append("\(range.streams.count - 4) more ranges") }
      lines.append(
        "  reserved \(hex(range.base)) + \(hex(range.length)), \(kind(of: range)), for "
          + (streams.isEmpty ? "nobody" : streams.joined(separator: " and ")))
    }
    return lines
  }

  /// What Linux makes of a reserved range.
  private func kind(of range: PlatformFacts.ReservedRange) -> String {
    if !range.isHeeded { return "ignored" }
    if !range.isDirect { return "reserved" }
    return range.remapPermitted ? "direct-relaxable" : "direct"
  }

  private func outputName(_ mapping: PlatformFacts.Mapping) -> String {
    if case .smmu = mapping.target { return "StreamIDs" }
    return "DeviceIDs"
  }

  private func text(_ ids: ClosedRange<UInt32>) -> String {
    "\(hex(UInt64(ids.lowerBound)))-\(hex(UInt64(ids.upperBound)))"
  }

  private func text(_ mapping: PlatformFacts.Mapping, _ output: String) -> String {
    "\(text(mapping.input)) -> \(output) \(text(mapping.output)), "
      + "\(facts.name(of: mapping.target))"
  }

  private func lines(_ route: IDRoute) -> [String] {
    var lines = ["Route of requester ID \(Self.name(route))"]
    for hop in route.hops {
      lines.append(
        "  \(hop.from): \(hop.mapping.place) maps \(hex(UInt64(hop.input))) to "
          + "\(hex(UInt64(hop.output))) at \(hop.to)")
    }
    lines.append(
      "  StreamID \(route.stream.map { hex(UInt64($0.id)) } ?? "none: no SMMU on the way")")
    if route.messageFrame != nil {
      lines.append("  DeviceID none: the GICv2m frame needs none")
    } else {
      lines.append("  DeviceID \(route.device.map { hex(UInt64($0.id)) } ?? "none")")
    }
    if let device = route.device {
      let doorbells = facts.itses(ofGroup: device.group).map { hex($0.doorbell) }
      lines.append(
        "  doorbell \(doorbells.isEmpty ? "unknown" : doorbells.joined(separator: " or "))")
    }
    if let end = route.end { lines.append("  ends: \(end)") }
    return lines
  }

  static func name(_ route: IDRoute) -> String {
    let id = UInt64(route.requesterID)
    let bus = hex(id >> 8, digits: 2).dropFirst(2)
    let device = hex(id >> 3 & 0x1f, digits: 2).dropFirst(2)
    return "\(bus):\(device).\(id & 7) (\(hex(id)))"
  }

  private var findingLines: [String] {
    guard !findings.isEmpty else { return ["", "No findings"] }
    var lines = ["", "Findings: \(count(.error)), \(count(.warning)), \(count(.note))"]
    for finding in findings {
      lines += [
        "  \(finding.severity.rawValue.padded(to: 7))  \(finding.rule)  \(finding.place)",
        "           \(finding.text)", "           MSI: \(finding.consequence)",
      ]
    }
    return lines
  }

  private func count(_ severity: FirmwareFinding.Severity) -> String {
    let count = findings.count { $0.severity == severity }
    return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
