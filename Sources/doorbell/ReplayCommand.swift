import ArgumentParser
import Foundation
import InputFiles
import JSON
import Replay

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

  @Option(
    help: ArgumentHelp(
      "With --check: whose behaviour the SMMU shows.", valueName: "qemu-11|architecture"))
  var personality = "qemu-11"

  @Option(help: ArgumentHelp("Print a table or JSON.", valueName: "table|json"))
  var format: ProofFormat = .table

  func run() throws {
    let progress = Progress("lines")
    var reports: [ReplayReport] = []
    do {
      for trace in traces {
        let recorded = try RecordedCase(trace)
        reports.append(
          try check
            ? recorded.check(personality: personality, progress: progress.show)
            : recorded.tell(progress: progress.show))
      }
    } catch {
      progress.end()
      throw badInput("\(error)")
    }
    progress.end()
    let text =
      format == .json
      ? JSONValue.array(reports.map(\.json)).indentedText + "\n"
      : reports.map(\.text).joined(separator: "\n")
    try Output.write(text)
    if !reports.allSatisfy(\.holds) { throw ExitCode(1) }
  }
}
