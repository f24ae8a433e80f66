package import Designs
package import Files

extension Shape {
  /// The physical machine of a scenario.
  static let machine = Shape.record([
    .optional(
      "devices", .integer(1...UInt64(Topology.maximumDevices)),
      "Assigned devices, all like the workload's; as many as ITSs and SMMUs if not given."),
    .optional(
      "its", .integer(1...UInt64(Topology.maximumITSs)),
      "Physical ITSs: device i's MSIs go to ITS i modulo this.", standard: .integer(1)),
    .optional(
      "smmus", .integer(1...UInt64(Topology.maximumSMMUs)),
      "Physical SMMUs: device i stands behind SMMU i modulo this.", standard: .integer(1)),
    .optional(
      "order", .choice(of: SetupOrder.self, \.meaning),
      "In which order the guest's drivers set the devices up.",
      standard: .string(SetupOrder.forward.rawValue)),
    .optional(
      "controller", .choice(of: HostMSIController.self, \.meaning),
      "What takes the physical MSIs.", standard: .string(HostMSIController.its.rawValue)),
    .optional(
      "vmovp", .choice(of: VMOVPScope.self, \.meaning),
      "Which ITSs a VMOVP moves a virtual CPU on, with GICv4.",
      standard: .string(VMOVPScope.all.rawValue)),
  ])
}

extension SetupOrder {
  /// What the choice means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .forward: "The first device first."
    case .reverse: "The last device first."
    }
  }
}

extension HostMSIController {
  /// What the choice means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .its: "ITSs, which know devices by their DeviceIDs."
    case .gicv2m: "A GICv2m frame: any device can signal any of its SPIs, so VFIO refuses."
    case .gicv2mUnsafe: "The same, with allow_unsafe_interrupts for the host's VFIO."
    }
  }
}

extension VMOVPScope {
  /// What the choice means, for readers of the schema.
  package var meaning: String {
    switch self {
    case .all: "All of them (GITS_TYPER.VMOVP)."
    case .listed: "Only the one that gets the command, so that software keeps an ITS list."
    }
  }
}

/// What the user asks for instead of a scenario's `machine`.
package struct TopologyOverrides: Equatable, Sendable {
  package var devices: Int?
  package var its: Int?
  package var smmus: Int?
  package var order: SetupOrder?
  package var vmovp: VMOVPScope?
  package var controller: HostMSIController?

  package init() {}
}

extension Topology {
  /// The machine that a scenario describes, changed as the user asks.
  init(_ scenario: CheckedValue, _ overrides: TopologyOverrides) throws(InputError) {
    self.init()
    let machine = scenario["machine"]
    func count(_ name: String, _ asked: Int?, standard: Int, limit: Int) throws(InputError) -> Int {
      let count = asked ?? machine?[name].map { Int(clamping: $0.integer) } ?? standard
      guard (1...limit).contains(count) else {
        throw InputError("--\(name): expected 1 to \(limit), found \(count)")
      }
      return count
    }
    itses = try count("its", overrides.its, standard: 1, limit: Self.maximumITSs)
    smmus = try count("smmus", overrides.smmus, standard: 1, limit: Self.maximumSMMUs)
    devices = try count(
      "devices", overrides.devices, standard: max(itses, smmus), limit: Self.maximumDevices)
    order = overrides.order ?? machine?.choice("order") ?? .forward
    controller = overrides.controller ?? machine?.choice("controller") ?? .its
    vmovp = overrides.vmovp ?? machine?.choice("vmovp") ?? .all
    if let machine, scenario["workload"]?["load"] != nil {
      throw InputError(
        expected: "no machine beside a load, which has devices of its own", found: "one",
        at: machine.place, field: machine.field)
    }
  }
}
