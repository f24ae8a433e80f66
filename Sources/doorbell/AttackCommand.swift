import ArgumentParser
import Console
import Designs
import InputFiles
import Reports
import Scenarios

struct AttackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Attack designs with a hostile device or guest, and print what it reaches.",
    usage: "doorbell attack [<scenario>] [<options>]",
    discussion: """
      Sets the scenario's guest and device up under each design, lets one of them turn hostile, and \
      prints what the models of hardware and software make of it. A second VM shares the SMMU and \
      the ITS.

      'contained': nothing was reached but what is the actor's own. 'noise': nobody lost anything, \
      but somebody else paid. 'breach': what the attack calls a breach happened; behind it stands \
      whom it hit: the guest, the neighbour VM, the host. Each is the result of a run.

      EXAMPLES
        doorbell attack --all
        doorbell attack --design rmr-identity --attack boot-dma --journeys
        doorbell attack --all --format markdown
        doorbell attack --list

      EXIT STATUS
        0 when all attacks were made, whatever they came to; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "Attack this design instead of the scenario's; may be repeated.", valueName: "name|file"))
  var designs: [String] = []

  @Flag(help: "Attack every design of the scenarios folder.")
  var all = false

  @Option(
    name: .customLong("attack"),
    help: ArgumentHelp("One attack; may be repeated (default: all).", valueName: "name"))
  var attacks: [String] = []

  @Flag(help: "List the attacks, and do nothing else.")
  var list = false

  @Flag(help: "Print what was counted, and the way of the access that shows each finding.")
  var journeys = false

  @Option(help: "How to print.")
  var format = ReportFormat.table

  func validate() throws {
    guard designs.isEmpty || !all else {
      throw ValidationError("--design and --all exclude each other")
    }
  }

  func run() async throws {
    guard !list else { return try Output.write(AttackList.text(on: Output.terminal)) }
    let chosen = try attacks.isEmpty ? Attack.all : attacks.map { try Attack.existing($0) }
    let names = try all ? options.conditions.location.folder.designNames : designs
    let scenario = try options.load(designs: names)
    let findings = try await Progress.during("attacking '\(scenario.name)'") { progress in
      try await scenario.findings(of: chosen) { progress.show($0) }
    }
    try Output.write(
      IsolationReport(findings, withJourneys: journeys).text(as: format, on: Output.terminal))
  }
}
