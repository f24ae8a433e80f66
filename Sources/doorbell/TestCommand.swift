public import ArgumentParser
import Console
package import Designs
import Files
import Foundation
import Reports
import Scenarios
import Scripts

extension Mutation: ExpressibleByArgument {}

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run scenario files and check what they expect.",
    usage: "doorbell test <paths> ... [<options>]",
    discussion: """
      Runs every scenario file that is named, and every one in the folders that are named (folders \
      called 'designs', 'costs' and 'recordings' are left out), and compares what each design comes \
      to with the file's 'expect'. Prints a line for each scenario and every difference.

      A scenario may also have a golden record, 'golden/NAME.json' beside it: set-up steps, what \
      both stages map, verdicts, exits and what attacks come to, as they were when somebody \
      accepted them; for a script, the outcome of each step and what led to it. It says what \
      changed, not what is right. --record shows what would change in the records of the named \
      scenarios, and writes them when you say so: at a terminal it asks, elsewhere give --yes.

      --inject breaks one model on purpose, to see which expectations notice.

      --junit and --tap take '-' for standard output, which then has nothing else.

      EXAMPLES
        doorbell test scenarios
        doorbell test my/scenario.yaml --junit results.xml
        doorbell test scenarios --tap -
        doorbell test scenarios/its --inject rdbase-unshifted
        doorbell test my/scenario.yaml --record
        doorbell test my/scenario.yaml --record --yes

      EXIT STATUS
        0 when every expectation holds; 1 when one does not, or a golden record is out of date \
      and was not written; 2 when a file is malformed.
      """
  )

  @Argument(help: "Scenario files, and folders of them.")
  var paths: [String]

  @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"))
  var junit: String?

  @Option(
    help: ArgumentHelp(
      "Also write the results in the Test Anything Protocol, version 14.", valueName: "file"))
  var tap: String?

  @Flag(help: "Compare golden records instead, and write those that are new or changed.")
  var record = false

  @Flag(help: "With --record: write without asking.")
  var yes = false

  @Option(help: "A defect for the models.")
  var inject: Mutation?

  @OptionGroup var location: FolderOptions

  func validate() throws {
    if record, inject != nil { throw ValidationError("--record keeps no record of a defect") }
    if record, junit != nil || tap != nil {
      throw ValidationError("--record checks no expectation: it goes without --junit and --tap")
    }
    if yes, !record { throw ValidationError("--yes answers --record, which is not given") }
    if junit == "-", tap == "-" {
      throw ValidationError("--junit and --tap cannot both go to standard output")
    }
  }

  func run() async throws {
    let folder = try location.folder
    var files: [String] = []
    for path in paths { files += try ScenarioFolder.scenarioFiles(at: path) }
    if record { return try await record(files, folder) }
    var tests: [ScenarioTest] = []
    for file in files {
      let test = await Progress.during("running '\(file)'") { _ in
        await folder.check(file, injecting: inject)
      }
      try say(test.text(on: Output.terminal))
      if let error = test.error { Output.error(error.description) }
      tests.append(test)
    }
    try say(ScenarioTest.summary(tests))
    if let junit { try Output.write(ScenarioTest.junit(tests), to: junit, of: "--junit") }
    if let tap { try Output.write(ScenarioTest.tap(tests), to: tap, of: "--tap") }
    if tests.contains(where: { $0.error != nil }) { throw ExitStatus.badInput }
    if tests.contains(where: { $0.failures > 0 }) { throw ExitStatus.failed }
  }

  /// Shows what would change in golden records, and writes them when told to.
  private func record(_ files: [String], _ folder: ScenarioFolder) async throws {
    var isOutOfDate = false
    for file in files {
      let update = try await Progress.during("running '\(file)'") { _ in
        try await folder.record(file)
      }
      try Output.write(update.text(on: Output.terminal))
      guard !update.differences.isEmpty else { continue }
      if yes || Output.confirms("write \(update.path)?") {
        try update.found.write(to: update.path)
      } else {
        isOutOfDate = true
      }
    }
    guard isOutOfDate else { return }
    Output.note("doorbell: not written; --record --yes writes")
    throw ExitStatus.failed
  }

  /// Prints for people, unless standard output belongs to a format.
  private func say(_ text: String) throws {
    if junit != "-", tap != "-" { try Output.write(text) }
  }
}
