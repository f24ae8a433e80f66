import ArgumentParser
import Console
import Files
import HTMLReports
import Inspect
import Replay
import Reports
import SMMU
import Scenarios

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Tell what happened in a real machine, from the trace of its SMMU and ITS.",
    discussion: """
      A trace is a log of QEMU's trace events, plain or gzip'd, as QEMU writes it
      (with or without times) or as simpletrace.py prints it; or a folder with a
      qemu-trace.log.gz in it, and beside it, where they exist:

        summary.json         counts to compare with
        guest/after          pci.txt, lspci-xxxx.txt, iommu_groups.txt, interrupts
        guest/ftrace.txt.gz, guest/dmesg.txt, guest/acpi, guest-l2/...

      Other files of the same machine may be given with it, in any order; what
      each is shows in its lines: ftrace or trace-cmd text, a kernel log, 'lspci
      -xxxx' or -vv, listings of MSI-X tables and IOMMU groups, /proc/interrupts,
      or a folder with a memory image (image.elf.gz and regs.json). They are told
      of without a trace, too. 'doorbell record options' says how to make them.

      Logs are read as streams: their length does not matter. Lines that say
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

      With --design, or --all for every design, the recording becomes a workload: what one device mapped,
      accessed and signalled, at its times, is run under each design, as by
      'doorbell compare'. The design that the machine ran, where the trace shows a
      guest's device, is run first and compared with the recording, MSI by MSI and
      access by access.

      EXAMPLES
        doorbell replay qemu-trace.log.gz
        doorbell replay recorded-case --format json
        doorbell replay qemu-trace.log dmesg.txt lspci-xxxx.txt ftrace.txt
        doorbell replay --check recorded-case
        doorbell replay recorded-case --design untrapped --design forward-address
        doorbell replay recorded-case --all --guest-usage vfio

      EXIT STATUS
        0 all is well; 1 the emulator, the recorded counts or the recorded design
        disagree; 2 bad input. A log that was cut off is bad input, and so are
        damaged lines under --check: what could be read is told first.
      """)

  @Argument(
    help: ArgumentHelp("Folders with a trace, or files of one machine.", valueName: "trace"),
    completion: .file())
  var traces: [String]

  @Flag(help: "Run the emulator on the recording and compare.")
  var check = false

  @Option(help: "With --check: whose behaviour the SMMU shows.")
  var personality = ProofPersonality.qemu11

  @OptionGroup var designs: DesignOptions

  @Option(
    help: ArgumentHelp(
      "With --design: the PCI function to take, instead of the one that a guest had.",
      valueName: "bb:dd.f"))
  var function: Function?

  @OptionGroup(title: "Conditions, with --design") var conditions: ConditionOptions

  @OptionGroup var result: ResultOptions<PageFormat>

  func validate() throws {
    guard !check || !designs.areNamed else {
      throw ValidationError("expected one of --check and --design or --all")
    }
    guard designs.areNamed || [.table, .json, .html].contains(result.format) else {
      throw ValidationError("--format \(result.format.rawValue) needs --design or --all")
    }
  }

  func run() async throws {
    if designs.areNamed { return try await runDesigns() }
    let reports = try Progress.during("reading lines") { progress in
      try RecordedCase.machines(traces).map { recorded in
        try check
          ? recorded.check(personality: personality.smmu, label: personality.rawValue) {
            progress.show($0)
          }
          : recorded.tell { progress.show($0) }
      }
    }
    if result.format == .html {
      var page = DocumentPage(
        "Replay", purpose: traces.joined(separator: ", "), facts: .current)
      page.sections = reports.flatMap(\.sections)
      try result.write(page.html)
    } else {
      try result.write(
        result.format == .json
          ? JSONValue.array(reports.map(\.json)).indentedText + "\n"
          : result.fitted(reports.map(\.text).joined(separator: "\n")))
    }
    for report in reports {
      if let damage = report.damage { Output.error(damage) }
    }
    if reports.contains(where: { $0.damage != nil }) { throw ExitStatus.badInput }
    if !reports.allSatisfy(\.holds) { throw ExitStatus.failed }
  }

  /// Runs each recording under the designs.
  private func runDesigns() async throws {
    let folder = try conditions.location.folder
    let overrides = conditions.overrides(designs: designs.names(in: folder))
    var holds = true
    var text = ""
    var page = DocumentPage("Replay", purpose: traces.joined(separator: ", "), facts: .current)
    for machine in try RecordedCase.machines(traces) {
      let trace = machine.name
      let made = try Progress.during("reading lines") { progress in
        try machine.recording(of: function?.id) { progress.show($0) }
      }
      let study = try WhatIf(made, of: trace, in: folder, overrides: overrides)
      for remark in study.remarks { Output.note("doorbell: note: \(remark)") }
      let comparison = await Progress.during("running '\(study.scenario.name)'") { _ in
        await study.scenario.run()
      }
      let agreement = study.agreement(with: comparison)
      text += report(comparison, agreement)
      page.tables.append(
        .init("\(trace), under the designs", csv: comparison.report(as: .csv)))
      if let agreement { page.sections.append(Self.section(trace, agreement)) }
      if agreement?.holds == false { holds = false }
    }
    try result.write(result.format == .html ? page.html : text)
    if !holds { throw ExitStatus.failed }
  }

  /// Whether the design that the machine ran came out as recorded.
  private static func section(_ trace: String, _ agreement: RecordingAgreement) -> ReportSection {
    let verdict = ReportSection.Block.verdict(
      agreement.holds ? "agrees" : "differs", agreement.holds ? .good : .bad, agreement.text)
    return ReportSection("\(trace), as recorded", [verdict])
  }

  private func report(_ comparison: Comparison, _ agreement: RecordingAgreement?) -> String {
    guard result.format == .json else {
      let table = comparison.report(as: result.format.tabular ?? .table, on: result.terminal)
      return [.table, .html].contains(result.format)
        ? table + (agreement.map { "\n" + $0.text } ?? "") : table
    }
    guard case .object(let members) = comparison.json else { return "" }
    let all = members + [.init("asRecorded", agreement?.json ?? .null)]
    return JSONValue.object(all).indentedText + "\n"
  }
}

/// A PCI function as users write it: `00:02.0`, `0000:00:02.0` or its requester ID `0x10`.
struct Function: ExpressibleByArgument {
  let id: UInt32

  init?(argument: String) {
    guard let id = UInt32(requester: argument) else { return nil }
    self.id = id
  }
}
