import ArgumentParser
import Console
import Files
import Replay
import Reports
import Scenarios
import Timing

struct CostsFitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Write a cost file with the times that kernel traces show.",
    usage: "doorbell costs fit <trace> ... --platform <machine> [<options>]",
    discussion: """
      Reads traces of a Linux host: events of kvm and irq (from an exit to the next entry of the same \
      thread), and the function graph. 'doorbell costs probe' prints how to record them. Each cost that \
      occurs ten times at least is written as measured, with its count, median and spread; all \
      others are those of --base, with their own sources and platforms.

      Times of an emulated machine are the emulator's and say nothing of silicon: a trace beside a \
      command line or a log that names TCG is refused.

      EXAMPLES
        doorbell costs fit host-trace.txt --platform "Neoverse N2, Linux 6.12" -o my/n2.yaml
        doorbell costs check my/n2.yaml

      EXIT STATUS
        0; 1 when no cost occurs often enough; 2 for bad input, an emulated machine included.
      """
  )

  @Argument(help: ArgumentHelp("Traces, plain or gzip'd.", valueName: "trace"))
  var traces: [String]

  @Option(help: ArgumentHelp("The machine that was traced, in words.", valueName: "machine"))
  var platform: String

  @Option(help: ArgumentHelp("The cost model that has the other numbers.", valueName: "name|file"))
  var base = "ampere-altra"

  @OptionGroup var location: FolderOptions

  @OptionGroup var result: ResultOptions<OutputFormat>

  func validate() throws {
    guard platform.contains(where: { !$0.isWhitespace }) else {
      throw ValidationError("'--platform' names the machine that was traced, such as its CPU")
    }
  }

  func run() throws {
    let base = try location.folder.costs(named: base)
    var found = CostTrace()
    for path in traces {
      if let sign = EmulatedRecording.sign(near: path) {
        throw InputError(
          expected: "a trace of a real machine", found: "emulated time (\(sign))",
          at: Place(file: path))
      }
      var reader = LogReader<CostTraceParser>()
      try reader.read(path, into: &found)
      let known = reader.counts.understood + reader.counts.other
      guard known > 0 else {
        throw InputError(
          expected: "a trace of a Linux kernel ('doorbell costs probe' says how to record one)",
          found: "no line of one", at: Place(file: path))
      }
    }
    let fitted = CostModel.Item.allCases.compactMap { item in
      found.times[item].flatMap { FittedCost(item, $0) }
    }
    let text = base.file(with: fitted, platform: platform, traces: traces.map { baseName($0) })
    try result.write(
      text: text,
      json: .array(
        fitted.map {
          [
            "cost": .string($0.item.name), "count": .integer($0.count),
            "median": .number($0.median), "low": .number($0.low), "high": .number($0.high),
            "unit": "ns",
          ]
        }))
    if fitted.isEmpty {
      Output.note(
        "doorbell: no cost occurs ten times: the file has the numbers of '\(base.name)' alone")
      throw ExitStatus.failed
    }
  }
}
