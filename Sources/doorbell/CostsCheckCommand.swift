import ArgumentParser
import Console
import Designs
import Reports
import Scenarios
import Timing

struct CostsCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check cost models: every number known, none at odds with another.",
    usage: "doorbell costs check [<name|file> ...] [<options>]",
    discussion: """
      A malformed file is bad input. Beyond that, a model is checked for what cannot be: a trapped \
      access that takes less than a bare hypercall, say, or a derived number without its arithmetic.

      EXAMPLES
        doorbell costs check
        doorbell costs check ampere-altra my/costs.yaml --format json

      EXIT STATUS
        0 when nothing was found, 1 when something was, 2 for an unknown name or a malformed file.
      """
  )

  @Argument(help: ArgumentHelp("Names or files (default: all).", valueName: "name|file"))
  var names: [String] = []

  @OptionGroup var location: FolderOptions

  @OptionGroup var result: ResultOptions<OutputFormat>

  func run() throws {
    let folder = try location.folder
    let models =
      try names.isEmpty
      ? CostModel.all(in: folder) : names.map { try folder.costs(named: $0) }
    let report = CostCheckReport(models)
    try result.write(text: report.text(on: result.terminal), json: report.json)
    if !report.isClean { throw ExitStatus.failed }
  }
}
