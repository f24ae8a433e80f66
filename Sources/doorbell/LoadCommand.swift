import ArgumentParser
import Console
import Files
import Reports
import Scenarios

struct LoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Put a load on each design: latency by station, throughput, exits, CPU time.",
    usage: "doorbell load [<scenario>] [<options>]",
    discussion: """
      One MSI passes the models of hardware and software under each design, which shows its path: \
      table reads, exits, what traps. Then many devices send MSIs along that path, and wait where \
      others are served: for a walk slot, the ITS, a CPU's interrupt entry, a virtual CPU's lock, \
      a handler, a time slice.

      Numbers that rest on a range in the cost model are printed as low..high. ± is half the width of \
      the 95 % confidence interval, over the seeds, or over ten batches of a single run. What a \
      device has to write waits while its posted writes are full, and a command that is not \
      completed is outstanding: the loop is closed. The start of a run is left out up to where its \
      numbers have settled (MSER), and a run that has not settled says so. An MSI that finds its \
      interrupt pending arrives with it and counts as merged. What is busy for more than 95 % of the \
      time is named. --ramp repeats the load at fractions and multiples and names the knee, the last \
      of them that still brought more. --sensitivity lists the unmeasured costs by how \
      far they move the median.

      EXAMPLES
        doorbell load
        doorbell load load-nic --design untrapped --seeds 10
        doorbell load load-nvme --ramp --format csv > ramp.csv
        doorbell load load-nvme --design untrapped --sensitivity

      EXIT STATUS
        0 when all loads were run; 2 for bad input; 130 when it was stopped (Ctrl-C), after it has
        written what it has.
      """
  )

  @Argument(
    help: "A scenario file with a load, or the name of a shipped one.", completion: .scenarios)
  var scenario = "load-nvme"

  @OptionGroup var designs: DesignOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many seeds to run, from --seed on: 1 to 1000.", valueName: "n"))
  var seeds = 3

  @Flag(help: "Repeat the load at 1/8 to 16 times what the scenario says.")
  var ramp = false

  @Flag(help: "List the unmeasured costs by how far each moves the results, with the first seed.")
  var sensitivity = false

  @Flag(help: "Show how many MSIs took how long, all seeds together, at the low end.")
  var histogram = false

  @OptionGroup var result: ResultOptions<PageFormat>

  @OptionGroup(title: "Conditions") var conditions: ConditionOptions

  func validate() throws {
    guard !sensitivity || (!ramp && !histogram) else {
      throw ValidationError("'--sensitivity' is a list of its own: give it without the others")
    }
    guard (1...1000).contains(seeds) else {
      throw ValidationError("The value '\(seeds)' is invalid for '--seeds <n>': 1 to 1000")
    }
  }

  func run() async throws {
    let scenario = try conditions.load(
      scenario, designs: designs.names(in: conditions.location.folder))
    if sensitivity { return try await writeSensitivity(of: scenario) }
    let factors = ramp ? [0.125, 0.25, 0.5, 1, 2, 4, 8, 16] : []
    let runs = scenario.designs.count * (2 + factors.count) * seeds
    let interruption = Interruption()
    let study = try await Progress.during("running '\(scenario.name)'", of: runs) { progress in
      try await scenario.study(
        seeds: seeds, factors: factors, isStopped: { interruption.isStopped }
      ) { progress.show($0) }
    }
    try result.write(page: "Load of \(scenario.name)", purpose: scenario.purpose) {
      LoadReport(study, histograms: histogram).text(as: $0, on: $1)
    }
    guard study.isComplete else {
      Output.note("doorbell: stopped: the numbers are those of the runs so far")
      throw ExitCode(130)
    }
  }

  private func writeSensitivity(of scenario: Scenario) async throws {
    let runs = scenario.designs.count
    let found = try await Progress.during("running '\(scenario.name)'", of: runs) { progress in
      try await scenario.sensitivity { progress.show($0) }
    }
    try result.write(page: "Costs of \(scenario.name)", purpose: scenario.purpose) {
      LoadSensitivityReport(scenario, found).text(as: $0, on: $1)
    }
  }
}
