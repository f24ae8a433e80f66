import ArgumentParser
import Console
import Files
import Foundation
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

  func run() throws {
    try Output.write(
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
        doorbell record pack qemu-trace.log.gz --device 00:02.0 -o nic.jsonl

      EXIT STATUS
        0, or 2 when nothing could be recorded; nothing is written then.
      """)

  @Argument(help: ArgumentHelp("A folder with a trace, or a trace.", valueName: "source"))
  var source: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write; standard output if not given.", valueName: "file"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The device to record, instead of the one that a guest had.", valueName: "bb:dd.f"))
  var device: Function?

  func run() throws {
    let made = try Progress.during("reading lines") { progress in
      try RecordedCase(source).recording(of: device?.id) { progress.show($0) }
    }
    for remark in made.remarks { Output.note("doorbell: note: \(remark)") }
    guard let output else { return try Output.write(made.text) }
    do { try made.text.write(toFile: output, atomically: true, encoding: .utf8) } catch {
      throw InputError(
        "expected a file that can be written, found '\(error.localizedDescription)'",
        at: Place(file: output))
    }
    try Output.write(RecordingSummary(path: output).text)
  }
}

struct RecordShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Check a recording and say what is in it.",
    discussion: """
      EXAMPLES
        doorbell record show scenarios/recordings/nested-kvm-nvme.jsonl
        doorbell record show nvme.jsonl --events | less

      EXIT STATUS
        0, or 2 for a file that is damaged, newer, or no recording.
      """)

  @Argument(help: "The recording.")
  var file: String

  @Flag(help: "Print the events, one a line, instead.")
  var events = false

  @Option(help: "How to print.")
  var format = OutputFormat.table

  func run() throws {
    let summary = try RecordingSummary(path: file)
    try Output.write(
      format, text: events ? summary.eventText : summary.text, json: summary.json)
  }
}
