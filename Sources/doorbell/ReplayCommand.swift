import ArgumentParser
import Console
import InputFiles
import JSON
import Replay
import SMMU
import Vectors

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Tell what happened in a real machine, from the trace of its SMMU and ITS.",
    discussion: """
      A trace is a log of QEMU's trace events, plain or gzip'd, as QEMU writes it
      (with or without times) or as simpletrace.py prints it; or a folder with a
      qemu-trace.log.gz in it, and beside it, where they exist:

        summary.json       counts to compare with
        guest/after        what Linux said: pci.txt, iommu_groups.txt, interrupts

      The log is read as a stream: its length does not matter. Lines that say
      nothing of interest are counted and skipped.

      Without more, the command prints the machine's story: for each device its
      translations, the addresses of its messages and what each stage makes of
      them, its faults, and each vector's way from EventID to LPI to CPU, with
      counts and rates; then what looks wrong.

      With --check the emulator is given what the machine's software did (register
      writes, commands, tables) and what its devices did (accesses, messages), and
      every recorded outcome is compared with its own. The emulator shows QEMU's
      behaviour then, whose traces these are; --personality architecture shows
      where that deviates from the manual.

      EXAMPLES
        doorbell replay qemu-trace.log.gz
        doorbell replay recorded-case --format json
        doorbell replay --check recorded-case

      EXIT STATUS
        0 all is well; 1 the emulator or the recorded counts disagree; 2 bad input.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders with one.", valueName: "trace"))
  var traces: [String]

  @Flag(help: "Run the emulator on the recording and compare.")
  var check = false

  @Option(help: "With --check: whose behaviour the SMMU shows.")
  var personality = ProofPersonality.qemu11

  @Option(help: "How to print.")
  var format = OutputFormat.table

  func run() throws {
    let reports = try Progress.during("reading lines") { progress in
      try traces.map { trace in
        let recorded = try RecordedCase(trace)
        return try check
          ? recorded.check(personality: personality.smmu, label: personality.rawValue) {
            progress.show($0)
          }
          : recorded.tell { progress.show($0) }
      }
    }
    try Output.write(
      format, text: reports.map(\.text).joined(separator: "\n"),
      json: .array(reports.map(\.json)))
    if !reports.allSatisfy(\.holds) { throw ExitStatus.failed }
  }
}
