import ArgumentParser
import Attacks
import Console
import Designs
import Files
import Reports
import Scenarios

/// `designs explore`: the whole space of designs, and its front.
struct ExploreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Run every combination of choices, and print those that nothing beats.",
    usage: "doorbell designs explore [<scenario>] [<options>]",
    discussion: """
      Enumerates every combination of choices on the axes of a design, drops those that cannot \
      stand together, runs the rest against guest usages, and attacks what works under one at \
      least. A usage counts as working only where every MSI arrives with one ITS and with two, a \
      device on each, since the doorbell page of some designs can lead to one ITS only; --its or \
      --axis its asks for other machines.

      One design beats another when it delivers wherever the other does, no attack breaches it \
      that does not breach the other, it takes no more exits for each MSI and at set-up in any of \
      these usages, it needs no more interfaces that no released kernel has, and it is better in \
      one of these. What nothing beats is the front; the rest is printed as families with what \
      beats them, and in what. 'doorbell attack' shows what an attack does.

      Designs are named after the nearest shipped one, such as rmr-identity,route=stage1-walk; \
      every command takes such a name.

      EXAMPLES
        doorbell designs explore
        doorbell designs explore --axis guest-usage=dma-api,vfio --guest-kernel 6.5
        doorbell designs explore --axis guest-kernel=6.5,7.3 --limit 5
        doorbell designs explore --format csv > designs.csv

      EXIT STATUS
        0 when all designs were run; 2 for bad input.
      """)

  @Argument(help: "A scenario file, or the name of a shipped scenario.", completion: .scenarios)
  var scenario = "synthetic-4-vectors"

  @OptionGroup var axes: AxisOptions

  @Flag(help: "Attack nothing, which takes most of the time: isolation does not count.")
  var skipAttacks = false

  @Option(help: ArgumentHelp("MSIs that each run sends.", valueName: "n"))
  var messages = 8

  @Option(help: ArgumentHelp("Families to print; all go into JSON and CSV.", valueName: "n"))
  var limit = 20

  @OptionGroup var result: ResultOptions<PageFormat>

  @OptionGroup(title: "Conditions") var conditions: ConditionOptions

  func validate() throws {
    guard messages > 0 else {
      throw ValidationError("The value '\(messages)' is invalid for '--messages <n>': 1 or more")
    }
    guard limit >= 0 else {
      throw ValidationError("The value '\(limit)' is invalid for '--limit <n>': 0 or more")
    }
  }

  func run() async throws {
    let folder = try conditions.location.folder
    let usage = ComparisonAxis.guestUsage.name
    let names = axes.axes.contains { $0.hasPrefix(usage) } ? axes.axes : [usage] + axes.axes
    let chosen = try ComparisonAxis.chosen(names, in: folder)
    let loaded = try conditions.load(scenario)
    let enumeration = DesignEnumeration(namedAfter: try Design.all(in: folder))
    let replaced = Set(chosen.map(\.name))
    let attacks = skipAttacks ? [] : Attack.all
    let every = asksForITSs(chosen, loaded) ? nil : ComparisonAxis.its
    let columns = chosen.reduce(every?.values.count ?? 1) { $0 * $1.values.count }
    let runs = enumeration.consistent.count * (columns + attacks.count)
    let space = await Progress.during("running every design", of: runs) { progress in
      await loaded.explore(
        enumeration, axes: chosen, every: every, messages: messages, attacks: attacks,
        arguments: [scenario] + conditions.arguments(without: replaced)
      ) { progress.show($0) }
    }
    guard let space else { return }
    try result.write(page: "Every combination of choices", purpose: loaded.purpose) {
      DesignSpaceReport(space, limit: limit).text(as: $0, on: $1)
    }
  }

  /// Whether the user, or the scenario, says how many ITSs there are.
  private func asksForITSs(_ axes: [ComparisonAxis], _ scenario: Scenario) -> Bool {
    conditions[.its] != nil || scenario.topology.itses > 1
      || axes.contains { $0.name == ComparisonAxis.its.name }
  }
}
