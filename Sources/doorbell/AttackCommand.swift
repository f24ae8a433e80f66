import ArgumentParser
import Attacks
import Console
import Designs
import Files
import HTMLReports
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

      'contained': nothing was reached but what is the actor's own. 'noise': no data or \
      interrupt was lost, but another VM lost shared resources. 'breach': what the attack calls a breach happened; behind it stands \
      whom it hit: the guest, the neighbour VM, the host. Each is the result of a run. 'unknown': the \
      attack could not be set up, or the models cannot tell; the reason follows.

      --axis repeats the attacks for each value of a condition or of a design's choice.

      JSON is a list of findings, each with 'design', 'usage', 'values' (on the axes), 'attack', 'actor', 'action' (what the \
      actor does), 'breachIf' (what would be a breach), 'source' (what says what should happen), \
      'outcome', 'victim' (guest, neighbour or host; null for none), 'detail' (one sentence), \
      'measures' (what was counted, by name) and 'stations', the way of the access that shows it: \
      each with 'time' in ns, 'station', 'address', 'words' and 'meaning'; \
      'missingInterfaces' names what the run rests on and nothing released has, which a table \
      marks with a star.

      EXAMPLES
        doorbell attack --all
        doorbell attack --design rmr-identity --axis guest-usage
        doorbell attack --design rmr-identity --attack boot-dma --journeys
        doorbell attack --all --format markdown
        doorbell attack --list

      EXIT STATUS
        0 when all attacks were made, whatever they reached; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var designs: DesignOptions

  @OptionGroup var axes: AxisOptions

  @Option(
    name: .customLong("attack"),
    help: ArgumentHelp("One attack; may be repeated (default: all).", valueName: "name"),
    completion: .words { Attack.all.map(\.name) })
  var attacks: [String] = []

  @Flag(help: "List the attacks, and do nothing else.")
  var list = false

  @Flag(help: "Print what was counted, and the way of the access that shows each finding.")
  var journeys = false

  @OptionGroup var result: ResultOptions<PageFormat>

  func run() async throws {
    guard !list else { return try result.write(AttackList.text(on: result.terminal)) }
    let chosen = try attacks.isEmpty ? Attack.all : attacks.map { try Attack.existing($0) }
    let scenario = try designs.load(options)
    let folder = try options.conditions.location.folder
    let axes = try axes.axes.isEmpty ? [] : ComparisonAxis.chosen(axes.axes, in: folder)
    let findings = await Progress.during("attacking '\(scenario.name)'") { progress in
      await scenario.findings(of: chosen, across: axes) { progress.show($0) }
    }
    let report = IsolationReport(findings, withJourneys: journeys)
    guard let format = result.format.tabular else {
      var page = DocumentPage(
        "Attacks on \(scenario.name)", purpose: scenario.purpose, facts: .current)
      page.tables = [.init("Rows", csv: report.text(as: .csv))]
      page.findings = findings
      return try result.write(page.html)
    }
    try result.write(report.text(as: format, on: result.terminal))
  }
}
