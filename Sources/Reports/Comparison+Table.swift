package import Designs
package import Linux
import Scenarios
import Software

extension Comparison {
  /// For people at a terminal: one row a design, its reason below.
  func table(on terminal: Terminal) -> String {
    var output = terminal.paint(scenario.name, .heading) + "\n"
    output += paragraph(scenario.purpose, indent: "", width: terminal.width)
    output += paragraph(scenario.conditionsText, indent: "", width: terminal.width) + "\n"
    var table = TextTable(
      ComparisonRow.brokenTitles.enumerated().map { ($1, $0 < 3 ? .left : .right) })
    for result in results { table.add(cells(result), note: note(on: result)) }
    if table.naturalWidth <= terminal.width {
      output += table.render(on: terminal)
    } else {
      output += results.map { block($0, terminal) }.joined(separator: "\n")
    }
    let digests = results.filter { $0.digest != nil }
    if !digests.isEmpty { output += "\n" }
    for result in digests { output += "\(result.digest ?? "")  \(result.design.name)\n" }
    if let assumption {
      output += "\n" + paragraph(assumption, indent: "", width: terminal.width)
    }
    return output
  }

  /// Returns the unreleased interfaces that a design's run rests on.
  package func missingInterfaces(of result: RunResult) -> [ReleaseSwitch] {
    scenario.missingInterfaces(of: result.design.name)
  }

  /// The design's name, with a star where its run rests on what nothing released has.
  package func label(of result: RunResult) -> String {
    result.design.name + (missingInterfaces(of: result).isEmpty ? "" : "*")
  }

  /// Returns the meaning of a design's star: the unreleased interfaces that it rests on.
  package func reservation(about result: RunResult) -> String? {
    missingInterfaces(of: result).reservation
  }

  /// The reason, and on a line of its own what the star means.
  private func note(on result: RunResult) -> String {
    [result.explanation, reservation(about: result)].compactMap(\.self).joined(separator: "\n")
  }

  private func cells(_ result: RunResult) -> [TextTable.Cell] {
    ComparisonRow(result).texts.enumerated().map { column, text in
      switch column {
      case 0: TextTable.Cell(label(of: result))
      case 1: TextTable.Cell(text, result.setup == .enabled ? nil : .warning)
      case 2: TextTable.Cell(text, result.verdict.tone)
      default: TextTable.Cell(text)
      }
    }
  }

  /// A design's row on a terminal that is too narrow for it: one line a column.
  private func block(_ result: RunResult, _ terminal: Terminal) -> String {
    let titles = ComparisonRow.titles
    let width = titles.map(\.count).max() ?? 0
    var output = terminal.paint(label(of: result), .heading) + "\n"
    for (title, cell) in zip(titles, cells(result)).dropFirst() {
      let padding = String(repeating: " ", count: width - title.count)
      output += "  \(title)\(padding)  "
      output += cell.lines.map { terminal.paint($0, cell.tone) }.joined(separator: " ") + "\n"
    }
    return output + paragraphs(note(on: result), indent: "  ", width: terminal.width)
  }
}

extension RunResult {
  /// Reason for the verdict, with the refusal's message.
  package var explanation: String {
    guard let refusal, !why.contains(refusal.message) else { return why }
    return "\(why) \(refusal.function): \"\(refusal.message)\""
  }
}

extension [ReleaseSwitch] {
  /// Meaning of a star: the unreleased interfaces that a run rests on; `nil` for none.
  package var reservation: String? {
    guard !isEmpty else { return nil }
    let names = map { "\($0.rawValue) (\($0.record.state))" }.joined(separator: ", ")
    return "* It rests on what no released kernel or VMM has: \(names)."
  }
}
