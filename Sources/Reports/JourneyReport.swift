import Bits
import Designs
package import Files
import Linux
package import Scenarios
import Simulation
import Software

/// One MSI's journey under one design, and how its interrupt was set up.
package struct JourneyReport: Sendable {
  private let scenario: Scenario
  private let result: RunResult
  /// Whether the steps of software are shown, too.
  private let withSteps: Bool
  private let filter: StepFilter

  /// - Returns: `nil` for a comparison without results.
  package init?(
    _ comparison: Comparison, withSteps: Bool, filter: StepFilter = StepFilter()
  ) {
    guard let result = comparison.results.first else { return nil }
    scenario = comparison.scenario
    self.result = result
    self.withSteps = withSteps
    self.filter = filter
  }

  /// For programs. Times are nanoseconds since the start of the run.
  package var json: JSONValue {
    var members = [
      JSONValue.Member("scenario", .string(scenario.name)),
      JSONValue.Member("seed", .integer(Int(scenario.seed))),
      JSONValue.Member("design", .string(result.design.name)),
      JSONValue.Member("setup", result.setupJSON),
      JSONValue.Member("journey", result.journey?.json ?? .null),
      JSONValue.Member("why", .string(result.why)),
      JSONValue.Member("missingInterfaces", .interfaces(missing)),
    ]
    if withSteps {
      let steps =
        filter.isEmpty ? result.steps : filter.stretches(of: result.steps[...]).flatMap(\.self)
      members.append(JSONValue.Member("steps", .array(steps.map(\.json))))
      members.append(JSONValue.Member("setupSteps", .integer(result.setupSteps.count)))
      members.append(JSONValue.Member("beliefs", Beliefs(result.setupSteps).json))
    }
    return .object(members)
  }

  /// For people at a terminal: the steps when they are wanted, then the journey.
  package func text(on terminal: Terminal = Terminal()) -> String {
    var output = heading(on: terminal) + "\n"
    if withSteps { output += steps(on: terminal) + "\n" }
    output += result.journey.map { stations($0, on: terminal) } ?? noJourney(on: terminal)
    if let assumption = scenario.assumption {
      output += "\n" + paragraph(assumption, indent: "", width: terminal.width)
    }
    return output
  }

  private var missing: [ReleaseSwitch] { scenario.missingInterfaces(of: result.design.name) }

  private func heading(on terminal: Terminal) -> String {
    let star = missing.isEmpty ? "" : "*"
    return terminal.paint("\(scenario.name), \(result.design.name)\(star)", .heading) + "\n"
      + paragraph(result.design.title, indent: "", width: terminal.width)
      + paragraph(scenario.conditionsText, indent: "", width: terminal.width)
      + (missing.reservation.map { paragraph($0, indent: "", width: terminal.width) } ?? "")
  }

  /// The steps up to the MSI, each with what its agent believes from then on, and the beliefs that
  /// the parties hold in the end.
  private func steps(on terminal: Terminal) -> String {
    let steps = result.setupSteps
    guard !steps.isEmpty else { return "Software performed no step.\n" }
    var table = TextTable([
      ("step", .right), ("time ns", .right), ("agent", .left), ("what it does", .left),
    ])
    let stretches = filter.stretches(of: steps)
    guard !stretches.isEmpty else { return "No step passes the filter.\n" }
    for group in stretches.flatMap(StepGroup.groups) {
      let belief = group.belief.map { "\n=> \($0)" } ?? ""
      table.add([
        TextTable.Cell(group.numbers),
        TextTable.Cell(group.steps.first.map { nanoseconds($0.time) } ?? ""),
        TextTable.Cell(group.agent?.title ?? ""),
        TextTable.Cell("\(group.function): \(group.text)\(belief)"),
      ])
    }
    var output = table.render(on: terminal)
    guard filter.isEmpty else {
      let shown = stretches.reduce(0) { $0 + $1.count }
      return output
        + paragraph("\(shown) of \(steps.count) steps.", indent: "", width: terminal.width)
    }
    let later = result.steps.count - steps.count
    if later > 0 { output += paragraph(laterSteps(later), indent: "", width: terminal.width) }
    let beliefs = Beliefs(steps).text(result, on: terminal)
    return beliefs.isEmpty ? output : output + "\n" + beliefs
  }

  /// The steps of set-up that the filter lets through, for a page.
  package var chosenSteps: ReportSection {
    let steps = result.setupSteps
    let groups = filter.stretches(of: steps).flatMap(StepGroup.groups)
    var blocks: [ReportSection.Block] = []
    blocks.add(
      "Of \(steps.count) steps", columns: ["step", "agent", "function", "what it does"],
      rows: groups.map { group in
        [
          group.numbers, group.agent?.title ?? "", group.function,
          group.text + (group.belief.map { " => \($0)" } ?? ""),
        ]
      })
    let isNone = blocks.isEmpty
    return ReportSection(
      "Chosen steps of \(result.design.name)",
      isNone ? [.paragraph("No step passes the filter.")] : blocks)
  }

  private func laterSteps(_ count: Int) -> String {
    "Software performed \(count) more step\(count == 1 ? "" : "s") after the MSI had left: "
      + "--format json lists them."
  }

  private func stations(_ journey: Journey, on terminal: Terminal) -> String {
    let start = journey.stations.first?.time ?? .zero
    var output =
      "MSI \(journey.index), vector \(journey.vector), sent at \(nanoseconds(start)) ns: "
    output += terminal.paint(journey.verdict.rawValue, journey.verdict.tone) + "\n"
    output +=
      paragraph(
        "SMMU and ITS cache nothing here, so that every table read shows: times are those of a cold "
          + "walk.", indent: "", width: terminal.width) + "\n"
    var table = TextTable([
      ("time ns", .right), ("station", .left), ("address", .right), ("words", .left),
      ("meaning", .left),
    ])
    for station in journey.stations {
      table.add([
        TextTable.Cell(nanoseconds(station.time - start)), TextTable.Cell(station.name),
        TextTable.Cell(station.address.map { hex($0) } ?? ""),
        TextTable.Cell(station.words.map { hex($0) }.joined(separator: "\n")),
        TextTable.Cell(station.meaning),
      ])
    }
    output += table.render(on: terminal) + "\n"
    return output + paragraph(journey.reason, indent: "", width: terminal.width)
  }

  private func noJourney(on terminal: Terminal) -> String {
    guard let refusal = result.refusal else {
      return paragraph("No MSI was sent: \(result.why)", indent: "", width: terminal.width)
    }
    let reason = result.why.contains(refusal.message) ? "" : " \(result.why)"
    let text = paragraph(
      "No MSI was sent: set-up was refused by the \(refusal.agent.title) in \(refusal.function) with "
        + "\(refusal.errno): \"\(refusal.message)\".\(reason)",
      indent: "", width: terminal.width)
    guard !refusal.chain.isEmpty else { return text }
    return text + "\nWhat led to it:\n"
      + refusal.chain.map { paragraph($0, indent: "  ", width: terminal.width) }.joined()
  }
}

extension Journey {
  fileprivate var json: JSONValue {
    [
      "message": .integer(index),
      "vector": .integer(vector),
      "verdict": .string(verdict.rawValue),
      "reason": .string(reason),
      "stations": .array(stations.map(\.json)),
    ]
  }
}

extension Journey.Stop {
  var json: JSONValue {
    [
      "time": .number(Double(time.picoseconds) / 1000),
      "station": .string(name),
      "address": .string(address.map { hex($0) }),
      "words": .array(words.map { .string(hex($0)) }),
      "meaning": .string(meaning),
    ]
  }
}
