import ArgumentParser
import Console
import Reports
import Scenarios

struct RacesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "races",
    abstract: "Let an MSI fall between any two steps of software, and print what becomes of it.",
    usage: "doorbell races [<scenario>] [<options>]",
    discussion: """
      Software sets an interrupt up, masks it, moves it and takes it down in steps, and the device \
      may send in between. Carries the scenario out once for each gap between two steps, with one \
      more MSI of the first device there, and prints for each stretch of gaps what became of that \
      MSI, why, and which step stood before it.

      'not sent': MSI-X was off, and no pending bit was set; an MSI that a mask holds back counts by \
      its final outcome.

      EXAMPLES
        doorbell races --design forward-address
        doorbell races synthetic-4-vectors --vector 3 --host-kernel 6.5
        doorbell races --all --format csv

      EXIT STATUS
        0 when all runs were made, whatever became of the MSIs; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var designs: DesignOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The vector of the MSI, counted from 0.", valueName: "n"))
  var vector = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Look at each n-th gap only, from the first on.", valueName: "n"))
  var every = 1

  @OptionGroup var result: ResultOptions<PageFormat>

  func validate() throws {
    guard every > 0 else {
      throw ValidationError("The value '\(every)' is invalid for '--every <n>': 1 or more")
    }
  }

  func run() async throws {
    let scenario = try designs.load(options)
    let studies = try await Progress.during("running '\(scenario.name)'") { progress in
      try await scenario.races(vector: vector, every: every) { progress.show($0) }
    }
    try result.write(page: "Races of \(scenario.name)", purpose: scenario.purpose) {
      RaceReport(studies).text(as: $0, on: $1)
    }
  }
}
