internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import GIC
internal import Guest
internal import HostKernel
internal import Machine
internal import PCI
internal import SMMU
internal import Software
internal import VMM

// What a guest may try with the queues and the interrupts that it shares with others.
extension Attack {
  static let floods: [Attack] = [
    Attack(
      name: "flood-events", actor: .guest,
      action: "The device faults at one page after the other, faster than the host reads the event "
        + "queue; then another VM's device faults.",
      breach: "the other VM's record is lost",
      source: "IHI 0070 7.4: a record that finds the queue full is discarded",
      carryOut: floodEvents),
    Attack(
      name: "flood-messages", actor: .guest,
      action: "The device signals a thousand times; then another VM's device signals once.",
      breach: "the other VM's interrupt is lost", source: "asks section 8: interrupt floods",
      carryOut: floodMessages),
    Attack(
      name: "flood-commands", actor: .guest,
      action:
        "The guest queues invalidations at its SMMU, and unmaps and maps an event at its ITS, "
        + "without need.",
      breach: "another VM's command is lost", source: "upstream D.8: each batch has its CMD_SYNC",
      carryOut: floodCommands),
  ]

  private static let flood = 1000
  /// First of a range of IOVAs that no table maps.
  private static let nowhere: IOVA = 0x7f_0000_0000

  private static func floodEvents(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification)
    let inTime = try neighbourRecords(&system, readingEvery: 128)
    let unread = try neighbourRecords(&system, readingEvery: nil)
    let measures: [IsolationFinding.Measure] = [
      .init("faults", flood), .init("records of the actor's, unread", unread.recorded),
      .init("records of the actor's lost, unread", unread.lost),
      .init("neighbour's records lost, unread", unread.isLost ? 1 : 0),
      .init("neighbour's records lost, read every 128 faults", inTime.isLost ? 1 : 0),
    ]
    guard unread.isLost else {
      return unread.recorded == 0
        ? .contained("the actor's faults leave no record", measures)
        : .noise(
          for: .neighbour, "\(unread.recorded) records in the host's queue, none lost", measures)
    }
    return .breach(
      of: .neighbour,
      "one event queue for all: \(unread.recorded) unread records of the actor's fill it, and the "
        + "neighbour's is discarded", measures)
  }

  /// Fills the event queue, then lets the neighbour's device fault.
  ///
  /// - Parameter period: after how many faults the host's handler empties the queue; never if
  ///   absent.
  private static func neighbourRecords(
    _ system: inout AttackedSystem, readingEvery period: Int?
  ) throws(AttackFailure) -> (recorded: Int, lost: Int, isLost: Bool) {
    system.emptyEventQueue()
    var recorded = 0
    var lost = 0
    for index in 0..<flood {
      switch system.translate(nowhere + UInt64(index) * 0x1000) {
      case .faulted(_, .recorded): recorded += 1
      case .faulted(_, .lost): lost += 1
      default: break
      }
      if let period, index % period == period - 1 { system.emptyEventQueue() }
    }
    let answer = system.translate(nowhere, as: try system.other.stream)
    if case .faulted(_, .lost) = answer { return (recorded, lost, true) }
    return (recorded, lost, false)
  }

  private static func floodMessages(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification)
    let message = try system.message
    var physical = 0
    var virtual = 0
    for _ in 0..<flood {
      switch system.send(message.data, to: message.address) {
      case .message(_, .delivered), .spi: physical += 1
      case .message(_, .deliveredVirtual): virtual += 1
      default: break
      }
    }
    let victim = try system.other
    let access = system.write(
      try system.neighbourMessages.lowerBound, to: system.neighbourMessage, as: victim.requester)
    let arrived = system.pendingAtNeighbour
    let measures: [IsolationFinding.Measure] = [
      .init("messages", flood), .init("most interrupts of the host's", physical),
      .init("virtual interrupts without the host", virtual),
      .init("neighbour's interrupts lost", 1 - min(arrived, 1)),
    ]
    guard arrived > 0 else {
      return .breach(
        of: .neighbour, "the neighbour's message is lost: \(access.outcome.meaning)", measures,
        stations: access.stations)
    }
    guard physical > 0 else {
      return .contained(
        virtual > 0
          ? "the hardware gives the messages to the actor's own virtual CPU"
          : "the actor's messages become no interrupt", measures)
    }
    return .noise(
      for: .host,
      "a pending bit takes any number of messages; nothing bounds how often the host is interrupted",
      measures, stations: access.stations)
  }

  private static func floodCommands(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    let count = 200
    var measures: [IsolationFinding.Measure] = []
    var smmu = 0
    if specification.design.iommu == .nested {
      let before = system.physicalCommands().smmu
      _ = system.guestSends(Array(repeating: SMMUCommand(.tlbiNHAll), count: count))
      smmu = Int((system.physicalCommands().smmu &- before) & 0x1ff)
      measures += [.init("invalidations", count), .init("physical SMMU commands", smmu)]
    }
    let before = system.physicalCommands().its
    let device = specification.workload.device.guestID
    let lpi = system.actor.guest.lpi(ofEvent: 0, of: 0) ?? INTID.firstLPI
    let pair: [ITSCommand] = [
      .discard(device: device, event: 0),
      .mapti(device: device, event: 0, lpi: lpi, collection: 0),
    ]
    try system.guestPerforms(
      .activity(.itsCommands((0..<count / 2).flatMap { _ in pair })))
    let its = Int((system.physicalCommands().its &- before) & 0x7ff)
    measures += [.init("ITS commands", count), .init("physical ITS commands", its)]
    guard smmu + its > 0 else {
      return .contained("the commands end in the VMM and in KVM", measures)
    }
    return .noise(
      for: .neighbour,
      "others wait behind \(smmu) commands of the physical SMMU and \(its) of the physical ITS",
      measures)
  }
}

extension AttackedSystem {
  /// The host's handler reads the event queue (`arm_smmu_evtq_thread`).
  mutating func emptyEventQueue() {
    let producer = engine.machine.smmu.readRegister(SMMURegister.eventQueueProducer, width: 4)
    engine.machine.write(
      producer, at: engine.machine.layout.smmuBase + SMMURegister.eventQueueConsumer, width: 4)
  }
}
