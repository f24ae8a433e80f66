import Designs
package import Files
package import Scenarios
import Simulation
import Timing

/// The report of which unmeasured costs move a load's results, and how far.
package struct LoadSensitivityReport: Sendable {
  let scenario: Scenario
  let designs: [LoadSensitivity]

  package init(_ scenario: Scenario, _ designs: [LoadSensitivity]) {
    self.scenario = scenario
    self.designs = designs
  }

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: Self.header(csvLine) + lines(csvLine)
    case .markdown:
      Self.header(markdownLine) + markdownLine(Self.columns.map { _ in "---" })
        + lines(markdownLine)
    }
  }

  private static let columns = [
    "design", "cost", "status", "low ns", "high ns", "p50 ns at low", "p50 ns at high",
    "events/s at low", "events/s at high",
  ]

  private static func header(_ line: ([String]) -> String) -> String { line(columns) }

  private func lines(_ line: ([String]) -> String) -> String {
    designs.map { design in
      design.rows.map { row in
        line([
          design.design.name, row.item.name, row.status.rawValue, number(row.low),
          number(row.high), String(row.atLow.p50), String(row.atHigh.p50),
          String(row.atLow.throughput), String(row.atHigh.throughput),
        ])
      }.joined()
    }.joined()
  }

  private func number(_ time: SimulatedTime) -> String {
    String(Double(time.picoseconds) / 1000)
  }

  private func table(on terminal: Terminal) -> String {
    var output = terminal.paint(scenario.name, .heading) + "\n"
    output += paragraph(
      "Each cost that was not measured, at both its ends, all others in the middle of what they "
        + "may be: a range has its own ends, an assumed number half and twice of it. The cost that "
        + "moves the median most comes first; costs that move nothing are left out.",
      indent: "", width: terminal.width)
    for group in groups {
      output += "\n" + table(group[0], group.map(\.design.name), on: terminal)
    }
    return output
  }

  /// Designs whose numbers are the same stand once.
  private var groups: [[LoadSensitivity]] {
    designs.reduce(into: []) { groups, design in
      let place = groups.firstIndex { known in
        known[0].base == design.base
          && known[0].rows.map(\.atLow) == design.rows.map(\.atLow)
          && known[0].rows.map(\.atHigh) == design.rows.map(\.atHigh)
      }
      if let place { groups[place].append(design) } else { groups.append([design]) }
    }
  }

  private func table(
    _ design: LoadSensitivity, _ names: [String], on terminal: Terminal
  ) -> String {
    let title = names.joined(separator: ", ")
    guard let base = design.base else {
      return paragraph("\(title): no MSI arrives.", indent: "", width: terminal.width)
    }
    var table = TextTable([
      (title: "cost", alignment: .left), (title: "status", alignment: .left),
      (title: "ns", alignment: .right), (title: "p50\nns", alignment: .right),
      (title: "events\nk/s", alignment: .right), (title: "", alignment: .left),
    ])
    let rows = design.rows.filter { $0.atLow != $0.atHigh }
    let most = max(rows.map(\.swing).max() ?? 0, 1)
    for row in rows {
      let bar = String(repeating: "#", count: Int((30 * row.swing / most).rounded()))
      table.add(
        [
          row.item.name, row.status.rawValue,
          "\(brief(Double(row.low.nanoseconds)))..\(brief(Double(row.high.nanoseconds)))",
          interval(row.atLow.p50, row.atHigh.p50),
          interval(row.atLow.throughput / 1000, row.atHigh.throughput / 1000), bar,
        ].map { TextTable.Cell($0) })
    }
    return paragraph(
      "\(title): p50 \(brief(base.p50)) ns, \(brief(base.throughput / 1000)) k events/s",
      indent: "", width: terminal.width) + table.render(on: terminal)
  }

  private func interval(_ one: Double, _ other: Double) -> String {
    "\(brief(min(one, other)))..\(brief(max(one, other)))"
  }

  /// For programs.
  package var json: JSONValue {
    .array(
      designs.map { design in
        [
          "design": .string(design.design.name),
          "p50": .number(design.base?.p50 ?? 0),
          "throughput": .number(design.base?.throughput ?? 0),
          "costs": .array(design.rows.map(json)),
        ]
      })
  }

  private func json(_ row: LoadSensitivity.Row) -> JSONValue {
    [
      "cost": .string(row.item.name), "status": .string(row.status.rawValue),
      "lowNanoseconds": .number(Double(row.low.picoseconds) / 1000),
      "highNanoseconds": .number(Double(row.high.picoseconds) / 1000),
      "p50": ["low": .number(row.atLow.p50), "high": .number(row.atHigh.p50)],
      "throughput": [
        "low": .number(row.atLow.throughput), "high": .number(row.atHigh.throughput),
      ],
    ]
  }
}
