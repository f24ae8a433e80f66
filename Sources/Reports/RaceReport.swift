import Designs
import Files
import Linux
package import Scenarios
import Simulation
import Software

/// Report on the verdicts for an MSI in each gap between two steps of software.
package struct RaceReport: Sendable {
  private let studies: [RaceStudy]

  package init(_ studies: [RaceStudy]) { self.studies = studies }

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: studies.map { table(of: $0, on: terminal) }.joined(separator: "\n")
    case .json: JSONValue.array(studies.map(\.json)).indentedText + "\n"
    case .csv:
      ([["design", "vector", "steps", "after", "outcome", "reason", "missing_interfaces"]]
        + studies.flatMap(cells))
        .map(csvLine).joined()
    case .markdown: studies.map(markdown).joined(separator: "\n")
    }
  }

  private static let titles = ["after step", "what software had just done", "the MSI", "why"]

  private func table(of study: RaceStudy, on terminal: Terminal) -> String {
    var output = terminal.paint(study.label, .heading) + "\n"
    output += paragraph(study.summary, indent: "", width: terminal.width)
    if let reservation = study.missingInterfaces.reservation {
      output += paragraph(reservation, indent: "", width: terminal.width)
    }
    output += "\n"
    var table = TextTable([
      (title: Self.titles[0], alignment: .right), (title: Self.titles[2], alignment: .left),
      (title: Self.titles[1], alignment: .left),
    ])
    for stretch in study.stretches {
      guard let first = stretch.first, let last = stretch.last else { continue }
      table.add(
        [
          TextTable.Cell(Self.numbers(first, last)),
          TextTable.Cell(first.outcome.text, first.outcome.tone),
          TextTable.Cell(study.step(before: first)),
        ], note: first.reason)
    }
    return output + table.render(on: terminal)
  }

  private func markdown(of study: RaceStudy) -> String {
    var output = "**\(study.design)**: \(study.summary)\n\n"
    if let reservation = study.missingInterfaces.reservation { output += "\\\(reservation)\n\n" }
    output += markdownLine(Self.titles)
    output += markdownLine(Self.titles.map { _ in "---" })
    for stretch in study.stretches {
      guard let first = stretch.first, let last = stretch.last else { continue }
      output += markdownLine([
        Self.numbers(first, last), study.step(before: first), first.outcome.text, first.reason,
      ])
    }
    return output
  }

  private func cells(of study: RaceStudy) -> [[String]] {
    study.gaps.map {
      [
        study.design, String(study.vector), String($0.steps), study.step(before: $0),
        $0.outcome.text, $0.reason,
        study.missingInterfaces.map(\.rawValue).joined(separator: "; "),
      ]
    }
  }

  private static func numbers(_ first: RaceStudy.Gap, _ last: RaceStudy.Gap) -> String {
    first.steps == last.steps ? String(first.steps) : "\(first.steps)-\(last.steps)"
  }
}

extension RaceStudy {
  /// Number of gaps, in all and by the outcome of an MSI in them.
  fileprivate var summary: String {
    var counts: [(outcome: Outcome, count: Int)] = []
    for gap in gaps {
      if let index = counts.firstIndex(where: { $0.outcome == gap.outcome }) {
        counts[index].count += 1
      } else {
        counts.append((gap.outcome, 1))
      }
    }
    return "one more MSI of vector \(vector) in each of \(gaps.count) gaps: "
      + counts.map { "\($0.count) \($0.outcome.text)" }.joined(separator: ", ") + "."
  }

  /// The design's name, with a star where its runs rest on what nothing released has.
  fileprivate var label: String { design + (missingInterfaces.isEmpty ? "" : "*") }

  /// The step that was carried out last.
  fileprivate func step(before gap: Gap) -> String {
    guard gap.steps > 0, gap.steps <= steps.count else { return "nothing" }
    let step = steps[gap.steps - 1]
    return "\(step.agent.title): \(step.function): \(step.text)"
  }

  /// For programs. `after` counts the steps that had been carried out, and says what the last was.
  fileprivate var json: JSONValue {
    [
      "design": .string(design),
      "vector": .integer(vector),
      "gaps": .array(
        gaps.map {
          [
            "steps": .integer($0.steps), "after": .string(step(before: $0)),
            "outcome": .string($0.outcome.text), "reason": .string($0.reason),
          ]
        }),
      "missingInterfaces": .interfaces(missingInterfaces),
    ]
  }
}

extension RaceStudy.Outcome {
  fileprivate var tone: Terminal.Tone? {
    switch self {
    case .notSent: .quiet
    case .ended(let verdict): verdict.tone
    }
  }
}
