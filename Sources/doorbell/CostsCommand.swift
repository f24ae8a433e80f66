import ArgumentParser
import Designs
import Reports
import Scenarios
import Timing

struct CostsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "costs",
    abstract: "List the cost models, show one with its sources, check or measure them.",
    discussion: """
      A cost model says how long each kind of work takes. Every number is marked: measured, \
      second-hand, derived, or assumed where nothing published was found; a range gives the ends \
      between which such a number must lie, and results show both.

      EXAMPLES
        doorbell costs list
        doorbell costs show ampere-altra
        doorbell costs check my/costs.yaml
        doorbell costs probe > probe.sh
        doorbell costs fit trace.txt --platform "my machine" -o my/costs.yaml

      EXIT STATUS
        0; 1 when a check finds something; 2 for an unknown name or a malformed file.
      """,
    subcommands: [
      ListCommand<CostModel>.self, ShowCommand<CostModel>.self, CostsCheckCommand.self,
      CostsFitCommand.self, CostsProbeCommand.self,
    ],
    defaultSubcommand: ListCommand<CostModel>.self
  )
}
