package import ArgumentParser

/// `doorbell sweep`, with what is done to its results.
package struct SweepGroup: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a scenario at many points: grids and lists of values for any field.",
    usage: """
      doorbell sweep <plan> [<options>]
      doorbell sweep merge <output> <files> ...
      doorbell sweep report <file> [<options>]
      """,
    discussion: """
      A plan names a scenario, what runs ('load' or 'compare'), and values for fields: paths of \
      the scenario's fields, 'load.FIELD' for those of its load, 'design' and 'design.AXIS', \
      'costs' and 'costs.ITEM'. There is a point for each combination; results go to one SQLite \
      file, each point as soon as it is done, so that a sweep that was stopped goes on where it \
      was. Results do not depend on --jobs or --shard.

      EXAMPLES
        doorbell sweep scenarios/sweeps/queue-depth.yaml
        doorbell sweep report queue-depth.sqlite
        doorbell sweep report queue-depth.sqlite --format html > depth.html
        doorbell sweep plan.yaml --shard 2/8
        doorbell sweep merge plan.sqlite plan-*-of-8.sqlite
        doorbell schema sweep

      EXIT STATUS
        0, or 2 for bad input.
      """,
    subcommands: [SweepRunCommand.self, SweepMergeCommand.self, SweepReportCommand.self],
    defaultSubcommand: SweepRunCommand.self
  )

  package init() {}
}
