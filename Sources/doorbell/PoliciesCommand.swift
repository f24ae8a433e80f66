public import ArgumentParser
import Console
package import IOMMU
import Reports
import Scripts

extension AttachPolicy: ExpressibleByArgument {}

struct PoliciesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policies",
    abstract: "Compare who refuses a device whose firmware wants regions one to one.",
    usage: "doorbell policies [<options>]",
    discussion: """
      RMRR, IVMD and RMR ask for regions that are mapped one to one. Who may take such a device \
      from its firmware, and with which errno is the rest refused? Each policy is what a Linux \
      release did, what the list proposed in April 2023, or what was merged; each device is \
      assigned by VFIO's type 1, or attached to a kernel user's domain.

      'firmware DMA' says whether the firmware could reach its regions all the time (survives), \
      not while the device was blocked (interrupted), or no more (cut off).

      With --switches, the Arm RAID controller's firmware writes to its region after every word and \
      command by which the SMMU's driver gives the device another domain: how many of these writes \
      are lost on each way, and what the SMMU records of them.

      EXAMPLES
        doorbell policies
        doorbell policies --switches
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

  @Flag(help: "Compare ways to switch domains under a firmware's DMA instead.")
  var switches = false

  @OptionGroup var result: ResultOptions<PageFormat>

  func run() throws {
    guard !switches else {
      let report = SwitchReport(DomainSwitch.all.compactMap { $0.run() })
      return try result.write(page: "Switches of domains under DMA", purpose: "") {
        report.text(as: $0, on: $1)
      }
    }
    let chosen = policies.isEmpty ? AttachPolicy.allCases : policies
    let outcomes = AttachCase.all.flatMap { subject in chosen.map { $0.attach(subject) } }
    try result.write(page: "Attachment policies", purpose: "") {
      PolicyReport(outcomes).text(as: $0, withChains: chain, on: $1)
    }
  }
}
