import ArgumentParser
import Console
import Designs
import Files
import HTMLReports
import Reports
import Scenarios

struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Run one scenario under several designs and print a row for each.",
    usage: "doorbell compare [<scenario>] [<options>]",
    discussion: """
      Runs the scenario's guest and device under each of its designs and prints, for each: whether \
      set-up was enabled, what became of the MSIs, the address and data that ended up in the device, \
      exits at set-up and for each interrupt, latency, and one sentence that says why.

      Without arguments it runs 'default': a recorded Linux guest that drives an assigned NVMe \
      function through stage 1 tables of its own.

      --matrix runs all shipped designs, and the scenario's, against values on one or more axes: \
      a cell says what became of the MSIs, and each failure has its reason and the command that \
      shows it below. --all prints the matrices of all axes.

      --format html makes one page that needs no network: the same tables, and for each design the \
      sequence of its set-up, the journey of an MSI, each party's address of the doorbell, and \
      the address maps of both stages. With --matrix or --all, cells link to their journeys.

      AXES
      \(axes)

      EXAMPLES
        doorbell compare
        doorbell compare --guest-usage vfio --guest-kernel 6.5
        doorbell compare --design untrapped --design my/design.yaml
        doorbell compare synthetic-4-vectors --format csv > results.csv
        doorbell compare --format json | jq '.results[].verdict'
        doorbell compare --format html -o report.html
        doorbell compare --matrix
        doorbell compare --matrix --axis usage=vfio --axis guest-kernel=6.5,6.6

      EXIT STATUS
        0 when all designs were run, whatever became of the MSIs; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "Run this design instead of the scenario's; may be repeated.", valueName: "name|file"),
    completion: .designs)
  var designs: [String] = []

  @OptionGroup var result: ResultOptions<PageFormat>

  @Flag(
    help: "Print a SHA-256 of each run's events, to compare runs on different machines with.")
  var digest = false

  @Flag(help: "Print a matrix: designs by values on axes.")
  var matrix = false

  @Flag(help: "Print the matrices of all axes.")
  var all = false

  @Option(
    name: .customLong("axis"),
    help: ArgumentHelp(
      "Columns of the matrix; may be repeated (default: usage).", valueName: "axis[=value,...]"),
    completion: .words { ComparisonAxis.all.map(\.name) })
  var axisNames: [String] = []

  @Flag(help: "Give each failing cell of a matrix a reason of its own.")
  var why = false

  func validate() throws {
    guard !digest || !(matrix || all) else {
      throw ValidationError("--digest is of no use with --matrix or --all")
    }
    guard matrix || (axisNames.isEmpty && !why) || (all && axisNames.isEmpty) else {
      throw ValidationError(
        all ? "--all shows all axes: --axis needs --matrix" : "--axis and --why need --matrix")
    }
    guard !digest || result.format != .html else {
      throw ValidationError("--digest is of no use with --format html")
    }
    guard !(matrix && all) else { throw ValidationError("--all prints matrices: drop --matrix") }
  }

  func run() async throws {
    let text =
      switch (result.format.tabular, matrix || all) {
      case (let format?, false): try await comparison().report(as: format, on: result.terminal)
      case (let format?, true):
        MatrixReport(try await matrices(), isDetailed: why).text(as: format, on: result.terminal)
      case (nil, _): try await page()
      }
    try result.write(text)
  }

  private func comparison() async throws -> Comparison {
    var scenario = try options.load(designs: designs)
    scenario.isTraced = digest
    return try await Progress.during("running '\(scenario.name)'") {
      [scenario] _ in try await scenario.run()
    }
  }

  /// The page of HTML: everything is run once for what it comes to, and once for how.
  private func page() async throws -> String {
    let comparison = try await comparison()
    let explained = try await Progress.during("explaining '\(comparison.scenario.name)'") { _ in
      try await comparison.scenario.explained(comparison)
    }
    let findings = try await Progress.during("attacking '\(comparison.scenario.name)'") {
      try await comparison.scenario.findings(of: Attack.all, progress: $0.show)
    }
    let scenario = comparison.scenario
    guard matrix || all else {
      return HTMLReport(comparison, explained: explained, findings: findings, facts: .current).text
    }
    let matrices = try await matrices()
    let outcomes = matrices.outcomes
    let journeys = await Progress.during("explaining '\(scenario.name)'", of: outcomes.count) {
      progress in await matrices.explained(outcomes) { progress.show($0) }
    }
    return HTMLReport(
      comparison, explained: explained, matrices: matrices, outcomes: journeys, findings: findings,
      facts: .current
    ).text
  }

  private func matrices() async throws -> [ComparisonMatrix] {
    let runs = MatrixRuns(try plans())
    return await Progress.during("running the matrix", of: runs.count) { progress in
      await runs.matrices { progress.show($0) }
    }
  }

  private func plans() throws -> [MatrixPlan] {
    var scenario = try options.load(designs: designs)
    if designs.isEmpty {
      let shipped = try Design.all(in: options.conditions.location.folder)
      scenario.designs = shipped + scenario.designs.filter { !shipped.contains($0) }
    }
    guard !all else {
      return MatrixPlan.all(scenario, arguments: options.arguments(without: []))
    }
    let axes = try ComparisonAxis.chosen(axisNames)
    let runs = axes.reduce(scenario.designs.count) { product, axis in
      let (next, overflow) = product.multipliedReportingOverflow(by: axis.values.count)
      return overflow ? .max : next
    }
    guard runs <= Self.runLimit else {
      throw InputError(
        "--axis: expected at most \(Self.runLimit) runs, found \(runs == .max ? "more" : String(runs)): "
          + "name fewer axes, or some of their values (--axis NAME=VALUE,...)")
    }
    let replaced = Set(axes.flatMap(\.values).flatMap(\.arguments))
    return [MatrixPlan(scenario, axes: axes, arguments: options.arguments(without: replaced))]
  }

  /// The most runs of a matrix, as many as a sweep may have points.
  private static let runLimit = 100_000

  /// The axes with their values, for the help.
  private static var axes: String {
    ComparisonAxis.all.map { axis in
      "  \(axis.name): \(axis.values.map(\.name).joined(separator: ", "))"
    }.joined(separator: "\n")
  }
}
