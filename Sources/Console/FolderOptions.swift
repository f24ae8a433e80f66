package import ArgumentParser
import Foundation
package import Scenarios

/// Where the scenario, design and cost files are.
package struct FolderOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder that holds scenarios, designs/ and costs/.", valueName: "dir"))
  package var scenarios: String?

  package init() {}

  package var folder: ScenarioFolder {
    get throws {
      try ScenarioFolder.find(
        explicit: scenarios, home: ProcessInfo.processInfo.environment["DOORBELL_HOME"],
        workingDirectory: FileManager.default.currentDirectoryPath,
        executable: Bundle.main.executablePath ?? CommandLine.arguments[0])
    }
  }
}
