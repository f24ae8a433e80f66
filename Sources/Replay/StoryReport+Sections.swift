internal import ArmFormats
internal import Bits
package import Files

extension StoryReport {
  /// The report as a page shows it.
  package var sections: [ReportSection] {
    var sections = [ReportSection("\(name)", judgement + machineBlocks)]
    sections += devices.map { ReportSection($0.name, blocks($0)) }
    sections += companions.kernelTraces.map {
      ReportSection("Kernel trace \($0.path)", [.lines(Array($0.lines.dropFirst()))])
    }
    sections += companions.kernelLogs.map {
      ReportSection("Kernel log \($0.path)", [.lines(Array(lines(of: $0).dropFirst()))])
    }
    sections += levels.map { ReportSection("Three levels", $0.blocks) }
    let missing = missing
    if !missing.isEmpty { sections.append(ReportSection("Not known", [.list(missing)])) }
    return sections
  }

  /// Blocks with the warnings, and with the agreement of the recorded counts.
  private var judgement: [ReportSection.Block] {
    let warnings = warnings
    var blocks: [ReportSection.Block] = [
      warnings.isEmpty
        ? .verdict("nothing looks wrong", .good, "")
        : .verdict("looks wrong", .bad, "\(counted(warnings.count, "remark")):")
    ]
    if !warnings.isEmpty { blocks.append(.list(warnings)) }
    guard let disagreements else { return blocks }
    blocks.append(
      disagreements.isEmpty
        ? .verdict("agrees", .good, "with summary.json")
        : .verdict("disagrees", .bad, "with summary.json:"))
    if !disagreements.isEmpty { blocks.append(.list(disagreements)) }
    return blocks
  }

  /// Blocks with the counts, kind by kind.
  private var machineBlocks: [ReportSection.Block] {
    guard hasTrace else { return [.paragraph("There is no trace of QEMU among the files.")] }
    var rows: [[String]] = []
    func add(_ group: String, _ counts: [(String, Int)]) {
      rows += counts.filter { $0.1 > 0 }.map { [group, $0.0, String($0.1)] }
    }
    add(
      "lines",
      [
        ("understood", counts.understood), ("of other events", counts.other),
        ("damaged", counts.garbled), ("no trace events", counts.unreadable),
      ])
    add(
      "translations",
      Array(zip(["stage 1", "stage 2", "both stages"], story.translations.dropFirst())))
    add(
      "SMMU commands",
      story.smmuCommands.sorted { $0.key < $1.key }.map {
        (String(SMMUOpcode(rawValue: $0.key).description.dropFirst(4)), $0.value)
      })
    add(
      "SMMU events",
      story.faults.sorted { $0.key < $1.key }.map {
        (EventKind(rawValue: $0.key).description, $0.value)
      })
    add(
      "ITS commands",
      story.itsCommands.sorted { $0.key < $1.key }.map {
        (ITSOpcode(rawValue: $0.key).name ?? "unknown", $0.value)
      })
    add("LPIs", [("mapped", story.lpis.count)])
    var blocks: [ReportSection.Block] = []
    blocks.add("What the trace has", columns: ["kind", "which", "count"], rows: rows)
    return blocks
  }

  // MARK: Devices

  private func blocks(_ device: DeviceStory) -> [ReportSection.Block] {
    let facts = guest?.devices[device.id]
    var blocks: [ReportSection.Block] = []
    blocks.add(
      "What the files say of it", columns: ["what", "value"], rows: properties(device, facts))
    blocks.add(
      "Where its messages go", columns: ["message address", "what becomes of it", "accesses"],
      rows: device.orderedAddresses.map { place, count in
        [hex(place.address), Self.stage(place), String(count)]
      })
    blocks.add(
      "Events of the SMMU", columns: ["event", "count", "cause", "pages"],
      rows: device.faults.map { fault in
        [
          "\(fault.kind)", String(fault.count), Self.cause(fault.kind),
          fault.pages.map { hex($0) }.joined(separator: ", "),
        ]
      })
    blocks.add(
      "Vectors, by EventID",
      columns: [
        "EventID", "LPI and CPU", "messages", "taken", "per second", "guest counted", "handled",
        "name",
      ], rows: vectorRows(device, facts))
    let more =
      programmedLines(device, facts) + (companions.imageLines[device.id] ?? []) + logLines(device)
    if !more.isEmpty { blocks.append(.lines(more.map { String($0.drop { $0 == " " }) })) }
    return blocks
  }

  private func properties(_ device: DeviceStory, _ facts: GuestFacts.Device?) -> [[String]] {
    var rows = [["StreamID and DeviceID", hex(UInt64(device.id))]]
    if let facts, !facts.driver.isEmpty, facts.driver != "-" {
      rows.append(["driver", facts.driver])
    }
    if let domain = facts?.domain { rows.append(["domain", domain]) }
    rows += (facts?.reserved ?? []).map { region in
      ["reserved", "\(hex(region.start))-\(hex(region.end)) \(region.kind)"]
    }
    let accesses = [
      ("accesses by stage 1", device.translations[1]),
      ("accesses by stage 2", device.translations[2]),
      ("accesses by both stages", device.translations[3]), ("bypassing", device.bypasses),
      ("aborted", device.aborts), ("with the SMMU off", device.whileOff),
    ]
    rows += accesses.filter { $0.1 > 0 }.map { [$0.0, String($0.1)] }
    if !device.pages.isEmpty {
      rows.append(["pages", "\(device.pages.count)\(device.hasMorePages ? " or more" : "")"])
    }
    return rows
  }
}

extension NestedDevice {
  fileprivate var blocks: [ReportSection.Block] {
    var blocks = [ReportSection.Block.paragraph(sentence)]
    blocks.add(
      "What L1 programmed", columns: ["message address", "what becomes of it"],
      rows: outerAddresses.map { [hex($0.address), StoryReport.stage($0)] })
    blocks.add("Vectors at both levels", columns: Self.titles, rows: rows)
    return blocks + [.note(Self.unrecorded)]
  }
}

extension CheckReport {
  /// The report as a page shows it.
  var sections: [ReportSection] {
    let word = subjects.isEmpty ? "nothing to compare" : holds ? "agrees" : "differs"
    let tone: ReportSection.Tone = subjects.isEmpty ? .neutral : holds ? .good : .bad
    var blocks: [ReportSection.Block] = [
      .verdict(word, tone, "\(counted(counts.lines, "line")), as \(personality) answers")
    ]
    if let damage { blocks.append(.verdict("damaged", .warning, damage)) }
    blocks.add(
      "Recorded outcomes and those of the emulator", columns: ["subject", "agree", "differ"],
      rows: subjects.map { [$0.name, String($0.agreed), String($0.differed)] })
    blocks.add(
      "Differences", columns: ["line", "subject", "what differs"],
      rows: differences.map { [String($0.line), $0.subject.rawValue, $0.text] })
    blocks.add(
      "Not checked", columns: ["reason", "count"],
      rows: unchecked.map { [$0.reason, String($0.count)] })
    blocks.append(.folded("What no trace contains", [.list(Self.limits)]))
    return [ReportSection(name, blocks)]
  }
}
