package import Designs
import Files
import Simulation
package import Software

extension RunResult.PerformedStep {
  var json: JSONValue {
    [
      "time": .number(Double(time.picoseconds) / 1000),
      "agent": .string(agent.rawValue),
      "function": .string(function),
      "text": .string(text),
      "belief": belief?.json ?? .null,
    ]
  }
}

extension DoorbellBelief {
  fileprivate var json: JSONValue {
    [
      "holder": .string(holder), "address": .string(address.description),
      "leadsTo": .string(target?.description), "use": .string(use?.rawValue),
    ]
  }
}

/// Each party's address of the doorbell when the MSI leaves.
package struct Beliefs {
  package struct Row {
    package let agent: Agent
    package let belief: DoorbellBelief
    /// The step that told it last, from 1.
    package let step: Int
  }

  package let rows: [Row]

  /// The last belief of each holder, in the order of the first.
  package init(_ steps: ArraySlice<RunResult.PerformedStep>) {
    var rows: [Row] = []
    for (index, step) in zip(steps.indices, steps) {
      guard let belief = step.belief else { continue }
      let row = Row(agent: step.agent, belief: belief, step: index + 1)
      if let known = rows.firstIndex(where: {
        $0.agent == step.agent && $0.belief.holder == belief.holder
      }) {
        rows[known] = row
      } else {
        rows.append(row)
      }
    }
    self.rows = rows
  }

  func text(_ result: RunResult, on terminal: Terminal) -> String {
    guard !rows.isEmpty else { return "" }
    var table = TextTable([
      ("agent", .left), ("piece", .left), ("address of the doorbell", .left), ("step", .right),
    ])
    for row in rows {
      let target = row.belief.target.map { " -> \($0)" } ?? ""
      let use = row.belief.use.map { ", \($0.rawValue)" } ?? ""
      table.add([
        TextTable.Cell(row.agent.title), TextTable.Cell(row.belief.holder),
        TextTable.Cell("\(row.belief.address)\(target)\(use)"), TextTable.Cell(String(row.step)),
      ])
    }
    if let message = result.message {
      table.add([
        TextTable.Cell(Agent.device.title), "MSI-X entry 0",
        TextTable.Cell(DoorbellBelief.Place.iova(message.address).description), "",
      ])
    }
    return table.render(on: terminal)
  }

  var json: JSONValue {
    .array(
      rows.map {
        [
          "agent": .string($0.agent.rawValue), "step": .integer($0.step),
          "belief": $0.belief.json,
        ]
      })
  }
}
