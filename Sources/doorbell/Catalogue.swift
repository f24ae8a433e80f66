import ArgumentParser
import Console
import Designs
import Files
import Reports
import Scenarios
import Timing

/// Kind of entry with files of its own in the scenarios folder, to be listed and shown.
protocol CatalogueEntry {
  /// Name of one entry, and of several.
  static var singular: String { get }
  static var plural: String { get }
  /// The one that is meant where none is named.
  static var standard: String? { get }
  /// The command that lists and shows them, with the name of a shipped one.
  static var command: (name: String, example: String) { get }

  static func all(in folder: ScenarioFolder) throws -> [Self]
  static func named(_ name: String, in folder: ScenarioFolder) throws -> Self
  static func list(_ entries: [Self], on terminal: Terminal) -> String
  func text(on terminal: Terminal) -> String
  /// For programs.
  var json: JSONValue { get }
}

extension Design: CatalogueEntry {
  static var singular: String { "design" }
  static var plural: String { "designs" }
  static var standard: String? { nil }
  static var command: (name: String, example: String) { ("designs", "rmr-identity") }

  static func all(in folder: ScenarioFolder) throws -> [Design] {
    try folder.designNames.map { try folder.design(named: $0) }
  }
  static func named(_ name: String, in folder: ScenarioFolder) throws -> Design {
    try folder.design(named: name)
  }
}

extension CostModel: CatalogueEntry {
  static var singular: String { "cost model" }
  static var plural: String { "cost models" }
  static var standard: String? { Scenario.standardCosts }
  static var command: (name: String, example: String) { ("costs", "ampere-altra") }

  static func all(in folder: ScenarioFolder) throws -> [CostModel] {
    try folder.costNames.map { try folder.costs(named: $0) }
  }
  static func named(_ name: String, in folder: ScenarioFolder) throws -> CostModel {
    try folder.costs(named: name)
  }
}

/// `list`: one line for each entry.
struct ListCommand<Entry: CatalogueEntry>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "list",
      abstract: "List the \(Entry.plural) of the scenarios folder, one a line.",
      usage: "doorbell \(Entry.command.name) list [<options>]",
      discussion: """
        EXAMPLES
          doorbell \(Entry.command.name) list

        EXIT STATUS
          0, or 2 for a malformed file.
        """)
  }

  @OptionGroup var result: ResultOptions<OutputFormat>

  @OptionGroup var location: FolderOptions

  func run() throws {
    let entries = try Entry.all(in: location.folder)
    try result.write(
      text: Entry.list(entries, on: result.terminal), json: .array(entries.map(\.json)))
  }
}

/// `show`: one entry with what its file says and what that means.
struct ShowCommand<Entry: CatalogueEntry>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "show",
      abstract: "Show one \(Entry.singular) in full.",
      usage: "doorbell \(Entry.command.name) show [<name|file>] [<options>]",
      discussion: """
        EXAMPLES
          doorbell \(Entry.command.name) show \(Entry.command.example)

        EXIT STATUS
          0, or 2 for an unknown name or a malformed file.
        """)
  }

  @Argument(
    help: ArgumentHelp(
      "Its name or file." + (Entry.standard.map { " (default: \($0))" } ?? ""),
      valueName: "name|file"))
  var name: String?

  @OptionGroup var result: ResultOptions<OutputFormat>

  @OptionGroup var location: FolderOptions

  func validate() throws {
    guard (name ?? Entry.standard) != nil else {
      throw ValidationError("Missing expected argument '<name|file>'")
    }
  }

  func run() throws {
    let entry = try Entry.named(name ?? Entry.standard ?? "", in: location.folder)
    try result.write(text: entry.text(on: result.terminal), json: entry.json)
  }
}
