import Files
package import Published
import Scenarios

/// Published tables beside what the models make of them.
package struct PublishedReport: Sendable {
  let reproductions: [Reproduction]

  package init(_ reproductions: [Reproduction]) { self.reproductions = reproductions }

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table:
      reproductions.map { $0.table(on: terminal) }.joined(separator: "\n")
        + (hasCells ? summary : "")
    case .json: json.indentedText + "\n"
    case .csv: hasCells ? csv : reproductions.flatMap(\.studies).map(\.csv).joined()
    case .markdown:
      reproductions.map(\.markdown).joined(separator: "\n") + "\n" + (hasCells ? summary : "")
    }
  }

  /// Whether anything measured stands beside what is predicted.
  private var hasCells: Bool { reproductions.contains { !$0.cells.isEmpty } }

  /// One line for all tables.
  private var summary: String {
    let cells = reproductions.flatMap(\.cells).filter { $0.holds != nil }
    let held = cells.count { $0.holds == true }
    let known = cells.count { $0.holds == false && $0.knownMiss != nil }
    let surprises = reproductions.flatMap(\.surprises).count
    let tables = reproductions.count
    return
      "\n\(tables) table\(tables == 1 ? "" : "s"): \(held) of \(cells.count) held-out cells in "
      + "their bands, \(known) known to miss, \(surprises) unexpected\n"
  }

  private var csv: String {
    csvLine([
      "table", "row", "column", "unit", "measured", "low", "high", "error_percent", "role", "band",
      "holds", "known_miss", "status", "source",
    ])
      + reproductions.flatMap { reproduction in
        reproduction.cells.map { cell in
          csvLine([
            reproduction.table.name.rawValue, cell.measured.key.row, cell.measured.key.column,
            cell.measured.unit, String(cell.measured.value),
            cell.predicted.map { String($0.lowerBound) } ?? "",
            cell.predicted.map { String($0.upperBound) } ?? "",
            cell.error.map { String($0) } ?? "", cell.role.rawValue, cell.bandText,
            cell.holds.map { String($0) } ?? "", cell.knownMiss ?? "",
            cell.measured.status.rawValue, cell.measured.source,
          ])
        }
      }.joined()
  }
}

extension Reproduction {
  /// Results that are not as the file expects.
  var surprises: [String] {
    cells.filter { !$0.isAsExpected }.map { cell in
      "\(cell.measured.key.row), \(cell.measured.key.column): "
        + (cell.holds == true ? "holds, and the file says that it misses" : "misses its band")
    }
      + checks.filter { !$0.isAsExpected }.map { check in
        "\(check.claim.name): " + (check.holds ? "holds, and the file says not" : "does not hold")
      }
  }

  // MARK: For a terminal

  fileprivate func table(on terminal: Terminal) -> String {
    func prose(_ text: String) -> String { paragraph(text, indent: "", width: terminal.width) }
    var output = terminal.paint("\(table.name.rawValue)  \(table.title)", .heading) + "\n"
    output += prose("Source: \(table.source).") + prose(table.method)
    if !cells.isEmpty { output += "\n" + cellTable.render(on: terminal) }
    for (names, why) in knownMisses { output += prose("known miss: \(names): \(why)") }
    output += "\n" + calibrationTable.render(on: terminal)
    let assumed = table.parameters.filter { [.assumed, .range].contains($0.status) }
    if !assumed.isEmpty {
      output += prose(
        "Rests on: "
          + assumed.map { "\($0.name) \($0.numberText) (\($0.status.rawValue))" }
          .joined(separator: ", ") + ".")
    }
    output += "\n"
    for check in checks { output += line(of: check, terminal) }
    for study in studies { output += "\n" + study.render(on: terminal) }
    if !surprises.isEmpty {
      output += "\n" + terminal.paint("UNEXPECTED", .bad) + "\n"
      output += surprises.map { paragraph($0, indent: "  ", width: terminal.width) }.joined()
    }
    return output
  }

