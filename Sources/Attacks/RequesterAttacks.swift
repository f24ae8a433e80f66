internal import Bits
internal import Designs
internal import Engine
internal import Machine
internal import PCI
internal import Software

// What a device may try with a requester ID that is not its own.
extension Attack {
  static let requesterAttacks: [Attack] = [
    Attack(
      name: "spoofed-requester", actor: .device,
      action: "The device puts the requester ID of another VM's device, on another bus, on its "
        + "writes, below a port with ACS Source Validation.",
      breach: "the other VM's interrupt or RAM is reached",
      source: "PCI Express 6.12.1.1",
      carryOut: spoof(onSameBus: false, validates: true)),
    Attack(
      name: "spoofed-requester-same-bus", actor: .device,
      action: "The same with the ID of a device on the same bus, such as another virtual function.",
      breach: "the other VM's interrupt or RAM is reached",
      source: "PCI Express 6.12.1.1: Source Validation looks at the bus number",
      carryOut: spoof(onSameBus: true, validates: true)),
    Attack(
      name: "spoofed-requester-no-acs", actor: .device,
      action: "The same with an ID of another bus, below a port without Source Validation.",
      breach: "the other VM's interrupt or RAM is reached",
      source: "IHI 0070 3.2: the StreamID is what the interconnect says",
      carryOut: spoof(onSameBus: false, validates: false)),
  ]

  private static func spoof(
    onSameBus: Bool, validates: Bool
  ) -> @Sendable (RunSpecification) throws(AttackFailure) -> AttackOutcome {
    { specification throws(AttackFailure) in
      try spoof(specification, onSameBus: onSameBus, validates: validates)
    }
  }

  private static func spoof(
    _ specification: RunSpecification, onSameBus: Bool, validates: Bool
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    try system.addNeighbour(onSameBus: onSameBus)
    let own = system.ownRequester
    let victim = try system.other.requester
    let port = DownstreamPort(buses: own.bus...own.bus, validatesSources: validates)
    guard port.passes(victim) else {
      return .contained(
        "ACS Violation at the port: requester \(victim) is of another bus than \(own.bus)",
        [.init("interrupts", 0)])
    }
    let message = system.write(
      try system.neighbourMessages.lowerBound, to: system.neighbourMessage, as: victim)
    let reachesRAM = system.place(of: NeighbourVM.buffer, as: system.stream(of: victim)) != nil
    let interrupts = system.pendingAtNeighbour
    let measures: [IsolationFinding.Measure] = [
      .init("neighbour's interrupts", interrupts),
      .init("neighbour's pages written", reachesRAM ? 1 : 0),
    ]
    guard interrupts > 0 || reachesRAM else {
      return .contained(message.outcome.meaning, measures, stations: message.stations)
    }
    return .breach(
      of: .neighbour,
      "SMMU and ITS take requester \(victim) at its word: "
        + (reachesRAM ? "its RAM and its events are open" : "its events are open"), measures,
      stations: message.stations)
  }
}
