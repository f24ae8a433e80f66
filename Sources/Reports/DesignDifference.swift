import Bits
import Designs
package import Files
package import Scenarios
import Simulation
import Software

/// Two designs' set-ups and journeys of one MSI, side by side.
package struct DesignDifference: Sendable {
  private let scenario: Scenario
  private let left: RunResult
  private let right: RunResult

  /// - Returns: `nil` for a comparison of other than two results.
  package init?(_ comparison: Comparison) {
    guard comparison.results.count == 2 else { return nil }
    scenario = comparison.scenario
    left = comparison.results[0]
    right = comparison.results[1]
  }

  private var setup: Alignment<RunResult.PerformedStep> {
    Alignment(
      Array(left.setupSteps), Array(right.setupSteps),
      key: { "\($0.agent.rawValue) \($0.function)" },
      isSame: {
        // Positions of queues differ after every earlier difference, and say nothing more.
        $0.payload == .queuePointer && $1.payload == .queuePointer
          || $0.text == $1.text && $0.belief == $1.belief
      })
  }

  private var journey: Alignment<Journey.Stop> {
    Alignment(
      left.journey?.stations ?? [], right.journey?.stations ?? [], key: \.name,
      isSame: { $0.address == $1.address && $0.words == $1.words && $0.meaning == $1.meaning })
  }

  // MARK: For people

  /// For people at a terminal: two columns, what both have in common left out but for a line of it
  /// before each difference.
  package func text(on terminal: Terminal = Terminal()) -> String {
    let columns = SideBySide(on: terminal)
    var output =
      terminal.paint("\(scenario.name), \(left.design.name) and \(right.design.name)", .heading)
      + "\n"
    output += paragraph(scenario.conditionsText, indent: "", width: terminal.width) + "\n"
    output += columns.row(left.design.name, " ", right.design.name)
    output += columns.across("set-up")
    output += rows(setup, columns, "step", stepText)
    output += columns.across("journey of the MSI")
    output += rows(journey, columns, "station", stationText)
    output += columns.across("outcome")
    return output + columns.row(outcome(left), left.why == right.why ? " " : "|", outcome(right))
  }

  private func stepText(_ number: Int, _ step: RunResult.PerformedStep) -> String {
    "\(number + 1) \(step.agent.title): \(step.function): \(step.text)"
      + (step.belief.map { "\n=> \($0)" } ?? "")
  }

  private func stationText(_ number: Int, _ station: Journey.Stop) -> String {
    let place = station.address.map { " \(hex($0))" } ?? ""
    let words = station.words.map { hex($0) }.joined(separator: " ")
    return "\(station.name)\(place): \(station.meaning)" + (words.isEmpty ? "" : " [\(words)]")
  }

  private func outcome(_ result: RunResult) -> String {
    let verdict = result.journey?.verdict ?? result.verdict
    return "\(verdict.rawValue): \(result.journey?.reason ?? result.explanation)"
  }

  private func rows<Element>(
    _ alignment: Alignment<Element>, _ columns: SideBySide, _ noun: String,
    _ text: (Int, Element) -> String
  ) -> String {
    guard !alignment.rows.isEmpty else { return "neither has any\n" }
    guard let first = alignment.firstDifference else {
      return "all \(alignment.rows.count) \(noun)s are alike\n"
    }
    var output = ""
    var alike = 0
    for (number, row) in alignment.rows.enumerated() {
      let isNext = number + 1 < alignment.rows.count && !alignment.rows[number + 1].isSame
      guard !row.isSame || isNext else {
        alike += 1
        continue
      }
      if alike > 0 { output += "   (\(alike) alike)\n" }
      alike = 0
      if number == first { output += columns.across("the first \(noun) that differs") }
      output += columns.row(
        row.left.map { text($0.index, $0.element) } ?? "", row.mark,
        row.right.map { text($0.index, $0.element) } ?? "")
    }
    return output + (alike > 0 ? "   (\(alike) alike)\n" : "")
  }

  // MARK: For pages

  /// Sections on the differences of set-up and journey, and on the results of both.
  package var sections: [ReportSection] {
    [
      ReportSection(
        "Outcomes",
        [
          .table(
            .init(
              "The MSI under each", columns: ["design", "what became of it"],
              rows: [left, right].map { [$0.design.name, outcome($0)] }))
        ]),
      ReportSection("Set-up, side by side", blocks(setup, "step", stepText)),
      ReportSection("Journey, side by side", blocks(journey, "station", stationText)),
    ]
  }

  private func blocks<Element>(
    _ alignment: Alignment<Element>, _ noun: String, _ text: (Int, Element) -> String
  ) -> [ReportSection.Block] {
    guard alignment.firstDifference != nil else {
      return [.paragraph("All \(alignment.rows.count) \(noun)s are alike.")]
    }
    let alike = alignment.rows.count { $0.isSame }
    var blocks: [ReportSection.Block] = []
    if alike > 0 { blocks.append(.note("\(alike) \(noun)s are alike and left out.")) }
    let titles = ["\(noun) in", left.design.name, right.design.name]
    blocks.add(
      "What differs, in its order", columns: titles,
      rows: alignment.rows.filter { !$0.isSame }.map { row in
        [
          row.place, row.left.map { text($0.index, $0.element) } ?? "",
          row.right.map { text($0.index, $0.element) } ?? "",
        ]
      })
    return blocks
  }

  // MARK: For programs

  /// For programs. `firstDifference` counts `rows` from 0, and is `null` where all are alike.
  package var json: JSONValue {
    [
      "scenario": .string(scenario.name), "seed": .integer(Int(scenario.seed)),
      "left": side(left), "right": side(right),
      "setup": json(setup) { $0.json },
      "journey": json(journey) { $0.json },
    ]
  }

  private func side(_ result: RunResult) -> JSONValue {
    [
      "design": .string(result.design.name), "setup": result.setupJSON,
      "verdict": .string((result.journey?.verdict ?? result.verdict).rawValue),
      "why": .string(result.why), "beliefs": Beliefs(result.setupSteps).json,
    ]
  }

  private func json<Element>(
    _ alignment: Alignment<Element>, _ value: (Element) -> JSONValue
  ) -> JSONValue {
    [
      "firstDifference": alignment.firstDifference.map { .integer($0) } ?? .null,
      "rows": .array(
        alignment.rows.map { row in
          [
            "is": .string(row.kind), "left": row.left.map { value($0.element) } ?? .null,
            "right": row.right.map { value($0.element) } ?? .null,
          ]
        }),
    ]
  }
}

extension Alignment.Row {
  fileprivate var mark: Character {
    switch (left, right) {
    case (nil, _): ">"
    case (_, nil): "<"
    default: isSame ? " " : "|"
    }
  }

  /// Which side has it.
  fileprivate var place: String {
    switch (left, right) {
    case (nil, _): "the second"
    case (_, nil): "the first"
    default: "both"
    }
  }

  fileprivate var kind: String {
    switch (left, right) {
    case (nil, _): "right"
    case (_, nil): "left"
    default: isSame ? "same" : "different"
    }
  }
}
