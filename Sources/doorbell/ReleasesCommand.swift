import ArgumentParser
import Console
import Files
import Linux
import Reports
import Scenarios

struct ReleasesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "releases",
    abstract: "List what came with which release of Linux and of VMMs, and what did not yet.",
    discussion: """
      Each behaviour that the models switch by release has a name, the release that brought it, who \
      says so, whether it was ever released, and what it changes. A kernel can have behaviours of \
      other releases, or of patches that were only posted: --host-kernel 6.12+sw-msi-native, or \
      --guest-kernel 7.3+no-require-direct.

      EXAMPLES
        doorbell releases list
        doorbell releases list --format markdown
        doorbell releases show sw-msi-native

      EXIT STATUS
        0, or 2 for an unknown name.
      """,
    subcommands: [ReleasesList.self, ReleasesShow.self], defaultSubcommand: ReleasesList.self)
}

struct ReleasesList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List all switches, one a line.",
    discussion: """
      'effect in the models' is 'results' where verdicts, messages, reasons or exits change, 'steps' \
      where runs take other steps to the same end, 'scripts' where only scripts show it, and 'none \
      yet'; behind it stands whose kernel decides.

      EXAMPLES
        doorbell releases list
        doorbell releases list --format json | jq '.[].name'

      EXIT STATUS
        0.
      """)

  @OptionGroup var result: ResultOptions<ReportFormat>

  func run() throws {
    try result.write(ReleaseReport().text(as: result.format, on: result.terminal))
  }
}

struct ReleasesShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one switch in full.",
    discussion: """
      EXAMPLES
        doorbell releases show require-direct

      EXIT STATUS
        0, or 2 for an unknown name.
      """)

  @Argument(help: "Its name.")
  var name: String

  @OptionGroup var result: ResultOptions<OutputFormat>

  func run() throws {
    guard let item = ReleaseSwitch(rawValue: name) else {
      throw InputError(
        "expected a switch ('doorbell releases list' names them), found '\(name)'"
          + (nearestName(to: name, among: ReleaseSwitch.allCases.map(\.rawValue)).map {
            "; did you mean '\($0)'?"
          } ?? ""))
    }
    try result.write(text: item.text(on: result.terminal), json: item.json)
  }
}
