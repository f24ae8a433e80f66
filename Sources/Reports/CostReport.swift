package import Files
import Scenarios
import Simulation
package import Timing

extension CostModel {
  /// The model for programs: each number with its ends, status and source.
  package var json: JSONValue {
    [
      "name": .string(name),
      "platform": .string(platform),
      "costs": .array(
        Item.allCases.compactMap { item in costs[item].map { $0.json(item) } }),
    ]
  }

  /// Number of costs by status, such as `4 measured, 2 assumed`.
  package var statusCounts: String {
    Status.allCases.compactMap { status in
      let count = items(status).count
      return count == 0 ? nil : "\(count) \(status.rawValue)"
    }.joined(separator: ", ")
  }
}

extension CostModel.Cost {
  fileprivate func json(_ item: CostModel.Item) -> JSONValue {
    [
      "item": .string(item.name),
      "meaning": .string(item.meaning),
      "low": .number(Double(time.picoseconds) / 1000),
      "high": .number(Double(high.picoseconds) / 1000),
      "unit": "ns",
      "status": .string(status.rawValue),
      "platform": .string(platform),
      "source": .string(source),
    ]
  }
}

/// Report of `doorbell costs check`: each model, its statuses, and its implausible values.
package struct CostCheckReport: Sendable {
  package let models: [CostModel]

  package init(_ models: [CostModel]) { self.models = models }

  /// Whether no model has a finding.
  package var isClean: Bool { models.allSatisfy(\.findings.isEmpty) }

  package func text(on terminal: Terminal = Terminal()) -> String {
    models.map { model in
      let findings = model.findings
      let word = findings.isEmpty ? terminal.paint("ok", .good) : terminal.paint("FAIL", .bad)
      return "\(word)  \(model.name): \(model.statusCounts)\n"
        + findings.map { paragraph($0, indent: "    ", width: terminal.width) }.joined()
    }.joined()
  }

  package var json: JSONValue {
    .array(
      models.map {
        [
          "name": .string($0.name), "statuses": .string($0.statusCounts),
          "findings": .array($0.findings.map(JSONValue.string)),
        ]
      })
  }
}
