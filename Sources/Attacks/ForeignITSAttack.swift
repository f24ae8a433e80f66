internal import Bits
internal import Designs
internal import Engine
internal import Machine
internal import PCI
internal import Software

// What a device may try on a machine that has an ITS besides its own.
extension Attack {
  static let foreignITSAttacks: [Attack] = [
    Attack(
      name: "foreign-its", actor: .device,
      action: "The device writes every EventID of a device on another ITS to that ITS's doorbell.",
      breach: "an LPI of the other device becomes pending",
      source: "IHI 0069 5.2: each ITS looks the sender's DeviceID up in tables of its own",
      carryOut: sendToForeignITS)
  ]

  private static func sendToForeignITS(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    guard specification.topology.controller == .its else {
      throw .notApplicable("the host has no ITS")
    }
    var specification = specification
    if let machine = specification.machine {
      guard machine.devices.contains(where: { $0.its != machine.devices[0].its }) else {
        throw .notApplicable("no device of the machine is behind another ITS")
      }
    } else {
      specification.topology.devices = 2
      specification.topology.itses = 2
      specification.topology.smmus = 1
    }
    var system = try AttackedSystem.setUp(specification)
    let pages = system.pagesOfDoorbells
    guard let way = pages.first(where: { system.leadsToForeignITS($0 + 0x40) }) else {
      return .contained(
        "no page of the device leads to the other ITS's doorbell",
        [.init("pages asked", pages.count)])
    }
    var shown: [Journey.Stop] = []
    var reason = ""
    for event: UInt32 in 0..<8 {
      let access = system.write(event, to: way + 0x40)
      guard !access.outcome.isDelivered else {
        return .breach(
          of: .guest, "EventID \(event) makes an LPI of the other device pending",
          stations: access.stations)
      }
      shown = access.stations
      reason = access.outcome.meaning
    }
    return .contained(
      "the device reaches the other ITS's doorbell at \(way + 0x40): \(reason)",
      [.init("messages", 8), .init("interrupts", 0)], stations: shown)
  }
}

extension AttackedSystem {
  /// Pages that may hold a doorbell for the first device: the MSI window, and the pages that either
  /// device's message names.
  fileprivate var pagesOfDoorbells: [IOVA] {
    let own = engine.machine.functions.compactMap {
      $0.message(forVector: 0)?.address.alignedDown(toBit: 12)
    }
    return own.reversed() + engine.description.host.messageWindowPages
  }

  fileprivate mutating func leadsToForeignITS(_ address: IOVA) -> Bool {
    guard let place = place(of: address),
      case .doorbell(_, let unit) = engine.machine.target(of: place)
    else { return false }
    return unit != 0
  }
}
