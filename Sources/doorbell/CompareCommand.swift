import ArgumentParser
import Attacks
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
      shows it below. --axis all prints the matrices of the axes that matter most. A '*' marks what \
      rests on an interface that no released kernel or VMM has.

      --format html makes one page that needs no network: the same tables, and for each design the \
      sequence of its set-up, the journey of an MSI, each party's address of the doorbell, and \
      the address maps of both stages. With --matrix, cells link to their journeys.

      AXES
      \(axes)

      EXAMPLES
        doorbell compare
        doorbell compare --guest-usage vfio --guest-kernel 6.5
        doorbell compare --exits
        doorbell compare --design untrapped --design my/design.yaml
        doorbell compare synthetic-4-vectors --format csv > results.csv
        doorbell compare --format json | jq '.results[].verdict'
        doorbell compare --format html -o report.html
        doorbell compare --matrix
        doorbell compare --matrix --axis guest-usage=vfio --axis guest-kernel=6.5,6.6
        doorbell compare --matrix --axis all
        doorbell compare --host-kernel 6.12+sw-msi-native

      EXIT STATUS
        0 when all designs were run, whatever became of the MSIs; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var designs: DesignOptions

  @OptionGroup var result: ResultOptions<PageFormat>

  @Flag(
    help: "Print a SHA-256 of each run's events, to compare runs on different machines with.")
  var digest = false

  @Flag(
    help: "Print a table of exits: when, what the guest's kernel was doing, cause, reads, writes.")
  var exits = false

  @Flag(help: "Print a matrix: designs by values on axes.")
  var matrix = false

  @Option(
    name: .customLong("axis"),
    help: ArgumentHelp(
      "Columns of the matrix; may be repeated, or 'all' (default: guest-usage).",
      valueName: "axis[=value,...]"),
    completion: .words { ["all"] + ComparisonAxis.all.map(\.name) })
  var axisNames: [String] = []

  @Flag(help: "Give each failing cell of a matrix a reason of its own.")
  var why = false

  func validate() throws {
    guard !(digest && matrix) else {
      throw ValidationError("--digest is of no use with --matrix")
    }
    guard !exits || (!matrix && result.format == .table) else {
      throw ValidationError(
        "--exits is a table of its own: JSON has the same under 'exits.rows', HTML shows it anyway")
    }
    guard matrix || (axisNames.isEmpty && !why) else {
      throw ValidationError("--axis and --why need --matrix")
    }
    guard !showsAllAxes || axisNames.count == 1 else {
      throw ValidationError("--axis all shows all axes: drop the others")
    }
    guard !digest || result.format != .html else {
      throw ValidationError("--digest is of no use with --format html")
    }
  }

  private var showsAllAxes: Bool { axisNames.contains("all") }

  func run() async throws {
    let text =
      switch (result.format.tabular, matrix) {
      case (_?, false) where exits: try await comparison().exitsTable(on: result.terminal)
      case (let format?, false): try await comparison().report(as: format, on: result.terminal)
      case (let format?, true):
        MatrixReport(try await matrices(), isDetailed: why).text(as: format, on: result.terminal)
      case (nil, _): try await page()
      }
    try result.write(text)
  }

  private func comparison() async throws -> Comparison {
    var scenario = try designs.load(options)
    scenario.isTraced = digest
    return await Progress.during("running '\(scenario.name)'") {
      [scenario] _ in await scenario.run()
    }
  }

  /// The page of HTML: everything is run once for what it comes to, and once for how.
  private func page() async throws -> String {
    let comparison = try await comparison()
    let explained = await Progress.during("explaining '\(comparison.scenario.name)'") { _ in
      await comparison.scenario.explained(comparison)
    }
    let findings = await Progress.during("attacking '\(comparison.scenario.name)'") {
      await comparison.scenario.findings(of: Attack.all, progress: $0.show)
    }
    let scenario = comparison.scenario
    guard matrix else {
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
    let folder = try options.conditions.location.folder
    var scenario = try designs.load(options)
    if !designs.areNamed {
      let shipped = try Design.all(in: folder)
      scenario.designs = shipped + scenario.designs.filter { !shipped.contains($0) }
    }
    guard !showsAllAxes else { return MatrixPlan.all(scenario, arguments: options.arguments()) }
    let axes = try ComparisonAxis.chosen(axisNames, in: folder)
    let runs = axes.reduce(scenario.designs.count) { product, axis in
      let (next, overflow) = product.multipliedReportingOverflow(by: axis.values.count)
      return overflow ? .max : next
    }
    guard runs <= Self.runLimit else {
      throw InputError(
        "--axis: expected at most \(Self.runLimit) runs, found \(runs == .max ? "more" : String(runs)): "
          + "name fewer axes, or some of their values (--axis NAME=VALUE,...)")
    }
    let replaced = Set(axes.map(\.name))
    return [MatrixPlan(scenario, axes: axes, arguments: options.arguments(without: replaced))]
  }

  /// The most runs of a matrix, as many as a sweep may have points.
  private static let runLimit = 100_000

  /// The axes with their values, for the help.
  private static var axes: String {
    ComparisonAxis.all.map { axis in
      let values = axis.values.map(\.name).joined(separator: ", ")
      return "  \(axis.name): \(values.isEmpty ? "numbers" : values)"
    }.joined(separator: "\n")
  }
}
