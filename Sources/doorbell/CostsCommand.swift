import ArgumentParser
import Designs
import Reports
import Scenarios

struct CostsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "costs",
    abstract: "List the cost models, or show one with the source of each number.",
    discussion: """
      A cost model says how long each kind of work takes. Every number is marked: measured, \
      second-hand, derived, or assumed where nothing published was found.

      EXAMPLES
        doorbell costs list
        doorbell costs show ampere-altra

      EXIT STATUS
        0, or 2 for an unknown name or a malformed file.
      """,
    subcommands: [List.self, Show.self], defaultSubcommand: List.self
  )

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the cost models of the scenarios folder, one a line.",
      discussion: "EXIT STATUS\n  0, or 2 for a malformed file.")

    @OptionGroup var location: FolderOptions

    func run() throws {
      let folder = try location.folder
      let models = try folder.costNames.map { try folder.costs(named: $0) }
      try Output.write(CostModel.list(models, on: Output.terminal))
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the numbers of a cost model, each with its source.",
      discussion: "EXIT STATUS\n  0, or 2 for an unknown name or a malformed file.")

    @Argument(help: ArgumentHelp("A cost model's name or file.", valueName: "name|file"))
    var costs = Scenario.standardCosts

    @OptionGroup var location: FolderOptions

    func run() throws {
      try Output.write(location.folder.costs(named: costs).text(on: Output.terminal))
    }
  }
}
