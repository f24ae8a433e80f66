package import ArgumentParser
package import Files
import Foundation
package import Scenarios

/// Folder of the scenario, design and cost files.
package struct FolderOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder that holds scenarios, designs/ and costs/.", valueName: "dir"),
    completion: .directory)
  package var scenarios: String?

  package init() {}

  package var folder: ScenarioFolder {
    get throws { try Self.folder(named: scenarios) }
  }

  /// The folder that the user names, or the one that is found without a name.
  static func folder(named name: String?) throws(InputError) -> ScenarioFolder {
    try ScenarioFolder.find(
      explicit: name, home: ProcessInfo.processInfo.environment["DOORBELL_HOME"],
      workingDirectory: FileManager.default.currentDirectoryPath,
      executable: Bundle.main.executablePath ?? CommandLine.arguments[0])
  }
}
