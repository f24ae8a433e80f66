import ArgumentParser
import Designs
import Reports
import Scenarios

struct DesignsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "designs",
    abstract: "List the designs, or show one.",
    discussion: """
      A design is a file with one choice for each independent question: where the guest learns of \
      the doorbell, what stage 2 maps, who writes the MSI-X entry, whose EventID it holds, and how \
      the interrupt is delivered. Add your own to scenarios/designs, or name its file.

      EXAMPLES
        doorbell designs list
        doorbell designs show rmr-identity

      EXIT STATUS
        0, or 2 for an unknown name or a malformed file.
      """,
    subcommands: [List.self, Show.self], defaultSubcommand: List.self
  )

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the designs of the scenarios folder, one a line.",
      discussion: "EXIT STATUS\n  0, or 2 for a malformed file.")

    @OptionGroup var location: FolderOptions

    func run() throws {
      let folder = try location.folder
      let designs = try folder.designNames.map { try folder.design(named: $0) }
      try Output.write(Design.list(designs, on: Output.terminal))
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a design's choices and what they mean.",
      discussion: "EXIT STATUS\n  0, or 2 for an unknown name or a malformed file.")

    @Argument(help: ArgumentHelp("A design's name or file.", valueName: "name|file"))
    var design: String

    @OptionGroup var location: FolderOptions

    func run() throws {
      try Output.write(location.folder.design(named: design).text(on: Output.terminal))
    }
  }
}
