import ArgumentParser
import Console
import Scenarios

/// Which designs to run instead of the scenario's.
struct DesignOptions: ParsableArguments {
  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "This design instead of the scenario's; may be repeated.", valueName: "name|file"),
    completion: .designs)
  var designs: [String] = []

  @Flag(help: "Every design of the scenarios folder.")
  var all = false

  func validate() throws {
    guard designs.isEmpty || !all else {
      throw ValidationError("--design and --all exclude each other")
    }
  }

  /// Whether any is named.
  var areNamed: Bool { all || !designs.isEmpty }

  /// The names that the options give; none for the scenario's own designs.
  func names(in folder: ScenarioFolder) -> [String] { all ? folder.designNames : designs }

  /// The scenario that the options name, under the designs that these name.
  func load(_ options: ScenarioOptions) throws -> Scenario {
    try options.load(designs: names(in: options.conditions.location.folder))
  }
}
