public import Attacks
import Bits
package import Designs
package import Files
import Guest
import Linux
import Scenarios
import Simulation

/// The results of attacks on designs.
package struct IsolationReport: Sendable {
  private let findings: [IsolationFinding]
  /// Whether a table shows what was counted, and the way of the access that shows each finding.
  private let withJourneys: Bool

  /// - Parameter findings: design by design, and usage by usage, each with the same attacks in the
  ///   same order.
  package init(_ findings: [IsolationFinding], withJourneys: Bool = false) {
    self.findings = findings
    self.withJourneys = withJourneys
  }

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: JSONValue.array(findings.map(\.json)).indentedText + "\n"
    case .csv:
      ([titles] + findings.map(\.cells)).map(csvLine).joined()
    case .markdown: markdown
    }
  }

  private var titles: [String] {
    ["design", "usage"]
      + (findings.first?.values.map { $0.axis.replacing("-", with: "_") } ?? [])
      + ["attack", "actor", "outcome", "victim", "detail", "measures", "missing_interfaces"]
  }

  /// Subjects of the attacks: designs, or designs under values where something varies.
  private var subjects: [String] { findings.map(subject).uniqued }

  private func subject(_ finding: IsolationFinding) -> String {
    let values = finding.values.map(\.value).joined(separator: ", ")
    let design = finding.design + (finding.missingInterfaces.isEmpty ? "" : "*")
    return values.isEmpty ? design : "\(design) under \(values)"
  }

  private var attacks: [Attack] {
    var seen: [Attack] = []
    for finding in findings where !seen.contains(finding.attack) { seen.append(finding.attack) }
    return seen
  }

  private func finding(_ attack: Attack, _ subject: String) -> IsolationFinding? {
    findings.first { $0.attack == attack && self.subject($0) == subject }
  }

  // MARK: For people at a terminal

  private func table(on terminal: Terminal) -> String {
    let isNumbered = subjects.count > 1
    let parts = attacks.enumerated().map { number, attack in
      section(attack, title: (isNumbered ? "\(number + 1). " : "") + attack.name, on: terminal)
    }
    return (subjects.count > 1 ? matrix(on: terminal) + "\n" : "") + parts.joined(separator: "\n")
      + reservations.map { "\n" + paragraph($0, indent: "", width: terminal.width) }.joined()
  }

  /// Meanings of the star: each unreleased interface that a subject rests on.
  private var reservations: [String] {
    findings.flatMap(\.missingInterfaces).uniqued.map { "* \($0.sentence)" }
  }

  /// A row for each subject, a column for each attack by its number; subjects that all attacks treat
  /// alike share a row.
  private func matrix(on terminal: Terminal) -> String {
    var table = TextTable(
      [(title: "design", alignment: .left)]
        + attacks.indices.map { (title: String($0 + 1), alignment: .right) })
    var rows: [(outcomes: [IsolationFinding.Outcome?], subjects: [String])] = []
    for subject in subjects {
      let outcomes = attacks.map { finding($0, subject)?.outcome }
      if let known = rows.firstIndex(where: { $0.outcomes == outcomes }) {
        rows[known].subjects.append(subject)
      } else {
        rows.append((outcomes, [subject]))
      }
    }
    for row in rows {
      table.add(
        [TextTable.Cell(row.subjects[0])]
          + row.outcomes.map { TextTable.Cell($0?.symbol ?? "", $0?.tone) },
        note: row.subjects.count == 1
          ? "" : "alike: \(row.subjects.dropFirst().joined(separator: ", "))")
    }
    let legend = IsolationFinding.Outcome.allCases.map { "\($0.symbol) \($0.rawValue)" }
    return table.render(on: terminal) + "\n"
      + paragraph(
        "Columns are the attacks below, by their numbers. \(legend.joined(separator: ", ")).",
        indent: "", width: terminal.width)
  }

  /// Returns the section on one attack: its description, and its results, design by design where
  /// they differ.
  private func section(_ attack: Attack, title: String, on terminal: Terminal) -> String {
    var output = terminal.paint(title, .heading) + "\n"
    output += "  by: the \(attack.actor.rawValue)\n"
    output += paragraph(attack.action, indent: "  ", width: terminal.width)
    output += paragraph(
      "A breach: \(attack.breach) (\(attack.source)).", indent: "  ", width: terminal.width)
    for group in groups(of: attack) {
      let first = group[0]
      let victim = first.victim.map { " (\($0.rawValue))" } ?? ""
      let word = first.outcome.rawValue + victim
      let names = paragraph(
        "\(word): \(group.map(subject).joined(separator: ", "))", indent: "  ",
        width: terminal.width)
      output += "  " + terminal.paint(word, first.outcome.tone) + names.dropFirst(2 + word.count)
      output += paragraph(first.detail, indent: "    ", width: terminal.width)
      if withJourneys { output += evidence(of: first, on: terminal) }
    }
    return output
  }

  /// The findings of one attack, equal ones together.
  private func groups(of attack: Attack) -> [[IsolationFinding]] {
    var groups: [[IsolationFinding]] = []
    for finding in findings where finding.attack == attack {
      let index = groups.firstIndex {
        $0[0].outcome == finding.outcome && $0[0].victim == finding.victim
          && $0[0].detail == finding.detail
      }
      if let index { groups[index].append(finding) } else { groups.append([finding]) }
    }
    return groups
  }

  private func evidence(of finding: IsolationFinding, on terminal: Terminal) -> String {
    var output = finding.measures.map { "    \($0.name): \($0.value)\n" }.joined()
    guard let start = finding.stations.first?.time else { return output }
    var table = TextTable([
      (title: "    time ns", alignment: .right), (title: "station", alignment: .left),
      (title: "address", alignment: .right), (title: "meaning", alignment: .left),
    ])
    for station in finding.stations {
      table.add([
        TextTable.Cell(nanoseconds(station.time - start)), TextTable.Cell(station.name),
        TextTable.Cell(station.address.map { hex($0) } ?? ""), TextTable.Cell(station.meaning),
      ])
    }
    output += table.render(on: terminal)
    return output
  }

  // MARK: For documents

  private var markdown: String {
    var output = markdownLine(["attack"] + subjects)
    output += markdownLine((0...subjects.count).map { _ in "---" })
    for attack in attacks {
      output += markdownLine(
        [attack.name] + subjects.map { finding(attack, $0)?.outcome.rawValue ?? "" })
    }
    output += "\n"
    for finding in findings where finding.outcome == .breach || finding.outcome == .noise {
      output +=
        "- `\(subject(finding))`, `\(finding.attack.name)`: \(finding.outcome.rawValue) "
        + "(\(finding.victim?.rawValue ?? "none")): \(finding.detail)\n"
    }
    for line in reservations { output += "\n\\\(line)\n" }
    return output
  }
}

