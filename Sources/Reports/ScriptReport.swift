package import Files
import Scenarios
package import Scripts

/// Report on a script, step by step.
package struct ScriptReport {
  let result: ScriptResult

  package init(_ result: ScriptResult) { self.result = result }

  /// Each step with its outcome, what led to it, and what was expected instead where that differs.
  package func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(result.script.purpose, .heading) + "\n"
    output += paragraph(
      "\(result.script.bench.title) Source: \(result.script.source)", indent: "",
      width: terminal.width)
    for (index, step) in result.steps.enumerated() {
      output += "\n\(index + 1)  \(terminal.paint(step.step.action, .heading))"
      output += " \(step.step.arguments.plainText)\n"
      if !step.step.note.isEmpty {
        output += paragraph(step.step.note, indent: "   ", width: terminal.width)
      }
      for line in step.outcome.chain {
        output += paragraph("· \(line)", indent: "   ", width: terminal.width)
      }
      output += self.outcome(step, terminal)
    }
    return output
  }

  private func outcome(_ step: ScriptResult.Step, _ terminal: Terminal) -> String {
    var output = ""
    if case .object(let members) = step.outcome.record, !members.isEmpty {
      let text = members.map { "\($0.name) \($0.value.plainText)" }.joined(separator: ", ")
      output += paragraph("= \(text)", indent: "   ", width: terminal.width)
    }
    for check in step.checks where !check.holds {
      output += terminal.paint("   expected", .bad)
      output += " \(check.field) \(check.expected), found \(check.found)\n"
    }
    return output
  }

  package var purpose: String { result.script.purpose }

  /// A section for each step.
  package var sections: [ReportSection] {
    let bench = ReportSection(
      "Bench", [.paragraph(result.script.bench.title), .note("Source: \(result.script.source)")])
    return [bench]
      + result.steps.enumerated().map { index, step in
        ReportSection("\(index + 1). \(step.step.action)", blocks(step))
      }
  }

  private func blocks(_ step: ScriptResult.Step) -> [ReportSection.Block] {
    var blocks: [ReportSection.Block] = []
    let arguments = step.step.arguments.plainText
    if !arguments.isEmpty { blocks.append(.paragraph(arguments)) }
    if !step.step.note.isEmpty { blocks.append(.note(step.step.note)) }
    if !step.outcome.chain.isEmpty { blocks.append(.list(step.outcome.chain)) }
    if case .object(let members) = step.outcome.record {
      blocks.add(
        "What came of it", columns: ["field", "value"],
        rows: members.map { [$0.name, $0.value.plainText] })
    }
    blocks += step.checks.filter { !$0.holds }.map {
      .verdict("expected", .bad, "\($0.field) \($0.expected), found \($0.found)")
    }
    return blocks
  }

  package var json: JSONValue {
    .object([
      .init("purpose", .string(result.script.purpose)),
      .init("source", .string(result.script.source)),
      .init("rows", .array(result.script.rows.map { .string($0) })),
      .init(
        "steps",
        .array(
          result.steps.map { step in
            .object([
              .init("action", .string(step.step.action)),
              .init("note", .string(step.step.note)), .init("outcome", step.outcome.record),
              .init("chain", .array(step.outcome.chain.map { .string($0) })),
              .init("holds", .bool(step.checks.allSatisfy(\.holds))),
            ])
          })),
    ])
  }
}
