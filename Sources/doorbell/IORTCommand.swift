import ArgumentParser
import Console
import Files
import Firmware
import HTMLReports
import Inspect
import Reports

struct IORTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "iort",
    abstract: "Print and check the firmware tables that give devices their IDs.",
    usage: "doorbell iort <file> ... [<options>]",
    discussion: """
      A FILE is an IORT, MADT (APIC), MCFG, DSDT or SSDT table, the text of acpidump or of 'iasl -d', \
      a device tree as blob or source, or a folder: of such tables under any names, as \
      /sys/firmware/acpi/tables, or a device tree as /proc/device-tree. Files are recognised by their \
      contents and may be gzip'd. Each folder, IORT and device tree is a machine; the other tables \
      belong to every machine that lacks them.

      Prints a summary, the route of each function that --rid names to its StreamID, SMMU, DeviceID and \
      doorbell, findings by rule with what they do to an MSI, and what the tables say about SMMUs, MSI \
      controllers, host bridges and reserved memory. Without a MADT, MCFG or DSDT the checks that \
      need them are left out, and so are for a board's own tables those that concern a guest's.

      The DSDT is searched for function 5 of the host bridges' _DSM, without which Linux ignores \
      reserved memory ranges for PCI functions; code of an unusual form is called unknown.

      EXAMPLES
        doorbell iort /sys/firmware/acpi/tables --rid 01:00.0
        doorbell iort /sys/firmware/acpi/tables/IORT --dsdt /sys/firmware/acpi/tables/DSDT --fields
        doorbell iort machine.dtb

      EXIT STATUS
        0 no errors found; 1 a finding is an error; 2 a file cannot be read or is no such table.
      """)

  @Argument(
    help: ArgumentHelp("Tables, device trees or folders.", valueName: "file"), completion: .file())
  var files: [String]

  @Option(help: ArgumentHelp("The MADT.", valueName: "file"), completion: .file())
  var madt: String?

  @Option(help: ArgumentHelp("The MCFG.", valueName: "file"), completion: .file())
  var mcfg: String?

  @Option(help: ArgumentHelp("The DSDT.", valueName: "file"), completion: .file())
  var dsdt: String?

  @Option(
    help: ArgumentHelp(
      "Show the route of a function; may be repeated.", valueName: "[segment:]bus:dev.fn"),
    transform: {
      guard let id = RequesterID($0) else {
        throw ValidationError("expected --rid BUS:DEV.FN in hexadecimal, found \"\($0)\"")
      }
      return id
    })
  var rid: [RequesterID] = []

  @Option(
    help: ArgumentHelp(
      "Where the host puts its software MSI window of 1 MiB; by default 0x8000000.",
      valueName: "address"),
    transform: {
      guard let window = MSIWindow($0) else {
        throw ValidationError("expected --window 0xADDRESS, found \"\($0)\"")
      }
      return window
    })
  var window = MSIWindow.standard

  @Option(
    help: ArgumentHelp(
      "Whose machine it is; by default what the tables tell: OEM ID or root node.",
      valueName: "host|guest"))
  var view: View?

  /// The machine's owner as people write it.
  enum View: String, CaseIterable, ExpressibleByArgument { case host, guest }

  @Flag(help: "Print every field of every table with its meaning, too.")
  var fields = false

  @OptionGroup var result: ResultOptions<TextPageFormat>

  func run() throws {
    let machines = try FirmwareFiles.machines(
      files, with: [madt, mcfg, dsdt].compactMap(\.self))
    let reports = machines.map {
      FirmwareReport(
        $0, requesterIDs: rid, window: window.addresses,
        view: view.map { $0 == .host ? .host : .guest })
    }
    try result.write(
      page: "Firmware tables", purpose: files.joined(separator: ", "),
      text: { _ in reports.map { $0.text(fields: fields) }.joined(separator: "\n") },
      json: .array(reports.map(\.json))
    ) { $0.sections = reports.flatMap { $0.sections(fields: fields) } }
    if reports.contains(where: \.hasErrors) { throw ExitStatus.failed }
  }
}
