internal import Bits
package import Files
internal import Firmware
internal import Inspect

/// A function in the joined table.
package struct FunctionRow: Sendable {
  package var function: String
  package var driver: String
  package var group: String
  package var stream: String
  package var device: String
  package var vectors: String
  package var interrupts: String
  package var faults: String

  package var cells: [String] {
    [function, driver, group, stream, device, vectors, interrupts, faults]
  }
  package static let titles = [
    "function", "driver", "group", "StreamID", "DeviceID", "vectors", "interrupts", "faults",
  ]

  package var json: JSONValue {
    .object(zip(Self.titles, cells).map { JSONValue.Member($0.memberName, .string($1)) })
  }
}

extension Diagnosis {
  /// Each function with its way from requester ID to interrupt count; those with something to tell.
  package var functionRows: [FunctionRow] {
    let faulting = Dictionary(grouping: joined.events, by: \.function)
    return joined.functions.filter { row in
      !row.interrupts.isEmpty || row.listed != nil || faulting[row.function] != nil
        || !row.notices.isEmpty || row.group != nil
    }.prefix(256).map { row in
      let events = faulting[row.function] ?? []
      let platform = row.platform.map { joined.platforms[$0].facts }
      return FunctionRow(
        function: row.title, driver: row.driver ?? "?",
        group: row.group.map { "\($0.value)" } ?? "?",
        stream: row.route?.stream.map { stream in
          let base = platform.map { hex($0.smmus[stream.smmu].base) } ?? "?"
          return "\(hex(UInt64(stream.id))) at \(base)"
        } ?? events.first.map { hex(UInt64($0.stream)) } ?? "?",
        device: row.route?.device.map { device in
          let base =
            platform.flatMap { $0.itses(ofGroup: device.group).first }
            .map { " at \(hex($0.base))" } ?? ""
          return "\(hex(UInt64(device.id)))\(base)"
        } ?? "?",
        vectors: vectors(of: row),
        interrupts: row.interruptCount.map(String.init) ?? "?",
        faults: events.isEmpty
          ? "" : "\(events.reduce(0) { $0 &+ $1.report.count }) at \(hex(events[0].address))")
    }
  }

  private func vectors(of row: JoinedFunction) -> String {
    if !row.interrupts.isEmpty { return "\(row.interrupts.count)" }
    if let msix = row.listed?.msix, msix.value.isEnabled { return "MSI-X of \(msix.value.count)" }
    if let msi = row.listed?.msi, msi.value.isEnabled { return "MSI" }
    return row.listed?.msix != nil || row.listed?.msi != nil ? "off" : "?"
  }

  // MARK: Text

  /// The report for a terminal, each line ended by a newline.
  package func text(width: Int = 100) -> String {
    var lines: [String] = []
    for (index, finding) in causes.enumerated() {
      if index > 0 { lines.append("") }
      lines.append(
        "\(index + 1). \(finding.cause.rawValue) (\(Self.percent(finding.confidence))): \(finding.cause.meaning)"
      )
      lines += Self.wrapped(finding.means, width, indent: "   ")
      lines += Self.wrapped("fix: \(finding.fix)", width, indent: "   ")
      if !finding.show.isEmpty { lines.append("   in the models: \(finding.show)") }
      lines += finding.evidence.map { "   | \($0.description)" }
    }
    let rows = functionRows
    if !rows.isEmpty { lines += ["", "functions"] + Self.table(rows).map { "  " + $0 } }
    if !notUnderstood.isEmpty {
      lines += [
        "", "not understood, though it looks as if it mattered (\(notUnderstood.count) lines)",
      ]
      for (_, kind) in notUnderstood.kinds.prefix(20) {
        if let example = kind.examples.first {
          lines.append("  \(kind.count) x \(example.description)")
        }
      }
      if notUnderstood.kinds.count > 20 {
        lines.append("  and \(notUnderstood.kinds.count - 20) more kinds")
      }
    }
    if !missing.isEmpty {
      lines += ["", "what would settle or complete it"]
      for file in missing { lines += Self.wrapped(file.text, width, indent: "  ") }
    }
    lines += remarks.map { "note: \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  static func percent(_ confidence: Double) -> String { "\(Int((confidence * 100).rounded())) %" }

  private static func wrapped(_ text: String, _ width: Int, indent: String) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + word.count + 1 + indent.count > max(40, width) {
        lines.append(indent + line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    if !line.isEmpty { lines.append(indent + line) }
    return lines
  }

  private static func table(_ rows: [FunctionRow]) -> [String] {
    let all = [FunctionRow.titles] + rows.map(\.cells)
    let widths = FunctionRow.titles.indices.map { column in
      all.map { $0[column].count }.max() ?? 0
    }
    return all.map { cells in
      var line = zip(cells, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  // MARK: Markdown

  package var markdown: String {
    var lines = ["# Diagnosis", ""]
    for (index, finding) in causes.enumerated() {
      lines.append(
        "\(index + 1). **\(finding.cause.rawValue)** (\(Self.percent(finding.confidence))): \(finding.cause.meaning)"
      )
      lines += [
        "", "   \(Self.escaped(finding.means))", "", "   Fix: \(Self.escaped(finding.fix))", "",
      ]
      if !finding.show.isEmpty { lines += ["   In the models: `\(finding.show)`", ""] }
      lines += finding.evidence.map { "   - `\($0.description.replacing("`", with: "'"))`" } + [""]
    }
    let rows = functionRows
    if !rows.isEmpty {
      lines += ["## Functions", "", "| \(FunctionRow.titles.joined(separator: " | ")) |"]
      lines.append("|" + FunctionRow.titles.map { _ in " --- |" }.joined())
      lines += rows.map { "| \($0.cells.map(Self.escaped).joined(separator: " | ")) |" } + [""]
    }
    if !notUnderstood.isEmpty {
      lines += ["## Not understood", ""]
      lines +=
        notUnderstood.kinds.flatMap { row in
          row.kind.examples.prefix(1).map {
            "- \(row.kind.count) x `\($0.description.replacing("`", with: "'"))`"
          }
        } + [""]
    }
    if !missing.isEmpty {
      lines +=
        ["## What would settle or complete it", ""] + missing.map { "- \(Self.escaped($0.text))" }
        + [""]
    }
    return lines.joined(separator: "\n")
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("<", with: "&lt;").replacing("*", with: "\\*")
  }
}
