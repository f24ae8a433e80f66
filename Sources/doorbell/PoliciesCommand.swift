public import ArgumentParser
public import IOMMU
import Reports

extension AttachPolicy: ExpressibleByArgument {}

struct PoliciesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policies",
    abstract: "Compare who refuses a device whose firmware wants regions one to one.",
    discussion: """
      RMRR, IVMD and RMR ask for regions that are mapped one to one. Who may take such a device \
      from its firmware, and with which errno is the rest refused? Each policy is what a Linux \
      release did, what the list proposed in April 2023, or what was merged; each device is \
      assigned by VFIO's type 1, or attached to a kernel user's domain.

      'firmware DMA' says whether the firmware could reach its regions all the time (survives), \
      not while the device was blocked (interrupted), or no more (cut off).

      EXAMPLES
        doorbell policies
        doorbell policies --policy williamson --policy merged --chain
        doorbell policies --format csv

      EXIT STATUS
        0.
      """
  )

  @Option(
    name: .customLong("policy"),
    help: "One policy; may be repeated (default: all).")
  var policies: [AttachPolicy] = []

  @Flag(help: "Print what led to each outcome.")
  var chain = false

  @Option(help: "How to print.")
  var format = ReportFormat.table

  func run() throws {
    let chosen = policies.isEmpty ? AttachPolicy.allCases : policies
    let outcomes = AttachCase.all.flatMap { subject in chosen.map { $0.attach(subject) } }
    try Output.write(
      PolicyReport(outcomes).text(as: format, withChains: chain, on: Output.terminal))
  }
}
