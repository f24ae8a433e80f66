import ArgumentParser
import Console
import Files
import Firmware
import Inspect
import Reports

struct IORTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "iort",
    abstract: "Print and check the firmware tables that give devices their IDs.",
    usage: "doorbell iort <file> ... [<options>]",
    discussion: """
      A FILE is an IORT, MADT (APIC), MCFG, DSDT or SSDT table, a flattened device tree, or a folder \
      with IORT.aml, APIC.aml, MCFG.aml, DSDT.aml or machine.dtb. Each folder, IORT and device tree is \
      a machine; the other tables belong to every machine that lacks them. On a running Linux the \
      tables are in /sys/firmware/acpi/tables and /sys/firmware/fdt.

      Prints every field with its meaning, what the tables say about SMMUs, ITSs, root complexes and \
      reserved memory ranges, the route of a requester ID to its StreamID and DeviceID, and findings: \
      each with a severity, what was found, and what it does to an MSI. Without a MADT, MCFG or \
      DSDT the checks that need them are left out.

      The DSDT is searched for function 5 of the host bridges' _DSM, without which Linux ignores \
      reserved memory ranges for PCI functions; code of an unusual form is called unknown.

      EXAMPLES
        doorbell iort /sys/firmware/acpi/tables/IORT --dsdt /sys/firmware/acpi/tables/DSDT
        doorbell iort machine.dtb --rid 01:00.0

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

  @OptionGroup var result: ResultOptions<TextPageFormat>

  func run() throws {
    let machines = try FirmwareFiles.machines(
      files, with: [madt, mcfg, dsdt].compactMap(\.self))
    let reports = machines.map {
      FirmwareReport($0, requesterIDs: rid, window: window.addresses)
    }
    try result.write(
      page: "Firmware tables", purpose: files.joined(separator: ", "),
      text: { _ in reports.map(\.text).joined(separator: "\n") },
      json: .array(reports.map(\.json)))
    if reports.contains(where: \.hasErrors) { throw ExitStatus.failed }
  }
}
