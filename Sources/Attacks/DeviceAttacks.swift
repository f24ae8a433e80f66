internal import Bits
internal import Designs
internal import Engine
internal import GIC
internal import HostKernel
internal import Machine
internal import PCI
internal import SMMU
internal import Software

// What a device may try that does not do as its guest tells it.
extension Attack {
  static let deviceAttacks: [Attack] = [
    Attack(
      name: "foreign-event", actor: .device,
      action: "The device writes every EventID that another device has mapped, or on a host with a "
        + "GICv2m frame every SPI that it has, to its own doorbell.",
      breach: "an LPI or SPI of the other device becomes pending",
      source:
        "IHI 0069 5.2: the DeviceID selects the translation table; irq-gic-v2m.c: no DeviceID",
      carryOut: sendEvents),
    Attack(
      name: "event-out-of-range", actor: .device,
      action: "The device writes EventIDs beyond its translation table to its doorbell.",
      breach: "anything but a dropped message",
      source: "IHI 0069 5.2; MAPD's size", carryOut: sendBeyondTable),
    Attack(
      name: "doorbell-page", actor: .device,
      action: "The device writes and reads every word of its doorbell's page but the doorbell.",
      breach: "a word of the page does something, or a read returns something",
      source: "IHI 0069 12.18: the translation frame has GITS_TRANSLATER alone",
      carryOut: probeDoorbellPage),
    Attack(
      name: "doorbell-window", actor: .device,
      action:
        "The device writes to each page of the MSI window and of the frame around its doorbell.",
      breach: "a page leads to the host's registers or RAM, or to another VM's RAM",
      source: "upstream: iommufd maps single pages of the window", carryOut: probeWindow),
    Attack(
      name: "host-addresses", actor: .device,
      action: "The device writes to the physical addresses of the host's registers and structures, "
        + "and of another VM's RAM.",
      breach: "one of them is reached", source: "IHI 0070 3.3: two stages",
      carryOut: probeHostAddresses),
    Attack(
      name: "cached-translation", actor: .device,
      action: "The device writes to the address of a buffer that another VM's device has in the "
        + "TLB, under the same ASID.",
      breach: "the other VM's buffer is written",
      source: "IHI 0070 3.17 and 4.4: entries are tagged with the VMID",
      carryOut: useCachedTranslation),
  ]

  private static func sendEvents(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification)
    let address = try system.message.address
    var own = 0
    var shown: AttackedSystem.Access?
    for event in try system.neighbourMessages {
      let access = system.write(event, to: address)
      if access.outcome.isDelivered { own += 1 } else { shown = shown ?? access }
      if system.pendingAtNeighbour > 0 {
        return .breach(
          of: .neighbour,
          system.engine.machine.layout.messageFrame == nil
            ? "EventID \(event) makes an LPI of the neighbour's pending"
            : "the frame takes SPI \(event), the neighbour's, from any device",
          stations: access.stations)
      }
    }
    let last = system.write(UInt32(NeighbourVM.events) - 1, to: address)
    let reason =
      last.outcome.isMessage
      ? "the physical ITS looks EventIDs up in the sender's own table: \(last.outcome.meaning)"
      : "the device's messages do not reach the doorbell: \(last.outcome.meaning)"
    return .contained(
      reason,
      [
        .init("messages", NeighbourVM.events), .init("own interrupts", own),
        .init("neighbour's interrupts", 0),
      ], stations: (shown ?? last).stations)
  }

  private static func sendBeyondTable(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    let address = try system.message.address
    var reasons: [String] = []
    var shown: [Journey.Stop] = []
    for event: UInt32 in [0x400, 0xffff, 0x1_0000, 0x7fff_ffff, .max] {
      let access = system.write(event, to: address)
      shown = access.stations
      guard !access.outcome.isDelivered else {
        return .breach(
          of: .guest, "EventID \(hex(UInt64(event))) is delivered", stations: access.stations)
      }
      if !reasons.contains(access.outcome.meaning) { reasons.append(access.outcome.meaning) }
    }
    return .contained(
      reasons.joined(separator: "; "), [.init("messages", 5), .init("interrupts", 0)],
      stations: shown)
  }

  private static func probeDoorbellPage(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    let page = try system.doorbellPage
    let doorbell = try system.message.address
    var ignored = 0
    var refused = 0
    var readable = 0
    var shown: [Journey.Stop] = []
    for offset in stride(from: UInt64(0), to: 0x1000, by: 4) {
      let address = page + offset
      if system.place(of: address, isWrite: false) != nil { readable += 1 }
      guard address != doorbell else { continue }
      if shown.isEmpty { shown = system.write(0, to: address).stations }
      let outcome = system.send(0, to: address)
      switch outcome {
      case .register: ignored += 1
      case .message(let place, _), .memory(let place), .spi(let place, _, _):
        return .breach(
          of: system.owner(of: place).victim ?? .guest,
          "a write to \(address): \(outcome.meaning)",
          stations: system.write(0, to: address).stations)
      case .externalAbort, .aborted, .fault, .stalled: refused += 1
      }
    }
    guard system.engine.machine.layout.messageFrame == nil || readable == 0 else {
      return .breach(
        of: .host, "a read of MSI_TYPER tells the SPIs of the host's frame", stations: shown)
    }
    return .contained(
      ignored > 0
        ? "the page holds no other register: writes are ignored; reads "
          + (readable > 0 ? "pass both stages and find a write-only register" : "are refused")
        : "the device's messages do not reach the doorbell's page",
      [
        .init("writes ignored", ignored), .init("writes refused", refused),
        .init("words that translate for reads", readable),
      ], stations: shown)
  }

  private static func probeWindow(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification)
    let frame = try system.doorbellPage.alignedDown(toBit: 16)
    var pages = system.engine.description.host.messageWindowPages
    pages += (0..<16).map { frame + $0 * 0x1000 }.filter { !pages.contains($0) }
    return system.finding(of: system.sweep(pages), "pages of the window and of the frame")
  }

  private static func probeHostAddresses(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification)
    let sweep = system.sweep(system.foreignPlaces.map { IOVA($0.rawValue) })
    return system.finding(of: sweep, "physical addresses as IOVAs")
  }

  private static func useCachedTranslation(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification, caches: true)
    guard try system.neighbourAccess() == system.neighbourBuffer else {
      throw .run(RunFailure("the neighbour's device does not reach its own buffer"))
    }
    let place = system.place(of: NeighbourVM.buffer)
    let access = system.write(0, to: NeighbourVM.buffer)
    if let place, system.owner(of: place) == .neighbourRAM {
      return .breach(
        of: .neighbour, "the neighbour's entry answers the actor's access",
        stations: access.stations)
    }
    return .contained(
      "the actor's access finds no entry of another VMID: \(access.outcome.meaning)",
      stations: access.stations)
  }
}

extension WriteOutcome {
  /// Whether it reached a doorbell.
  var isMessage: Bool {
    switch self {
    case .message, .spi: true
    default: false
    }
  }

  /// The LPI or SPI of the host that became of it.
  var hostInterrupt: UInt32? {
    switch self {
    case .message(_, .delivered(let lpi, _, _)): lpi
    case .spi(_, let spi, _): spi
    default: nil
    }
  }

  /// Whether an interrupt became of it.
  var isDelivered: Bool {
    switch self {
    case .message(_, .delivered), .message(_, .deliveredVirtual), .spi: true
    default: false
    }
  }
}
