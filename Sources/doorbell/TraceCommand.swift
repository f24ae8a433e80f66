import ArgumentParser
import Console
import Designs
import Files
import Guest
import Reports
import Scenarios

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Write a run of a design as a trace for Perfetto.",
    usage: "doorbell trace [<scenario>] [<options>]",
    discussion: """
      Writes Chrome's JSON trace event format, which https://ui.perfetto.dev and chrome://tracing \
      show: a track for each party (guest kernel, VMM, host kernel, KVM) with its steps, one for \
      each unit that an MSI passes (device, SMMU, ITS, host, virtual CPU) by its number, counters of \
      the MSIs at each, and arrows that follow each MSI. Times are simulated; they rest on the cost model, as those of 'compare' do.

      Of a scenario with a load it writes the load itself: its first 2,000 MSIs, from all devices, at \
      the low end of the costs' ranges.

      EXAMPLES
        doorbell trace -o trace.json
        doorbell trace load-nvme -o load.json
        doorbell trace synthetic-4-vectors --design untrapped -o trace.json

      EXIT STATUS
        0 when the run was made, whatever became of the MSIs; 2 for bad input.
      """
  )

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var designs: DesignOptions

  @OptionGroup var output: OutputOption

  /// The most MSIs of a trace: some 13 KB each, and a viewer shows no more.
  private static let messageLimit = 20_000
  /// Number of MSIs of a load that are traced, from its first on.
  private static let loadLimit = 2_000

  func run() async throws {
    var scenario = try designs.load(options)
    if !designs.areNamed { scenario.designs = Array(scenario.designs.prefix(1)) }
    guard scenario.load == nil else {
      let comparison = try await Progress.during("running '\(scenario.name)'") { [scenario] _ in
        try await scenario.tracedLoad(of: Self.loadLimit)
      }
      return try output.write(TraceReport(comparison).json.compactText + "\n")
    }
    let messages =
      scenario.workload.messageCount * scenario.topology.devices * scenario.designs.count
    guard messages <= Self.messageLimit else {
      throw InputError(
        expected: "at most \(Self.messageLimit) MSIs to trace", found: String(messages),
        at: Place(file: scenario.file))
    }
    scenario.wantsTimeline = true
    let comparison = await Progress.during("running '\(scenario.name)'") {
      [scenario] _ in await scenario.run()
    }
    try output.write(TraceReport(comparison).json.compactText + "\n")
  }
}
