import ArgumentParser
import Console
import Files
import Replay

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Prepare, pack and look at recordings of real machines.",
    discussion: """
      A recording is the compact account of one device of a traced machine: what its
      guest mapped, what it accessed and signalled, and what the hardware made of it.
      Scenarios use it as their workload.

      EXAMPLES
        doorbell record options
        doorbell record pack recorded-case -o nvme.jsonl
        doorbell record show nvme.jsonl

      EXIT STATUS
        0, or 2 for bad input.
      """,
    subcommands: [RecordOptions.self, RecordPack.self, RecordShow.self])
}

struct RecordOptions: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "options",
    abstract: "Print how to trace a machine: QEMU's options and Linux's tracing commands.",
    discussion: """
      EXAMPLES
        doorbell record options
        doorbell record options --events > trace-events.txt

      EXIT STATUS
        0.
      """)

  @Flag(help: "Print only the names of QEMU's trace events, for its '-trace events=FILE'.")
  var events = false

  @OptionGroup var output: OutputOption

  func run() throws {
    try output.write(
      events ? TracingGuide.events.map { $0 + "\n" }.joined() : TracingGuide.text)
  }
}

struct RecordPack: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Make a recording from a folder of raw files, or from a trace.",
    discussion: """
      Reads qemu-trace.log (plain or gzip'd) and, where they exist, guest/ (what the
      machine's Linux said), guest-l2/ (what a guest inside it said) and summary.json.
      One device is recorded: the one that a guest had, or the one that is named.

      The result is text, one JSON object a line, with a version and a SHA-256;
      scenarios/recordings/README.md describes it. What the files do not say is said
      on standard error.

      EXAMPLES
        doorbell record pack recorded-case -o nvme.jsonl
        doorbell record pack qemu-trace.log.gz --function 00:02.0 -o nic.jsonl

      EXIT STATUS
        0, or 2 when nothing could be recorded; nothing is written then.
      """)

  @Argument(
    help: ArgumentHelp("A folder with a trace, or a trace.", valueName: "source"),
    completion: .directory)
  var source: String

  @OptionGroup var output: OutputOption

  @Option(
    help: ArgumentHelp(
      "The PCI function to record, instead of the one that a guest had.", valueName: "bb:dd.f"))
  var function: Function?

  func run() throws {
    let made = try Progress.during("reading lines") { progress in
      try RecordedCase(source).recording(of: function?.id) { progress.show($0) }
    }
    for remark in made.remarks { Output.note("doorbell: note: \(remark)") }
    try output.write(made.text, isExact: true)
    if let path = output.output, FileStatus(path)?.isRegular == true {
      try Output.write(RecordingSummary(path: path).text)
    }
  }
}

struct RecordShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Check a recording and say what is in it.",
    usage: "doorbell record show <file> [<options>]",
    discussion: """
      EXAMPLES
        doorbell record show scenarios/recordings/nested-kvm-nvme.jsonl
        doorbell record show nvme.jsonl --events | less

      EXIT STATUS
        0, or 2 for a file that is damaged, newer, or no recording.
      """)

  @Argument(help: "The recording.", completion: .file())
  var file: String

  @Flag(help: "Print the events, one a line, instead.")
  var events = false

  @OptionGroup var result: ResultOptions<OutputFormat>

  func run() throws {
    let summary = try RecordingSummary(path: file)
    if events, result.format == .table { return try result.write(summary.eventText) }
    try result.write(text: summary.text, json: summary.json)
  }
}
