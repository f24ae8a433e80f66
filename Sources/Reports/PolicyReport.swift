internal import Flows
public import IOMMU
public import JSON

/// What each attach policy makes of each device whose firmware wants regions one to one.
public struct PolicyReport: Sendable {
  let outcomes: [AttachOutcome]

  public init(_ outcomes: [AttachOutcome]) { self.outcomes = outcomes }

  public func text(
    as format: ReportFormat, withChains: Bool = false, on terminal: Terminal = Terminal()
  ) -> String {
    switch format {
    case .table: table(withChains, terminal)
    case .json: json.indentedText + "\n"
    case .csv:
      ([Self.titles] + outcomes.map(\.cells)).map { $0.map(\.csvField).joined(separator: ",") }
        .joined(separator: "\r\n") + "\r\n"
    case .markdown:
      ([Self.titles, Self.titles.map { _ in "---" }] + outcomes.map(\.cells))
        .map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
  }

  static let titles = ["device", "policy", "outcome", "by", "errno", "firmware DMA", "message"]

  private func table(_ withChains: Bool, _ terminal: Terminal) -> String {
    var output = ""
    var subject: String?
    var table = TextTable([])
    for outcome in outcomes {
      if outcome.subject.name != subject {
        output += table.isEmpty ? "" : table.render(on: terminal) + "\n"
        subject = outcome.subject.name
        table = TextTable([
          (title: outcome.subject.name, alignment: .left), (title: "outcome", alignment: .left),
          (title: "firmware DMA", alignment: .left), (title: "by", alignment: .left),
        ])
      }
      let result = outcome.refusal.map { "refused: \($0.errno)" } ?? "attached"
      table.add(
        [
          TextTable.Cell(outcome.policy.rawValue),
          TextTable.Cell(result, outcome.refusal == nil ? .good : .bad),
          TextTable.Cell(outcome.firmware, outcome.firmwareSurvives ? .good : .bad),
          TextTable.Cell(outcome.refusal?.function ?? "-"),
        ], note: withChains ? outcome.chain.joined(separator: "; ") : "")
    }
    return output + (table.isEmpty ? "" : table.render(on: terminal))
  }

  public var json: JSONValue {
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
  /// What became of the firmware's DMA.
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

extension String {
  /// The text as a field of CSV (RFC 4180).
  fileprivate var csvField: String {
    contains { $0 == "," || $0 == "\"" || $0 == "\n" }
      ? "\"" + replacing("\"", with: "\"\"") + "\"" : self
  }
}