  private var cellTable: TextTable {
    var text = TextTable([
      (title: "row", alignment: .left), (title: "column", alignment: .left),
      (title: "unit", alignment: .left), (title: "measured", alignment: .right),
      (title: "predicted", alignment: .right), (title: "error", alignment: .right),
      (title: "band", alignment: .left), (title: "", alignment: .left),
    ])
    for cell in cells { text.add(cell.texts.map { TextTable.Cell($0, cell.tone(of: $0)) }) }
    return text
  }

  private var calibrationTable: TextTable {
    var text = TextTable([
      (title: "calibrated", alignment: .left), (title: "", alignment: .right),
      (title: "", alignment: .left), (title: "", alignment: .left),
    ])
    for number in calibrated {
      text.add([
        TextTable.Cell(number.name), TextTable.Cell(brief(number.value)),
        TextTable.Cell(number.unit), TextTable.Cell(number.meaning),
      ])
    }
    return text
  }

  private func line(of check: Check, _ terminal: Terminal) -> String {
    let word = check.holds ? "holds" : check.claim.isExpected ? "FAILS" : "fails (known)"
    let tone: Terminal.Tone = check.holds ? .good : check.claim.isExpected ? .bad : .warning
    var output = "\(terminal.paint(word, tone))  \(check.claim.name): \(check.found)\n"
    output += paragraph(check.claim.meaning, indent: "    ", width: terminal.width)
    if !check.claim.isExpected {
      output += paragraph("why not: \(check.claim.why)", indent: "    ", width: terminal.width)
    }
    return output
  }

  /// The cells that share a reason, in the order of the file.
  fileprivate var knownMisses: [(names: String, why: String)] {
    var groups: [(names: [String], why: String)] = []
    for cell in cells {
      guard cell.holds == false, let why = cell.knownMiss else { continue }
      let name = "\(cell.measured.key.row) / \(cell.measured.key.column)"
      if let place = groups.firstIndex(where: { $0.why == why }) {
        groups[place].names.append(name)
      } else {
        groups.append(([name], why))
      }
    }
    return groups.map { ($0.names.joined(separator: "; "), $0.why) }
  }

  // MARK: For documents

  fileprivate var markdown: String {
    var output = "## \(table.name.rawValue): \(table.title)\n\n\(table.source).\n\n"
    output += "\(table.method)\n\n"
    output += markdownLine([
      "row", "column", "unit", "measured", "predicted", "error", "band", "",
    ])
    output += "|---|---|---|--:|--:|--:|---|---|\n"
    for cell in cells { output += markdownLine(cell.texts) }
    output += "\n"
    for (names, why) in knownMisses { output += "- known miss: \(names): \(why)\n" }
    for number in calibrated {
      output +=
        "- calibrated: \(number.name) = \(brief(number.value)) \(number.unit): "
        + "\(number.meaning)\n"
    }
    for check in checks {
      output += "- \(check.holds ? "holds" : "fails"): \(check.claim.meaning) \(check.found)\n"
    }
    for study in studies { output += "\n\(study.markdown)" }
    return output
  }
}

extension Study {
  fileprivate func render(on terminal: Terminal) -> String {
    var text = TextTable(
      columns.enumerated().map { place, title in
        let isText = rows.allSatisfy { if case .text = $0[place] { true } else { false } }
        return (title: title, alignment: isText ? .left : .right)
      })
    for row in rows { text.add(row.map { TextTable.Cell($0.text) }) }
    return terminal.paint(title, .heading) + "\n" + text.render(on: terminal)
      + paragraph(note, indent: "", width: terminal.width)
  }

  /// For spreadsheets: an interval is two numbers.
  fileprivate var csv: String {
    csvLine(columns)
      + rows.map { csvLine($0.map { $0.text.replacing("..", with: " to ") }) }.joined()
  }

  fileprivate var markdown: String {
    "### \(title)\n\n" + markdownLine(columns)
      + "|" + columns.map { _ in "---|" }.joined() + "\n"
      + rows.map { markdownLine($0.map(\.text)) }.joined() + "\n\(note)\n"
  }
}
