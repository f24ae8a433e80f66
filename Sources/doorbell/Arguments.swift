public import ArgumentParser
import Console
package import Designs
package import Guest
package import Inspect
package import Linux
import Scenarios
package import VMM

extension GuestUsage: ExpressibleByArgument {}
extension UnmapPolicy: ExpressibleByArgument {}

extension FirmwareVariant: ExpressibleByArgument {}

extension IdleVirtualCPU: ExpressibleByArgument {}

extension KernelVersion: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}

extension ProofPersonality: ExpressibleByArgument {}

extension SetupOrder: ExpressibleByArgument {}

extension VMOVPScope: ExpressibleByArgument {}

extension HostMSIController: ExpressibleByArgument {}

extension VMMPersonality: ExpressibleByArgument {}

extension PageSize: ExpressibleByArgument {}

/// What stands in the physical machine instead of what the scenario says.
struct MachineOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Assigned devices, 1 to 65.", valueName: "n"))
  var devices: Int?

  @Option(
    help: ArgumentHelp(
      "Physical ITSs, 1 to 65; device i's MSIs go to ITS i modulo this.", valueName: "n"))
  var its: Int?

  @Option(
    help: ArgumentHelp(
      "Physical SMMUs, 1 to 4; device i stands behind SMMU i modulo this.", valueName: "n"))
  var smmus: Int?

  @Option(help: "In which order the guest's drivers set the devices up.")
  var order: SetupOrder?

  @Option(help: "What takes the physical MSIs.")
  var hostController: HostMSIController?

  @Option(help: "Which ITSs a VMOVP moves a virtual CPU on, with GICv4.")
  var vmovp: VMOVPScope?

  var overrides: TopologyOverrides {
    var overrides = TopologyOverrides()
    overrides.devices = devices
    overrides.its = its
    overrides.smmus = smmus
    overrides.order = order
    overrides.vmovp = vmovp
    overrides.controller = hostController
    return overrides
  }
}

/// Which scenario to run, and what to run instead of what it says.
struct ScenarioOptions: ParsableArguments {
  @Argument(help: "A scenario file, or the name of a shipped scenario.", completion: .scenarios)
  var scenario = Self.standard

  /// The scenario that runs when none is named.
  static let standard = "default"

  @OptionGroup var conditions: ConditionOptions

  /// The scenario, under these designs instead of its own when there are any.
  func load(designs: [String]) throws -> Scenario {
    try conditions.load(scenario, designs: designs)
  }

  /// The arguments that ask for the same again, without the options of these names.
  func arguments(without names: Set<String> = []) -> [String] {
    (scenario == Self.standard ? [] : [scenario]) + conditions.arguments(without: names)
  }
}

/// What to run instead of what a scenario says.
struct ConditionOptions: ParsableArguments {
  @Option(help: "How the guest uses the device.")
  var guestUsage: GuestUsage?

  @Option(help: "When the guest invalidates what it has unmapped.")
  var guestUnmap: UnmapPolicy?

  @Option(help: ArgumentHelp("Release of the guest's Linux kernel.", valueName: "x.y"))
  var guestKernel: KernelVersion?

  @Option(help: ArgumentHelp("Release of the host's Linux kernel.", valueName: "x.y"))
  var hostKernel: KernelVersion?

  @Option(help: "What the guest's firmware tables leave out.")
  var firmware: FirmwareVariant?

  @Option(help: "What the guest's virtual CPU does between interrupts.")
  var idle: IdleVirtualCPU?

  @Option(help: "Whose address map the guest has.")
  var vmm: VMMPersonality?

  @Option(help: "The guest's page size.")
  var guestPageSize: PageSize?

  @Option(help: "The host's page size.")
  var hostPageSize: PageSize?

  @Option(
    help: ArgumentHelp("A cost model's name or file.", valueName: "name|file"),
    completion: .costModels)
  var costs: String?

  @Option(help: "Seed of whatever is random.")
  var seed: UInt32?

  @OptionGroup(title: "Machine") var machine: MachineOptions

  @OptionGroup var location: FolderOptions

  /// The scenario of a name or a path, under these designs instead of its own when there are any.
  func load(_ scenario: String, designs: [String] = []) throws -> Scenario {
    var overrides = ScenarioOverrides()
    overrides.designs = designs
    overrides.usage = guestUsage
    overrides.unmapPolicy = guestUnmap
    overrides.guestKernel = guestKernel
    overrides.hostKernel = hostKernel
    overrides.firmware = firmware
    overrides.idle = idle
    overrides.topology = machine.overrides
    overrides.vmm = vmm
    overrides.guestPageSize = guestPageSize
    overrides.hostPageSize = hostPageSize
    overrides.costs = costs
    overrides.seed = seed
    return try location.folder.scenario(named: scenario, overrides: overrides)
  }

  /// The options that ask for the same again, without those of these names.
  func arguments(without names: Set<String>) -> [String] {
    let options: KeyValuePairs<String, String?> = [
      "--devices": machine.devices.map { String($0) }, "--its": machine.its.map { String($0) },
      "--vmm": vmm?.rawValue, "--guest-page-size": guestPageSize?.rawValue,
      "--host-page-size": hostPageSize?.rawValue,
      "--smmus": machine.smmus.map { String($0) }, "--order": machine.order?.rawValue,
      "--vmovp": machine.vmovp?.rawValue,
      "--host-controller": machine.hostController?.rawValue,
      "--guest-usage": guestUsage?.rawValue, "--guest-unmap": guestUnmap?.rawValue,
      "--guest-kernel": guestKernel?.description,
      "--host-kernel": hostKernel?.description, "--firmware": firmware?.rawValue,
      "--idle": idle?.rawValue, "--costs": costs, "--seed": seed.map { String($0) },
      "--scenarios": location.scenarios,
    ]
    return options.flatMap { name, value in
      value.map { names.contains(name) ? [] : [name, $0] } ?? []
    }
  }
}
