package import Files
package import Scripts

/// Report on the cost of each way to switch domains to a firmware that goes on with DMA.
package struct SwitchReport: Sendable {
  private let outcomes: [SwitchOutcome]

  package init(_ outcomes: [SwitchOutcome]) { self.outcomes = outcomes }

  private static let titles = [
    "switch", "writes", "lost", "events", "afterwards", "first loss", "source",
  ]

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table.render(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: ([Self.titles] + outcomes.map(\.cells)).map(csvLine).joined()
    case .markdown:
      ([Self.titles, Self.titles.map { _ in "---" }] + outcomes.map(\.cells))
        .map(markdownLine).joined()
    }
  }

  private var table: TextTable {
    var table = TextTable([
      (title: "switch", alignment: .left), (title: "firmware's writes", alignment: .right),
      (title: "lost", alignment: .right), (title: "events", alignment: .left),
      (title: "afterwards", alignment: .left),
    ])
    for outcome in outcomes {
      table.add(
        [
          TextTable.Cell(outcome.subject.name), TextTable.Cell("\(outcome.accesses)"),
          TextTable.Cell("\(outcome.lost)", outcome.lost == 0 ? .good : .bad),
          TextTable.Cell(outcome.eventText),
          TextTable.Cell(outcome.end, outcome.recovers ? .good : .bad),
        ],
        note: (outcome.firstLoss.map { "first lost after \($0); " } ?? "") + outcome.subject.source)
    }
    return table
  }

  package var json: JSONValue {
    .array(
      outcomes.map { outcome in
        .object([
          .init("switch", .string(outcome.subject.name)),
          .init("writes", .integer(outcome.accesses)), .init("lost", .integer(outcome.lost)),
          .init("events", .array(outcome.events.map { .string($0) })),
          .init("recovers", .bool(outcome.recovers)),
          .init("firstLoss", .string(outcome.firstLoss)),
          .init("source", .string(outcome.subject.source)),
        ])
      })
  }
}

extension SwitchOutcome {
  fileprivate var end: String { recovers ? "arrives" : "cut off" }
  fileprivate var eventText: String { events.isEmpty ? "-" : events.joined(separator: " ") }

  fileprivate var cells: [String] {
    [
      subject.name, "\(accesses)", "\(lost)", events.joined(separator: " "), end,
      firstLoss ?? "", subject.source,
    ]
  }
}
