import ArgumentParser
import Designs

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
    subcommands: [ListCommand<CostModel>.self, ShowCommand<CostModel>.self],
    defaultSubcommand: ListCommand<CostModel>.self
  )
}
