internal import Bits
package import Files
internal import Firmware
internal import Inspect

extension FirmwareReport {
  /// The report as a page shows it.
  ///
  /// - Parameter fields: whether every field of every structure follows.
  package func sections(fields: Bool) -> [ReportSection] {
    var sections = [ReportSection(name, [.paragraph(summary)] + findingBlocks)]
    sections += routes.map {
      ReportSection("Route of requester ID \(Self.name($0))", blocks($0))
    }
    sections.append(
      ReportSection(
        "What the \(facts.source == .acpi ? "ACPI tables say" : "device tree says")", factBlocks))
    if fields {
      sections += tables.listings.map { listing in
        ReportSection(
          "\(listing.signature), \(listing.bytes.count) bytes", listing.records.map(Self.block))
      }
    }
    return sections
  }

  // MARK: Findings

  private var findingBlocks: [ReportSection.Block] {
    guard !findings.isEmpty else { return [.verdict("no findings", .good, "")] }
    var blocks: [ReportSection.Block] = FirmwareFinding.Severity.allCases.compactMap { severity in
      let count = findings.count { $0.severity == severity }
      return count == 0 ? nil : .verdict(self.count(severity), severity.tone, "")
    }
    blocks.add(
      "Findings, and what they do to an MSI",
      columns: ["rule", "severity", "place", "what it is", "MSI"],
      rows: findings.map { [$0.rule, $0.severity.rawValue, $0.place, $0.text, $0.consequence] })
    return blocks
  }

  // MARK: Routes

  private func blocks(_ route: IDRoute) -> [ReportSection.Block] {
    var blocks: [ReportSection.Block] = []
    blocks.add(
      "The mappings on its way", columns: ["from", "mapping", "ID", "becomes", "at"],
      rows: route.hops.map {
        [
          $0.from, $0.mapping.place, hex(UInt64($0.input)), hex(UInt64($0.output)), $0.to,
        ]
      })
    blocks.add("Where it ends", columns: ["what", "value"], rows: ends(route))
    if !route.remarks.isEmpty { blocks.append(.list(route.remarks)) }
    if let end = route.end { blocks.append(.verdict("ends", .bad, end)) }
    return blocks
  }

  private func ends(_ route: IDRoute) -> [[String]] {
    var rows: [[String]] = []
    if let other = route.otherIOMMU {
      let iommu = facts.otherIOMMUs[other.smmu]
      rows.append(["ID at \(iommu.model)", "\(hex(UInt64(other.id))) (\(iommu.place))"])
    } else if let stream = route.stream {
      let smmu = facts.smmus[stream.smmu]
      rows.append(["StreamID", hex(UInt64(stream.id))])
      rows.append(["SMMU\(smmu.isVersion3 ? "v3" : "")", "\(hex(smmu.base)) (\(smmu.place))"])
    } else {
      rows.append(["StreamID", "none: no SMMU on the way"])
    }
    if let controller = route.controller {
      rows.append(["DeviceID", "none: \(facts.controllers[controller].name) needs none"])
    } else {
      rows.append(["DeviceID", route.device.map { hex(UInt64($0.id)) } ?? "none"])
    }
    if route.device != nil || route.controller != nil {
      rows.append(["doorbell", facts.doorbell(of: route).map { hex($0) } ?? "unknown"])
    }
    return rows
  }

  // MARK: Facts

  private var factBlocks: [ReportSection.Block] {
    var blocks: [ReportSection.Block] = []
    blocks.add(
      "MSI controllers", columns: ["controller", "base", "doorbell", "place"],
      rows: facts.itses.map { its in
        let doorbell =
          its.window.map { "\(hex($0.lowerBound))-\(hex($0.upperBound)), by DeviceID" }
          ?? hex(its.doorbell)
        return [
          facts.source == .acpi ? "ITS \(its.identifier)" : "ITS", hex(its.base), doorbell,
          its.place,
        ]
      }
        + facts.controllers.map {
          [
            $0.name, $0.base == 0 ? "" : hex($0.base), $0.doorbell.map { hex($0) } ?? "unknown",
            $0.place,
          ]
        })
    blocks.add(
      "SMMUs and other IOMMUs", columns: ["unit", "base", "model", "place"],
      rows: facts.smmus.map { smmu in
        let version = smmu.isVersion3 ? "v3" : facts.source == .deviceTree ? "v2" : ""
        return ["SMMU\(version)", hex(smmu.base), smmu.model, smmu.place]
      } + facts.otherIOMMUs.map { ["IOMMU", "", $0.model, $0.place] })
    blocks.add(
      "How IDs become others", columns: ["at", "of", "IDs", "become", "at the"],
      rows: mappingRows)
    blocks.add(
      "Host bridges", columns: ["place", "segment", "requester IDs", "boot configuration"],
      rows: facts.rootComplexes.map {
        [
          $0.place, "\($0.segment)\($0.isNumbered ? "" : " (a guess)")", text($0.requesterIDs),
          $0.bootConfiguration.rawValue,
        ]
      })
    blocks.add(
      "Reserved ranges", columns: ["from", "length", "what Linux makes of it", "for", "place"],
      rows: facts.reserved.map { range in
        let streams = range.streams.map {
          "StreamIDs \(text($0.ids)) at \(facts.smmus[$0.smmu].place)"
        }
        return [
          hex(range.base), hex(range.length), kind(of: range),
          streams.isEmpty ? "no stream" : streams.joined(separator: "; "), range.place,
        ]
      })
    return blocks
  }

  private var mappingRows: [[String]] {
    func rows(_ place: String, _ kind: String, _ mappings: [PlatformFacts.Mapping]) -> [[String]] {
      mappings.map { mapping in
        let mask = mapping.mask == .max ? "" : " under mask \(hex(UInt64(mapping.mask)))"
        let isAll = mapping.input == 0...UInt32.max
        return [
          place, kind, isAll ? "all" : text(mapping.input) + mask,
          isAll && !mapping.isSingle
            ? "the same" : "\(outputName(mapping)) \(text(mapping.output))",
          facts.name(of: mapping.target),
        ]
      }
    }
    return facts.smmus.flatMap { rows($0.place, "StreamIDs", $0.mappings) }
      + facts.rootComplexes.flatMap {
        rows($0.place, "requests", $0.streams) + rows($0.place, "MSIs", $0.messages ?? [])
      }
      + facts.components.flatMap {
        rows($0.place, "requests", $0.streams) + rows($0.place, "MSIs", $0.messages ?? [])
      }
  }

  // MARK: Fields

  private static func block(_ listed: ListedRecord) -> ReportSection.Block {
    var rows = listed.record.fields.map { value in
      [
        value.field.name, hex(UInt64(value.offset), digits: 3), value.formatted, value.meaning,
      ]
    }
    if let name = listed.name { rows.append(["Name", "", "\"\(name)\"", ""]) }
    if !listed.raw.isEmpty {
      let bytes = listed.raw.map { String(hex(UInt64($0), digits: 2).dropFirst(2)) }
      rows.append(["Bytes", "", bytes.joined(separator: " "), ""])
    }
    return .table(
      .init(
        "\(hex(UInt64(listed.record.offset), digits: 3))  \(listed.title)",
        columns: ["field", "offset", "value", "meaning"], rows: rows))
  }
}

extension FirmwareFinding.Severity {
  fileprivate var tone: ReportSection.Tone {
    switch self {
    case .error: .bad
    case .warning: .warning
    default: .neutral
    }
  }
}
