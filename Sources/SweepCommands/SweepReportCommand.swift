package import ArgumentParser
import Console
import Reports
import SweepFiles
package import Sweeps

extension SweepFormat: ResultForm {}

struct SweepReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Print the results of a sweep.",
    usage: "doorbell sweep report <file> [<options>]",
    discussion: """
      A row for each point: the fields that differ, the outcome, and quantities. A number that \
      rests on a range of the costs is printed as low..high; with several seeds, ± is half the \
      width of the 95 % confidence interval. CSV and JSON have every quantity. The HTML page needs \
      no network and draws each quantity against a field.

      EXAMPLES
        doorbell sweep report depth.sqlite
        doorbell sweep report depth.sqlite --quantity p99 --quantity exits
        doorbell sweep report depth.sqlite --format csv > depth.csv
        doorbell sweep report depth.sqlite --format html --x costs.table-read > depth.html

      EXIT STATUS
        0, also when points are missing, which the report says; 2 for bad input.
      """
  )

  @Argument(help: "A result file.", completion: .file())
  var file: String

  @Option(
    name: .customLong("quantity"),
    help: ArgumentHelp(
      "Show this quantity instead of the usual ones; may be repeated.", valueName: "name"))
  var quantities: [String] = []

  @Option(
    help: ArgumentHelp(
      "The field that plots go along (default: the last one whose values are numbers).",
      valueName: "field"))
  var x: String?

  @OptionGroup var result: ResultOptions<SweepFormat>

  func run() throws {
    let results = try SweepFile(opening: file).results()
    let report = try SweepReport(results, quantities: quantities, along: x)
    try result.write(report.text(as: result.format, on: result.terminal))
  }
}