extension IsolationFinding {
  var cells: [String] {
    [
      design, usage.rawValue,
    ] + values.map(\.value) + [
      attack.name, attack.actor.rawValue, outcome.rawValue,
      victim?.rawValue ?? "", detail,
      measures.map { "\($0.name): \($0.value)" }.joined(separator: "; "),
      missingInterfaces.map(\.rawValue).joined(separator: "; "),
    ]
  }

  /// For programs. Times are nanoseconds since the start of the run.
  package var json: JSONValue {
    [
      "design": .string(design),
      "usage": .string(usage.rawValue),
      "values": .object(values.map { .init($0.axis, .string($0.value)) }),
      "attack": .string(attack.name),
      "actor": .string(attack.actor.rawValue),
      "action": .string(attack.action),
      "breachIf": .string(attack.breach),
      "source": .string(attack.source),
      "outcome": .string(outcome.rawValue),
      "victim": .string(victim?.rawValue),
      "detail": .string(detail),
      "measures": .object(measures.map { .init($0.name.memberName, .integer($0.value)) }),
      "stations": .array(stations.map(\.json)),
      "missingInterfaces": .interfaces(missingInterfaces),
    ]
  }
}

extension IsolationFinding.Outcome {
  /// One character for a matrix.
  var symbol: String {
    switch self {
    case .contained: "."
    case .noise: "n"
    case .breach: "B"
    case .notApplicable: "-"
    case .unknown: "?"
    }
  }

  var tone: Terminal.Tone? {
    switch self {
    case .contained: .good
    case .noise, .unknown: .warning
    case .breach: .bad
    case .notApplicable: .quiet
    }
  }
}

extension Array where Element: Hashable {
  /// The elements in order, each once.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
