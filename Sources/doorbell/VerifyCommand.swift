import ArgumentParser
import Console
import Inspect

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run test vectors on the models and compare the answers.",
    usage: "doorbell verify <file> ... [<options>]",
    discussion: """
      A vector file has one vector a line, as JSON, plain or gzip'd: the registers
      and the memory of a machine, accesses and commands, and what a reference
      implementation answered to each. Files are read as a stream, so their size
      does not matter. A vector is about an SMMU, an ITS or both, about a RISC-V
      IOMMU (it has a member "iommu"), about Intel's VT-d ("vtd") or about AMD's
      IOMMU ("amd").

      With --personality architecture (the default) the models follow the manuals.
      A vector whose file says that the recorded answer is the architecture's must
      be met in outcome, address, event, stage, class and IPA page; where the file
      says that the record deviates, the architecture's answer that it gives must
      be met. Vectors on which the file has no opinion are counted as unjudged.
      With --personality qemu-11 every recorded answer must be met, bit for bit, but
      for 'perm': QEMU records the permission that it caches, which leaves out
      stage 2 of a nested translation and APTable. So the models' permission must
      lie within the recorded one; whether the access passes is met exactly.

      With --personality riscv-model every answer that the reference model of the
      RISC-V IOMMU recorded must be met. Page sizes and the page offset of iotval2
      are an implementation's choice and are not compared. Where a file says that
      caches may answer either way, either answer will do.

      Where a rule of the manual contradicts the opinion in a file, the manual is
      met: such vectors are counted as overruled, neither as agreement nor as
      disagreement, and the report cites the rules and how often each decided.

      Each disagreement is printed with the vector, the step, the field, and what
      was expected and found; then totals by file and class.

      A file of access vectors has what a real kernel read and wrote in the pages
      that a hypervisor emulates, in order: a header line, then one access a line.
      The model of that release goes through the same steps with the same device,
      driver, CPUs and page size, and its accesses are compared phase by phase:
      block, register, direction, width, and value as far as the kernel decides
      it. A poll may read more than once. The first difference of each phase of
      each step is printed, then totals by phase; what no model does is counted
      as not modelled. Files of commands that belong to such a file are skipped.

      EXAMPLES
        doorbell verify smmu-nested-stage.jsonl.gz --personality qemu-11
        doorbell verify *.jsonl.gz --only nested --format json
        doorbell verify riscv-msi.jsonl.gz --personality riscv-model
        doorbell verify access/*.jsonl.gz

      EXIT STATUS
        0 every judged vector agrees; 1 disagreements; 2 a file cannot be used.
      """)

  @Argument(help: ArgumentHelp("Vector files.", valueName: "file"), completion: .file())
  var files: [String]

  @Option(help: "Whose behaviour to expect.")
  var personality = ProofPersonality.architecture

  @OptionGroup var result: ResultOptions<OutputFormat>

  @Option(help: ArgumentHelp("Run the vectors of one class only.", valueName: "class"))
  var only: String?

  func run() throws {
    var report = VerifyReport(personality)
    let runner = try VectorRunner(personality)
    try Progress.during("running vectors") { progress in
      try report.run(files, only: only, with: runner) { progress.show($0) }
    }
    try result.write(text: report.text + "\n", json: report.json)
    if !report.agrees { throw ExitStatus.failed }
  }
}
