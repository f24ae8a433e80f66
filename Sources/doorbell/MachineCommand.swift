import ArgumentParser
import Console
import Files
import Machine
import Reports
import Scenarios

struct MachineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "machine",
    abstract: "List, show and write machines: address maps, devices and how they are attached.",
    discussion: """
      A machine says what stands where in the physical machine and in each VM, which devices there \
      are, behind which SMMUs and ITSs, and by which StreamIDs and DeviceIDs firmware knows them. \
      The built-in ones have the address maps of QEMU, OpenVMM, Cloud Hypervisor, crosvm and \
      kvmtool. A scenario runs on one with 'machine: NAME|FILE', or describes its own in place.

      EXAMPLES
        doorbell machine list
        doorbell machine show cloud-hypervisor
        doorbell machine new --from cloud-hypervisor -o mine.yaml

      EXIT STATUS
        0, or 2 for an unknown name, and for a file that is malformed or describes
        no machine that could run.
      """,
    subcommands: [
      MachineListCommand.self, MachineShowCommand.self, MachineNewCommand.self,
    ],
    defaultSubcommand: MachineListCommand.self
  )
}

struct MachineListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the built-in machines and those of the scenarios folder, one a line.",
    usage: "doorbell machine list [<options>]",
    discussion: """
      EXAMPLES
        doorbell machine list

      EXIT STATUS
        0, or 2 for a malformed file.
      """)

  @OptionGroup var result: ResultOptions<OutputFormat>

  @OptionGroup var location: FolderOptions

  func run() throws {
    let folder = try location.folder
    let machines = try folder.machineNames.map { try folder.machine(named: $0) }
    try result.write(
      text: MachineReport.list(machines, on: result.terminal),
      json: .array(machines.map { MachineReport($0).json }))
  }
}

struct MachineShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one machine: both maps, its devices, and what is worth knowing about it.",
    usage: "doorbell machine show [<options>] [<name|file>]",
    discussion: """
      A conflict in a file (frames that overlap, a BAR outside every window, more virtual CPUs than \
      redistributor frames) is one error with its line. What a run can be made with, but should \
      be known, is a note: the software MSI window over RAM or registers, a reserved range that \
      no device has.

      EXAMPLES
        doorbell machine show kvmtool
        doorbell machine show mine.yaml --format json

      EXIT STATUS
        0, or 2 for an unknown name, and for a file that is malformed or describes
        no machine that could run.
      """)

  @Argument(help: ArgumentHelp("Its name or file.", valueName: "name|file"))
  var name = "qemu-virt"

  @OptionGroup var result: ResultOptions<OutputFormat>

  @OptionGroup var location: FolderOptions

  func run() throws {
    let report = MachineReport(try location.folder.machine(named: name))
    try result.write(text: report.text(on: result.terminal), json: report.json)
  }
}

struct MachineNewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Write a machine file with every field, made from another machine.",
    usage: "doorbell machine new [<options>]",
    discussion: """
      The file has every field, each with a comment; a scenario runs on it with 'machine: FILE'.

      EXAMPLES
        doorbell machine new --from cloud-hypervisor -o mine.yaml
        doorbell machine new --from crosvm

      EXIT STATUS
        0, or 2 for an unknown name or a malformed file.
      """)

  @Option(help: ArgumentHelp("The machine that it is made from.", valueName: "name|file"))
  var from = "qemu-virt"

  @OptionGroup var output: OutputOption

  @OptionGroup var location: FolderOptions

  func run() throws {
    try output.write(location.folder.machine(named: from).fileText)
  }
}
