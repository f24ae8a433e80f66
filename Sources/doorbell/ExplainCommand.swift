public import ArgumentParser
import Console
import Designs
import Files
import HTMLReports
import Reports
public import Scenarios
import Scripts
public import Software

extension Agent: ExpressibleByArgument {}
extension StepFilter.Kind: ExpressibleByArgument {}

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Print one MSI's journey under one design, station by station.",
    usage: "doorbell explain [<scenario>] [<options>]",
    discussion: """
      Shows where the MSI went under the scenario's first design, or under each that is named: every descriptor that the SMMU read, with its address and value, the \
      doorbell, every table that the ITS read, the LPI, and how it was injected into the guest. Each \
      station has its time, its address, the words that stood there, and what they mean.

      Of a scenario that is a script it prints each step with what led to its outcome: a refusal's \
      chain of region, flag, domain and errno.

      --setup also lists the steps by which guest, VMM and host set the interrupt up, agent by \
      agent as they happened, and after '=>' which address its agent uses for the doorbell from \
      then on. A table sums up what each of them believes when the MSI leaves.

      --diff puts set-up and journey of two designs side by side and marks the first step that \
      differs. Between the columns stands '|' where both have a step and its text differs, '<' or \
      '>' where one alone has it.

      EXAMPLES
        doorbell explain --design rmr-identity
        doorbell explain --design untrapped --vector 1
        doorbell explain --design forward-address --vector 1 --message 3
        doorbell explain --guest-usage vfio --guest-kernel 6.5 --setup
        doorbell explain --setup --agent vmm --agent kvm --only beliefs
        doorbell explain --design rmr-identity --diff forward-address
        doorbell explain scenarios/policy/rmr-direct-refused-6.6.yaml

      EXIT STATUS
        0 when the run was made, whatever became of the MSI; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var designs: DesignOptions

  @Option(parsing: .unconditional, help: "An MSI of this vector (default: of any).")
  var vector: Int?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Which MSI, counted from 0.", valueName: "n"))
  var message = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The device that sends it, counted from 0; steps about others are left out.", valueName: "n"))
  var device: Int?

  @Flag(help: "List the steps of set-up, too.")
  var setup = false

  @Option(
    name: .customLong("agent"),
    help: ArgumentHelp("With --setup: steps of this agent; may be repeated.", valueName: "agent"))
  var agents: [Agent] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --setup: steps from this one on, counted from 1.", valueName: "n"))
  var from: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --setup: steps up to this one.", valueName: "n"))
  var to: Int?

  @Option(help: "With --setup: steps of this kind.")
  var only: StepFilter.Kind?

  @Option(
    help: ArgumentHelp(
      "Put set-up and journey of this design beside it.", valueName: "name|file"),
    completion: .designs)
  var diff: String?

  @OptionGroup var result: ResultOptions<TextPageFormat>

  func validate() throws {
    guard setup || filter.agents.isEmpty && from == nil && to == nil && only == nil else {
      throw ValidationError("--agent, --from, --to and --only choose steps: they need --setup")
    }
  }

  private var filter: StepFilter {
    var filter = StepFilter()
    filter.agents = agents
    filter.from = from
    filter.to = to
    filter.only = only
    filter.device = device
    return filter
  }

  func run() async throws {
    if InputFile.exists(options.scenario), try Script.isScript(options.scenario) {
      guard diff == nil else {
        throw InputError(
          "--diff: expected a scenario with designs, found a script, whose steps have none")
      }
      return try explainScript()
    }
    let scenario = try scenarioWithDesigns()
    let index = try scenario.workload.messageIndex(vector: vector, number: message)
    let device = device ?? 0
    guard (0..<scenario.topology.devices).contains(device) else {
      throw InputError(
        "--device: expected 0 to \(scenario.topology.devices - 1), found \(device)")
    }
    let comparison = await Progress.during("running '\(scenario.name)'") { _ in
      await scenario.run(journeyOf: index, device: device)
    }
    if diff != nil, let report = DesignDifference(comparison) {
      return try result.write(
        page: "Two designs under \(scenario.name)", purpose: scenario.purpose,
        text: { report.text(on: $0) }, json: report.json
      ) {
        $0.sections = report.sections
        $0.explained = comparison
      }
    }
    let reports = comparison.results.compactMap {
      JourneyReport(
        Comparison(scenario: scenario, results: [$0]), withSteps: setup, filter: filter)
    }
    try result.write(
      page: "Journey of an MSI of \(scenario.name)", purpose: scenario.purpose,
      text: { terminal in reports.map { $0.text(on: terminal) }.joined(separator: "\n") },
      json: reports.count == 1 ? reports[0].json : .array(reports.map(\.json))
    ) {
      $0.explained = comparison
      if !filter.isEmpty { $0.sections = reports.map(\.chosenSteps) }
    }
  }

  /// The scenario under the designs that are asked for, and the one to put beside the first.
  private func scenarioWithDesigns() throws -> Scenario {
    var scenario = try designs.load(options)
    if !designs.areNamed { scenario.designs = Array(scenario.designs.prefix(1)) }
    guard let diff else { return scenario }
    guard scenario.designs.count == 1 else {
      throw InputError(
        "--diff: expected one design to compare with, found \(scenario.designs.count)")
    }
    scenario.designs += try options.load(designs: [diff]).designs
    return scenario
  }

  /// A script has no designs and no MSIs to choose from: its steps are the explanation.
  private func explainScript() throws {
    let report = ScriptReport(try Script(options.scenario).run())
    try result.write(
      page: "Steps of \(options.scenario)", purpose: report.purpose,
      text: { report.text(on: $0) }, json: report.json
    ) { $0.sections = report.sections }
  }
}
