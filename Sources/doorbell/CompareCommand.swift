import ArgumentParser
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

      EXAMPLES
        doorbell compare
        doorbell compare --guest-usage vfio --guest-kernel 6.5
        doorbell compare --design untrapped --design my/design.yaml
        doorbell compare synthetic-4-vectors --format csv > results.csv
        doorbell compare --format json | jq '.results[].verdict'

      EXIT STATUS
        0 when all designs were run, whatever became of the MSIs; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "Run this design instead of the scenario's; may be repeated.", valueName: "name|file"))
  var designs: [String] = []

  @Option(help: "How to print.")
  var format = ReportFormat.table

  @Flag(
    help: "Print a SHA-256 of each run's events, to compare runs on different machines with.")
  var digest = false

  func run() async throws {
    var scenario = try options.load(designs: designs)
    scenario.isTraced = digest
    let comparison = try await Progress.during("running '\(scenario.name)'") {
      [scenario] _ in try await scenario.run()
    }
    try Output.write(comparison.report(as: format, on: Output.terminal))
  }
}
