import ArgumentParser
import Designs

struct DesignsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "designs",
    abstract: "List, show, write and explore designs.",
    discussion: """
      A design is a file with one choice for each independent question: where the guest learns of \
      the doorbell, what stage 2 maps, who writes the MSI-X entry, whose EventID it holds, and how \
      the interrupt is delivered. Name one by its name, by the path of its file, or as a variant \
      of another, such as rmr-identity,route=stage1-walk.

      EXAMPLES
        doorbell designs list
        doorbell designs show rmr-identity
        doorbell designs new mine --from forward-address
        doorbell designs explore

      EXIT STATUS
        0, or 2 for an unknown name or a malformed file.
      """,
    subcommands: [
      ListCommand<Design>.self, ShowCommand<Design>.self, NewDesignCommand.self,
      ExploreCommand.self,
    ],
    defaultSubcommand: ListCommand<Design>.self
  )
}
