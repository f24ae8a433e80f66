internal import Bits
internal import Files
package import Firmware
package import Inspect

/// Report of `doorbell iort` on one machine: every field, the facts, routes and findings.
package struct FirmwareReport: Sendable {
  let name: String
  let tables: FirmwareTables
  let facts: PlatformFacts
  package let routes: [IDRoute]
  package let findings: [FirmwareFinding]

  /// - Parameters:
  ///   - requesterIDs: the functions whose routes are shown.
  ///   - window: software MSI window of the host.
  ///   - view: kind of machine, if the tables do not tell or are wrong about it.
  package init(
    _ files: FirmwareFiles, requesterIDs: [RequesterID] = [], window: ClosedRange<UInt64>,
    view: MachineView? = nil
  ) {
    var tables = files.tables
    tables.view = view
    self.init(name: files.name, tables: tables, requesterIDs: requesterIDs, window: window)
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
    routes = requesterIDs.flatMap { facts.routes(of: $0.value, segment: $0.segment) }
  }

  /// Whether a finding is an error.
  package var hasErrors: Bool { findings.contains { $0.severity == .error } }

  // MARK: Text

  /// The report, without the fields of the tables.
  package var text: String { text(fields: false) }

  /// A summary, the routes that were asked for, the findings by rule, and what the tables say.
  ///
  /// - Parameter fields: whether every field of every structure follows, with its meaning.
  package func text(fields: Bool) -> String {
    var lines = ["\(name)"] + summaryLines
    for route in routes { lines += [""] + self.lines(route) }
    lines += findingLines
    lines += factLines
    if fields { for listing in tables.listings { lines += Self.lines(listing) } }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Kind of machine, and its parts.
  var summary: String {
    let owner =
      switch facts.view {
      case .host: "a host's "
      case .guest: "a guest's "
      case .unknown: ""
      }
    func count(_ number: Int, _ name: String, _ names: String) -> String? {
      number == 0 ? nil : "\(number) \(number == 1 ? name : names)"
    }
    let parts = [
      count(facts.smmus.count, "SMMU", "SMMUs"),
      count(facts.otherIOMMUs.count, "other IOMMU", "other IOMMUs"),
      count(facts.itses.count, "ITS", "ITSs"),
      count(
        facts.controllers.count, "MSI controller without DeviceIDs",
        "MSI controllers without DeviceIDs"),
      count(facts.rootComplexes.count, "host bridge", "host bridges"),
      count(facts.components.count, "other device with IDs", "other devices with IDs"),
      count(facts.reserved.count, "reserved range", "reserved ranges"),
    ].compactMap(\.self)
    return "\(owner)\(facts.source == .acpi ? "ACPI tables" : "device tree"): "
      + (parts.isEmpty ? "nothing about MSIs" : parts.joined(separator: ", "))
  }

  private var summaryLines: [String] {
    [
      "  \(summary)",
      "  \(findings.isEmpty ? "no findings" : FirmwareFinding.Severity.allCases.map(self.count).joined(separator: ", "))",
    ]
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
      let doorbell =
        its.window.map {
          "doorbells \(hex($0.lowerBound))-\(hex($0.upperBound)), 4 bytes for each DeviceID"
        } ?? "doorbell \(hex(its.doorbell))"
      let place = facts.source == .acpi ? "\(its.identifier) " : ""
      lines.append("  ITS \(place)at \(hex(its.base)), \(doorbell)")
    }
    for controller in facts.controllers {
      lines.append(
        "  \(controller.name)\(controller.base == 0 ? "" : " at \(hex(controller.base))")"
          + (controller.doorbell.map { ", doorbell \(hex($0))" } ?? "") + " (\(controller.place))")
    }
    for smmu in facts.smmus {
      let version = smmu.isVersion3 ? "v3" : facts.source == .deviceTree ? "v2" : ""
      let model = smmu.model.isEmpty ? "" : ", \(smmu.model)"
      lines.append("  SMMU\(version) at \(hex(smmu.base)) (\(smmu.place)\(model))")
      lines += smmu.mappings.map { "    StreamIDs \(text($0, "DeviceIDs"))" }
    }
    lines += facts.otherIOMMUs.map { "  IOMMU \($0.model) (\($0.place))" }
    for complex in facts.rootComplexes {
      lines.append(
        "  segment \(complex.segment)\(complex.isNumbered ? "" : " (a guess)") (\(complex.place)): "
          + "requester IDs \(text(complex.requesterIDs)), boot configuration "
          + complex.bootConfiguration.rawValue)
      lines += complex.streams.map { "    requests \(text($0, outputName($0)))" }
      lines += (complex.messages ?? []).map { "    MSIs     \(text($0, outputName($0)))" }
    }
    lines += componentLines
    for range in facts.reserved {
      var streams = range.streams.prefix(4).map {
        "StreamIDs \(text($0.ids)) at \(facts.smmus[$0.smmu].place)"
      }
      if range.streams.count > 4 { streams.append("\(range.streams.count - 4) more ranges") }
      lines.append(
        "  reserved \(hex(range.base)) + \(hex(range.length)), \(kind(of: range)), for "
          + (streams.isEmpty ? "no stream" : streams.joined(separator: " and ")))
    }
    return lines
  }

  /// Devices outside PCI: each of an IORT, the number of a device tree's.
  private var componentLines: [String] {
    guard facts.source == .acpi else { return [] }
    return facts.components.flatMap { component in
      ["  \(component.place)"]
        + component.streams.map { "    requests \(text($0, outputName($0)))" }
    }
  }

  /// Returns the kind that Linux gives a reserved range.
  func kind(of range: PlatformFacts.ReservedRange) -> String {
    if !range.isHeeded { return "ignored" }
    if !range.isDirect { return "reserved" }
    return range.remapPermitted ? "direct-relaxable" : "direct"
  }

  func outputName(_ mapping: PlatformFacts.Mapping) -> String {
    switch mapping.target {
    case .smmu: "StreamIDs"
    case .itsGroup: "DeviceIDs"
    case .iommu, .controller, .disabled, .nothing: "IDs"
    }
  }

  func text(_ ids: ClosedRange<UInt32>) -> String {
    ids.lowerBound == ids.upperBound
      ? hex(UInt64(ids.lowerBound))
      : "\(hex(UInt64(ids.lowerBound)))-\(hex(UInt64(ids.upperBound)))"
  }

  private func text(_ mapping: PlatformFacts.Mapping, _ output: String) -> String {
    let name = facts.name(of: mapping.target)
    // A bridge that maps all of its functions alike, whatever their ID.
    if mapping.input == 0...UInt32.max {
      return mapping.isSingle
        ? "all -> \(output) \(hex(UInt64(mapping.outputBase))), \(name)" : "all -> \(name)"
    }
    let mask = mapping.mask == .max ? "" : " under mask \(hex(UInt64(mapping.mask)))"
    return "\(text(mapping.input))\(mask) -> \(output) \(text(mapping.output)), \(name)"
  }

  private func lines(_ route: IDRoute) -> [String] {
    var lines = ["Route of requester ID \(Self.name(route))"]
    for hop in route.hops {
      lines.append(
        "  \(hop.from): \(hop.mapping.place) maps \(hex(UInt64(hop.input))) to "
          + "\(hex(UInt64(hop.output))) at \(hop.to)")
    }
    if let other = route.otherIOMMU {
      let iommu = facts.otherIOMMUs[other.smmu]
      lines.append("  ID \(hex(UInt64(other.id))) at the IOMMU \(iommu.model) (\(iommu.place))")
    } else if let stream = route.stream {
      let smmu = facts.smmus[stream.smmu]
      lines.append("  StreamID \(hex(UInt64(stream.id)))")
      lines.append("  SMMU\(smmu.isVersion3 ? "v3" : "") at \(hex(smmu.base)) (\(smmu.place))")
    } else {
      lines.append("  StreamID none: no SMMU on the way")
    }
    if let controller = route.controller {
      lines.append("  DeviceID none: \(facts.controllers[controller].name) needs none")
    } else {
      lines.append("  DeviceID \(route.device.map { hex(UInt64($0.id)) } ?? "none")")
    }
    if route.device != nil || route.controller != nil {
      lines.append("  doorbell \(facts.doorbell(of: route).map { hex($0) } ?? "unknown")")
    }
    lines += route.remarks.map { "  \($0)" }
    if let end = route.end { lines.append("  ends: \(end)") }
    return lines
  }

  static func name(_ route: IDRoute) -> String {
    let id = UInt64(route.requesterID)
    let bus = hex(id >> 8, digits: 2).dropFirst(2)
    let device = hex(id >> 3 & 0x1f, digits: 2).dropFirst(2)
    return "\(bus):\(device).\(id & 7) (\(hex(id)))"
  }

  /// Places of one rule that the text shows; JSON has more.
  private static let shownPlaces = 3

  /// The findings by rule and consequence, in the order of severity.
  private var findingLines: [String] {
    guard !findings.isEmpty else { return [] }
    var groups: [[FirmwareFinding]] = []
    var positions: [String: Int] = [:]
    for finding in findings {
      let key = "\(finding.severity.rawValue) \(finding.rule) \(finding.consequence)"
      if let position = positions[key] {
        groups[position].append(finding)
      } else {
        positions[key] = groups.count
        groups.append([finding])
      }
    }
    var lines = ["", "Findings"]
    for group in groups {
      guard let first = group.first else { continue }
      let times = group.count == 1 ? first.place : "\(group.count) times"
      lines.append("  \(first.severity.rawValue.padded(to: 7))  \(first.rule)  \(times)")
      for finding in group.prefix(Self.shownPlaces) {
        lines.append(
          group.count == 1
            ? "           \(finding.text)" : "           \(finding.place): \(finding.text)")
      }
      if group.count > Self.shownPlaces {
        lines.append("           and \(group.count - Self.shownPlaces) more")
      }
      lines.append("           MSI: \(first.consequence)")
    }
    return lines
  }

  func count(_ severity: FirmwareFinding.Severity) -> String {
    let count = findings.count { $0.severity == severity }
    return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
