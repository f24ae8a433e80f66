import ArgumentParser
import Console
import Linux

#if WHOLE
  import SweepCommands
#endif

/// The root command: parses, calls a subcommand, and turns errors into messages and exit statuses.
@main
struct Doorbell: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doorbell",
    abstract: "Find out whether an assigned device's MSI arrives in its VM, and why not.",
    discussion: """
      Doorbell models the hardware (SMMUv3, GICv3 ITS, PCI function) bit for bit in memory, and the \
      software around it (guest kernel, VMM, host kernel) version by version. It runs the same guest \
      and device under different designs of MSI virtualization and says what becomes of each \
      interrupt, what it costs, and why.

      EXAMPLES
        doorbell compare
            the shipped recording of a real nested guest, under three designs
        doorbell compare --guest-usage vfio --guest-kernel 6.6
            the same, with VFIO inside a guest of that kernel
        doorbell explain --design rmr-identity
            the first MSI's journey, station by station
        doorbell test scenarios
            checks what every scenario file expects

      FILES
        Scenarios, designs and cost models are YAML files in the folder 'scenarios'. It is looked \
      for in $DOORBELL_HOME, then around the working directory, then around the program; --scenarios \
      names another.

      EXIT STATUS
        0  all is well
        1  an expectation does not hold
        2  bad input: a flag, a name or a file
      """,
    version: versionText,
    subcommands: [
      CompareCommand.self, ExplainCommand.self, TraceCommand.self, TestCommand.self,
      VerifyCommand.self,
      TranslateCommand.self, DecodeCommand.self, DiagnoseCommand.self, ReplayCommand.self,
      RecordCommand.self,
      IORTCommand.self, FactsCommand.self,
      DesignsCommand.self, LoadCommand.self, sweep, PoliciesCommand.self,
      CostsCommand.self, ReleasesCommand.self, AttackCommand.self, RacesCommand.self,
      ReproduceCommand.self,
      MachineCommand.self, SchemaCommand.self, SiteCommand.self,
    ]
  )

  // Sweeps need SQLite and its wrapper, which would double the time of the first build: they are a
  // part of the program in a release (DOORBELL_WHOLE=1), and a program of their own in a checkout.
  #if WHOLE
    private static let sweep: any ParsableCommand.Type = SweepGroup.self
  #else
    private static let sweep: any ParsableCommand.Type = SweepCommand.self
  #endif

  /// The version, and the releases of Linux that the models tell apart.
  private static var versionText: String {
    "\(Version.text)\nmodels of Linux \(Kernel.oldest) to \(Kernel.newest), as guest and as host"
  }

  static let _errorPrefix = "doorbell: error: "

  static func main() async { await runProgram() }
}
