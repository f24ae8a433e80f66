import ArgumentParser
import Console
import Diagnosis
import Files
import HTMLReports
import Reports
import Scenarios

/// Format of a diagnosis.
enum DiagnosisFormat: String, ResultForm { case table, json, markdown, html }

struct DiagnoseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diagnose",
    abstract: "Find out why interrupts or DMA of a machine fail, from whatever files there are.",
    usage: "doorbell diagnose FILE|FOLDER... [<options>]",
    discussion: """
      Takes files and folders in any mix, and recognises each by what is in it, plain or gzip'd, in
      tar and zip archives:

        kernel logs       dmesg, journalctl, syslog, serial consoles
        functions         lspci in all verbosities, listings of MSI-X tables
        interrupts        /proc/interrupts, affinities, /sys/kernel/debug/irq
        IOMMU groups      listings, reserved_regions
        firmware          IORT, MADT, MCFG, DSDT, device trees
        VMMs              command lines and messages of QEMU, Cloud Hypervisor,
                          OpenVMM; libvirt domains; strace
        traces            ftrace and trace-cmd text of iommu:map and unmap
        bare words        four words of an SMMUv3 event, registers of an SMMU

      It joins them (requester ID to StreamID, SMMU, DeviceID, ITS, vector and interrupt count),
      names causes in order with the lines that show them, what they mean and a fix, says what it
      did not understand, and which file would settle what is open. A file's name means nothing.

      With --scenario the reporter's machine is written as a scenario and run beside other designs.

      EXAMPLES
        doorbell diagnose dmesg.txt lspci.txt interrupts.txt /sys/firmware/acpi/tables
        doorbell diagnose report.tar.gz --format json | jq '.causes[0].id'
        dmesg > log; doorbell diagnose log
        doorbell record options     (which files to collect, and how)

      EXIT STATUS
        0 nothing wrong found, and everything that matters understood; 1 a cause or an open
        question; 2 a file cannot be read.
      """)

  @Argument(
    help: ArgumentHelp("Files, archives or folders.", valueName: "file|folder"),
    completion: .file())
  var files: [String]

  @OptionGroup var result: ResultOptions<DiagnosisFormat>

  @Option(
    help: ArgumentHelp(
      "Write the machine as a scenario to this file, and run it beside other designs.",
      valueName: "file"), completion: .file())
  var scenario: String?

  @OptionGroup var location: FolderOptions

  func run() async throws {
    let diagnosis = try Progress.during("reading lines") { progress in
      var reader = CaseReader { progress.show($0) }
      try reader.read(files)
      return Diagnosis(reading: reader)
    }
    let text =
      switch result.format {
      case .table: result.fitted(diagnosis.text(width: result.terminal.width))
      case .json: diagnosis.json.indentedText + "\n"
      case .markdown: diagnosis.markdown
      case .html: page(diagnosis)
      }
    try result.write(text)
    if result.format != .table {
      for remark in diagnosis.remarks { Output.note("doorbell: note: \(remark)") }
    }
    if let scenario { try await run(ReportersMachine(diagnosis), as: scenario) }
    if !diagnosis.isHealthy { throw ExitStatus.failed }
  }

  private func page(_ diagnosis: Diagnosis) -> String {
    var page = DocumentPage(
      "Diagnosis", purpose: files.joined(separator: ", "), facts: .current)
    page.sections = diagnosis.sections
    return page.html
  }

  /// The scenario as written; where the models cannot have the machine's map, without it.
  private func readBack(
    _ machine: ReportersMachine, from file: OutputFile, at path: String
  ) throws -> Scenario {
    do { return try location.folder.scenario(named: path) } catch {
      Output.note("doorbell: note: the machine's map is left out: \(error)")
      try file.write(machine.text(places: false), isUpdate: true)
      return try location.folder.scenario(named: path)
    }
  }

  /// Writes the machine's scenario and runs it; beside a table the comparison goes to standard
  /// output, beside other forms to standard error.
  private func run(_ machine: ReportersMachine, as path: String) async throws {
    let file = try OutputFile(path, of: "--scenario")
    try file.write(machine.text)
    guard path != "-" else { return }
    let scenario = try readBack(machine, from: file, at: path)
    let comparison = try await Progress.during("running '\(scenario.name)'") { _ in
      try await scenario.run()
    }
    let table = comparison.report(as: .table, on: Output.terminal)
    if result.format == .table { try Output.write("\n" + table) } else { Output.note(table) }
  }
}
