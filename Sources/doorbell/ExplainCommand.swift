import ArgumentParser
import InputFiles
import Reports
import Scenarios
import Scripts

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Print one MSI's journey under one design, station by station.",
    usage: "doorbell explain [<scenario>] [<options>]",
    discussion: """
      Shows where the MSI went: every descriptor that the SMMU read, with its address and value, the \
      doorbell, every table that the ITS read, the LPI, and how it was injected into the guest. Each \
      station has its time, its address, the words that stood there, and what they mean.

      Of a scenario that is a script it prints each step with what led to its outcome: a refusal's \
      chain of region, flag, domain and errno.

      --setup also lists the steps by which guest, VMM and host set the interrupt up.

      EXAMPLES
        doorbell explain --design rmr-identity
        doorbell explain --design untrapped --vector 1
        doorbell explain --design forward-address --vector 1 --message 3
        doorbell explain --guest-usage vfio --guest-kernel 6.5 --setup
        doorbell explain scenarios/policy/rmr-direct-refused-6.6.yaml

      EXIT STATUS
        0 when the run was made, whatever became of the MSI; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @Option(
    help: ArgumentHelp(
      "The design (default: the scenario's first).", valueName: "name|file"))
  var design: String?

  @Option(help: "An MSI of this vector (default: of any).")
  var vector: Int?

  @Option(help: ArgumentHelp("Which MSI, counted from 0.", valueName: "n"))
  var message = 0

  @Flag(help: "List the steps of set-up, too.")
  var setup = false

  @Option(help: "How to print.")
  var format = OutputFormat.table

  func run() async throws {
    if InputFile.exists(options.scenario), try Script.isScript(options.scenario) {
      return try explainScript()
    }
    var scenario = try options.load(designs: design.map { [$0] } ?? [])
    scenario.designs = Array(scenario.designs.prefix(1))
    let index = try scenario.workload.messageIndex(vector: vector, number: message)
    let comparison = try await Progress.during("running '\(scenario.name)'") { _ in
      try await scenario.run(journeyOf: index)
    }
    guard let report = JourneyReport(comparison, withSteps: setup) else { return }
    try Output.write(format, text: report.text(on: Output.terminal), json: report.json)
  }

  /// A script has no designs and no MSIs to choose from: its steps are the explanation.
  private func explainScript() throws {
    let report = ScriptReport(try Script(options.scenario).run())
    try Output.write(format, text: report.text(on: Output.terminal), json: report.json)
  }
}
