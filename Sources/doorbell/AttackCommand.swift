import ArgumentParser
import Console
import Designs
import Files
import Guest
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
      whom it hit: the guest, the neighbour VM, the host. Each is the result of a run.

      JSON is a list of findings, each with 'design', 'usage', 'attack', 'actor', 'action' (what the \
      actor does), 'breachIf' (what would be a breach), 'source' (what says what should happen), \
      'outcome', 'victim' (guest, neighbour or host; null for none), 'detail' (one sentence), \
      'measures' (what was counted, by name) and 'stations', the way of the access that shows it: \
      each with 'time' in ns, 'station', 'address', 'words' and 'meaning'.

      EXAMPLES
        doorbell attack --all
        doorbell attack --design rmr-identity --usages all
        doorbell attack --design rmr-identity --attack boot-dma --journeys
        doorbell attack --all --format markdown
        doorbell attack --list

      EXIT STATUS
        0 when all attacks were made, whatever they reached; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var designs: DesignOptions

  @Option(
    help: ArgumentHelp(
      "Guest usages to attack under, or 'all' (default: the scenario's).", valueName: "usage,..."))
  var usages: String?

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

  func validate() throws {
    guard usages == nil || options.conditions.guestUsage == nil else {
      throw ValidationError("--usages and --guest-usage exclude each other")
    }
  }

  func run() async throws {
    guard !list else { return try result.write(AttackList.text(on: result.terminal)) }
    let chosen = try attacks.isEmpty ? Attack.all : attacks.map { try Attack.existing($0) }
    let scenario = try designs.load(options)
    let usages = try usages.map(GuestUsage.list)
    let findings = try await Progress.during("attacking '\(scenario.name)'") { progress in
      try await scenario.findings(of: chosen, under: usages) { progress.show($0) }
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

extension GuestUsage {
  /// The usages that a list such as `dma-api,vfio` names, or all of them.
  fileprivate static func list(_ text: String) throws(InputError) -> [GuestUsage] {
    if text == "all" { return allCases }
    var usages: [GuestUsage] = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      guard let usage = GuestUsage(rawValue: name), !usages.contains(usage) else {
        throw InputError(
          "--usages: expected 'all', or each once of \(alternatives(allCases.map(\.rawValue))), "
            + "found '\(text)'" + suggestion(for: name, among: allCases.map(\.rawValue)))
      }
      usages.append(usage)
    }
    return usages
  }
}
