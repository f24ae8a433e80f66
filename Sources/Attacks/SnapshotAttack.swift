internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import GIC
internal import Guest
internal import HostKernel
internal import KVM
internal import Machine
internal import Memory
internal import PCI
internal import Software

// What an older state of the VM leaves in the hardware, which nobody sets back.
extension Attack {
  static let snapshotAttacks: [Attack] = [
    Attack(
      name: "older-snapshot", actor: .guest,
      action:
        "The guest gives event 0 another LPI after KVM has saved its ITS; the older tables are "
        + "restored, with KVM's routes as they are, and the device signals vector 0.",
      breach: "the interrupt is another than the restored tables name",
      source: "vgic-its.c vgic_its_restore_tables_v0; vgic-v4.c: KVM maps no virtual LPI when it "
        + "restores tables",
      carryOut: restoreOlderTables)
  ]

  private static func restoreOlderTables(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    let message = try system.message
    _ = try system.savedTable()
    guard let saved = system.actor.guest.lpi(ofEvent: 0, of: 0) else {
      throw .notApplicable("the guest has no LPI for event 0")
    }
    let device = specification.workload.device.guestID
    // Free of the guest's own, which follow each other.
    let changed = saved + 256
    try system.guestPerforms(
      .activity(
        .itsCommands([
          .discard(device: device, event: 0),
          .mapti(device: device, event: 0, lpi: changed, collection: 0), .sync(target: 0),
        ])))
    guard system.restoresTables() else {
      throw .run(RunFailure("KVM does not restore the tables that it saved"))
    }
    let access = system.write(message.data, to: message.address)
    let measures: [IsolationFinding.Measure] = [
      .init("LPI of the restored tables", Int(saved)), .init("LPI since then", Int(changed)),
    ]
    return system.arrival(of: access, saved, measures)
  }
}

extension AttackedSystem {
  /// Outcome of a message in a restored guest whose tables give it LPI `expected`.
  fileprivate mutating func arrival(
    of access: Access, _ expected: UInt32, _ measures: [IsolationFinding.Measure]
  ) -> AttackOutcome {
    let arrived: UInt32
    let way: String
    switch access.outcome {
    case .message(_, .deliveredVirtual(_, let intid, _, _)):
      arrived = intid
      way = "the physical ITS, which no restore touches, injects LPI \(intid)"
    case .message(_, .delivered(let lpi, _, _)), .spi(_, let lpi, _):
      guard let found = injected(by: lpi) else {
        return .contained("nothing is injected", measures, stations: access.stations)
      }
      arrived = found
      way = "the route names DeviceID and EventID, which the virtual ITS translates to LPI \(found)"
    default: return .contained(access.outcome.meaning, measures, stations: access.stations)
    }
    let all = measures + [.init("LPI that arrives", Int(arrived))]
    guard arrived == expected else {
      return .breach(
        of: .guest, "\(way), and the restored guest has LPI \(expected)", all,
        stations: access.stations)
    }
    return .contained("\(way), as restored", all, stations: access.stations)
  }

  /// The LPI that KVM injects when the host takes a physical one; `nil` for none.
  private mutating func injected(by lpi: UInt32) -> UInt32? {
    guard case .kvm(let route) = engine.host.signalTarget(ofLPI: lpi) else { return nil }
    var observer = NoITSObserver()
    let outcome = engine.kvm[VMIndex.first.rawValue].inject(route, observer: &observer)
    if case .message(.delivered(let found, _, _)) = outcome { return found }
    return nil
  }
}
