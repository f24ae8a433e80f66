import ArgumentParser
import Foundation
import InputFiles
import JSON
import Vectors

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run test vectors on the SMMU and ITS models and compare the answers.",
    discussion: """
      A vector file has one vector a line, as JSON, plain or gzip'd: the registers
      and the memory of a machine, accesses and commands, and what a reference
      implementation answered to each. Files are read as a stream, so their size
      does not matter.

      With --personality architecture (the default) the models follow the manuals.
      A vector whose file says that the recorded answer is the architecture's must
      be met in outcome, address, event, stage, class and IPA page; where the file
      says that the record deviates, the architecture's answer that it gives must
      be met. Vectors on which the file has no opinion are counted as unjudged.
      With --personality qemu-11 every recorded answer must be met, bit for bit.

      Where a rule of the manual contradicts the opinion in a file, the manual is
      met: such vectors are counted as overruled, neither as agreement nor as
      disagreement, and the report cites the rules and how often each decided.

      Each disagreement is printed with the vector, the step, the field, and what
      was expected and found; then totals by file and class.

      EXAMPLES
        doorbell verify smmu-nested-stage.jsonl.gz --personality qemu-11
        doorbell verify *.jsonl.gz --only nested --format json

      EXIT STATUS
        0 every judged vector agrees; 1 disagreements; 2 a file cannot be used.
      """)

  @Argument(help: ArgumentHelp("Vector files.", valueName: "file"))
  var files: [String]

  @Option(
    help: ArgumentHelp(
      "Whose behaviour to expect.", valueName: "architecture|qemu-11"))
  var personality = "architecture"

  @Option(help: ArgumentHelp("Print a table or JSON.", valueName: "table|json"))
  var format: ProofFormat = .table

  @Option(help: ArgumentHelp("Run the vectors of one class only.", valueName: "class"))
  var only: String?

  func validate() throws {
    guard ProofPersonality(rawValue: personality) != nil else {
      throw ValidationError(
        "expected --personality architecture or qemu-11, found \"\(personality)\"")
    }
  }

  func run() throws {
    guard let personality = ProofPersonality(rawValue: personality) else { return }
    var report = VerifyReport(personality)
    let progress = Progress("vectors")
    do {
      try report.run(files, only: only, with: VectorRunner(personality)) { progress.show($0) }
    } catch {
      progress.end()
      throw badInput("\(error)")
    }
    progress.end()
    print(format == .json ? report.json.indentedText : report.text)
    if !report.agrees { throw ExitCode(1) }
  }
}
