package import Files
package import IOMMU
internal import Software

/// Report on the outcome of each attach policy for each device whose firmware asks for regions one
/// to one.
package struct PolicyReport: Sendable {
  let outcomes: [AttachOutcome]

  package init(_ outcomes: [AttachOutcome]) { self.outcomes = outcomes }

  package func text(
    as format: ReportFormat, withChains: Bool = false, on terminal: Terminal = Terminal()
  ) -> String {
    switch format {
    case .table: table(withChains, terminal)
    case .json: json.indentedText + "\n"
    case .csv: ([Self.titles] + outcomes.map(\.cells)).map(csvLine).joined()
    case .markdown:
      ([Self.titles, Self.titles.map { _ in "---" }] + outcomes.map(\.cells))
        .map(markdownLine).joined()
    }
  }

  static let titles = ["device", "policy", "outcome", "by", "errno", "firmware DMA", "message"]

  /// A table for each device, in the order of the outcomes.
  private func table(_ withChains: Bool, _ terminal: Terminal) -> String {
    var subjects: [String] = []
    for outcome in outcomes where subjects.last != outcome.subject.name {
      subjects.append(outcome.subject.name)
    }
    return subjects.map { subject in
      grid(subject, outcomes.filter { $0.subject.name == subject }, withChains)
        .render(on: terminal)
    }.joined(separator: "\n")
  }

  private func grid(
    _ subject: String, _ outcomes: [AttachOutcome], _ withChains: Bool
  ) -> TextTable {
    var table = TextTable([
      (title: subject, alignment: .left), (title: "outcome", alignment: .left),
      (title: "firmware DMA", alignment: .left), (title: "by", alignment: .left),
    ])
    for outcome in outcomes {
      let result = outcome.refusal.map { "refused: \($0.errno)" } ?? "attached"
      table.add(
        [
          TextTable.Cell(outcome.policy.rawValue),
          TextTable.Cell(result, outcome.refusal == nil ? .good : .bad),
          TextTable.Cell(outcome.firmware, outcome.firmwareSurvives ? .good : .bad),
          TextTable.Cell(outcome.refusal?.function ?? "-"),
        ], note: withChains ? outcome.chain.joined(separator: "; ") : "")
    }
    return table
  }

  package var json: JSONValue {
    .array(
      outcomes.map { outcome in
        .object([
          .init("device", .string(outcome.subject.name)),
          .init("policy", .string(outcome.policy.rawValue)),
          .init("attached", .bool(outcome.refusal == nil)),
          .init("by", .string(outcome.refusal?.function)),
          .init("errno", .string(outcome.refusal?.errno)),
          .init("message", .string(outcome.refusal?.message)),
          .init("firmwareSurvives", .bool(outcome.firmwareSurvives)),
          .init("firmwareRecovers", .bool(outcome.firmwareRecovers)),
          .init("chain", .array(outcome.chain.map { .string($0) })),
        ])
      })
  }
}

extension AttachOutcome {
  /// Fate of the firmware's DMA, in a word or two.
  var firmware: String {
    firmwareSurvives ? "survives" : firmwareRecovers ? "interrupted" : "cut off"
  }

  var cells: [String] {
    [
      subject.name, policy.rawValue, refusal == nil ? "attached" : "refused",
      refusal?.function ?? "", refusal?.errno ?? "", firmware, refusal?.message ?? "",
    ]
  }
}
