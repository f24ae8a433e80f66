import ArgumentParser
import Foundation
import InputFiles
import Reports
import Scenarios
import Scripts

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run scenario files and check what they expect.",
    discussion: """
      Runs every scenario file that is named, and every one in the folders that are named (folders \
      called 'designs', 'costs' and 'recordings' are left out), and compares what each design comes \
      to with the file's 'expect'. Prints a line for each scenario and every difference.

      EXAMPLES
        doorbell test scenarios
        doorbell test my/scenario.yaml --junit results.xml

      EXIT STATUS
        0 when every expectation holds; 1 when one does not; 2 when a file is malformed.
      """
  )

  @Argument(help: "Scenario files, and folders of them.")
  var paths: [String]

  @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"))
  var junit: String?

  @OptionGroup var location: FolderOptions

  func run() async throws {
    let folder = try location.folder
    var files: [String] = []
    for path in paths { files += try ScenarioFolder.scenarioFiles(at: path) }
    var tests: [ScenarioTest] = []
    for file in files {
      let test = await Progress.during("running '\(file)'") { _ in await folder.check(file) }
      try Output.write(test.text(on: Output.terminal))
      if let error = test.error { Output.error(error.description) }
      tests.append(test)
    }
    try Output.write(ScenarioTest.summary(tests))
    if let junit { try write(ScenarioTest.junit(tests), to: junit) }
    if tests.contains(where: { $0.error != nil }) { throw ExitStatus.badInput }
    if tests.contains(where: { $0.failures > 0 }) { throw ExitStatus.failed }
  }

  private func write(_ text: String, to path: String) throws {
    guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)) else {
      throw InputError(
        "--junit: expected a file that can be written, found none", at: Place(file: path))
    }
  }
}
