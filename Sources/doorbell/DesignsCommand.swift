import ArgumentParser
import Designs

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
    subcommands: [ListCommand<Design>.self, ShowCommand<Design>.self],
    defaultSubcommand: ListCommand<Design>.self
  )
}
