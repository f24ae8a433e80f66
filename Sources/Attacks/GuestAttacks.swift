internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Software
internal import VMM

// What a guest's kernel may try with the memory and the registers that it has.
extension Attack {
  static let guestAttacks: [Attack] = [
    Attack(
      name: "doorbell-alias", actor: .guest,
      action: "The guest maps pages of its choice to the doorbell, and its device writes another "
        + "device's EventIDs there.",
      breach: "an LPI of the other device becomes pending",
      source: "IHI 0069 5.2; asks A6", carryOut: aliasDoorbell),
    Attack(
      name: "stage1-anywhere", actor: .guest,
      action: "The guest maps pages of its stage 1 to the numbers of the host's physical "
        + "addresses, and its device writes there.",
      breach: "one of them is reached", source: "IHI 0070 3.3: stage 2 translates every IPA",
      carryOut: mapAnywhere),
    Attack(
      name: "tables-anywhere", actor: .guest,
      action: "The guest's context descriptor takes another VM's stage 1 tables, by their "
        + "physical address, for its own.",
      breach: "the tables are walked",
      source: "IHI 0070 3.4: stage 2 translates table addresses", carryOut: walkForeignTables),
    Attack(
      name: "msix-entry", actor: .guest,
      action: "The guest writes a host address and another device's EventID into its MSI-X table, "
        + "and the device signals.",
      breach: "the host or another device is reached",
      source: "asks A6; vfio_pci_rdwr.c: isolation never rested on the trap",
      carryOut: writeEntry),
  ]

  /// First address of the aliases that the guest maps: IPAs of a doorbell page, or of physical
  /// addresses that are not its own.
  private static let aliases: IOVA = 0x5000_0000

  private static func aliasDoorbell(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    try system.requireStageOne()
    try system.addNeighbour()
    let pages = [
      system.actor.vmm.map.doorbell.alignedDown(toBit: 12),
      IPA(system.engine.description.host.messageWindow.base),
    ]
    var delivered = 0
    var shown: [Journey.Stop] = []
    for (index, page) in pages.enumerated() {
      let alias = aliases + UInt64(index) * 0x1_0000
      try system.guestMaps(alias, to: page)
      for event in try system.neighbourMessages {
        let access = system.write(event, to: alias + 0x40)
        if access.outcome.isDelivered {
          delivered += 1
          shown = access.stations
        }
        if shown.isEmpty { shown = access.stations }
        guard system.pendingAtNeighbour == 0 else {
          return .breach(
            of: .neighbour, "EventID \(event) through \(alias) reaches the neighbour",
            stations: access.stations)
        }
      }
    }
    return .contained(
      delivered > 0
        ? "an alias of the doorbell gives the device its own interrupts and no others"
        : "no alias reaches the doorbell",
      [
        .init("messages", pages.count * NeighbourVM.events), .init("own interrupts", delivered),
        .init("neighbour's interrupts", 0),
      ], stations: shown)
  }

  private static func mapAnywhere(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    try system.requireStageOne()
    try system.addNeighbour()
    var inputs: [IOVA] = []
    for (index, place) in system.foreignPlaces.enumerated() {
      let input = aliases + UInt64(index) * 0x1000
      try system.guestMaps(input, to: IPA(place.alignedDown(toBit: 12).rawValue))
      inputs.append(input)
    }
    return system.finding(of: system.sweep(inputs), "physical addresses as the guest's IPAs")
  }

  private static func walkForeignTables(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    try system.requireStageOne()
    try system.addNeighbour()
    let victim = try system.other
    guard let place = system.engine.host.streamEntryAddress(of: .first),
      let entry = system.engine.machine.memory.load(StreamTableEntry.self, at: place),
      let foreign = system.engine.machine.memory.load(
        ContextDescriptor.self, at: victim.contextDescriptor)
    else { throw .notApplicable("the stream has no context descriptor") }
    // The neighbour's descriptor, with its root as a physical address.
    var context = foreign
    context[.table0] = system.neighbourPlace(of: PA(foreign.table0Address)).rawValue >> 4
    system.carryOut([
      Step(
        .guest, "(hostile)", "CD: TTB0 := \(PA(context.table0Address)), a physical address",
        .write(
          (0..<ContextDescriptor.wordCount).map {
            MemoryWrite(PA(entry.contextAddress) + UInt64($0) * 8, context[word: $0])
          }))
    ])
    let access = system.write(0, to: NeighbourVM.buffer)
    if case .fault(let event, _) = access.outcome, event[.stage2] {
      return .contained(
        "stage 2 does not map the table's address: \(access.outcome.meaning)",
        stations: access.stations)
    }
    guard let reached = access.outcome.address, system.owner(of: reached) == .neighbourRAM else {
      return .contained(access.outcome.meaning, stations: access.stations)
    }
    return .breach(of: .neighbour, "\(reached) is written", stations: access.stations)
  }

  private static func writeEntry(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.besideNeighbour(specification)
    _ = try system.message
    let target = system.engine.machine.layout.smmuBase
    let event = UInt32(NeighbourVM.events) - 1
    let table = PA(system.actor.vmm.map.msixTable.rawValue)
    let words: [(UInt64, UInt64)] = [
      (12, 1), (0, target.rawValue & lowBits(32)), (4, target.rawValue >> 32), (8, UInt64(event)),
      (12, 0),
    ]
    system.carryOut(
      words.map {
        Step(
          .guest, "(hostile)", "MSI-X entry 0 + \($0.0) := \(hex($0.1))",
          .mmio(table + $0.0, $0.1, width: 4))
      })
    guard let message = system.engine.machine.function.message(forVector: 0) else {
      throw .notApplicable("the device has no first vector")
    }
    let access = system.write(message.data, to: message.address)
    let holds =
      message.address.rawValue == target.rawValue
      ? "the device holds the guest's address" : "the device still holds the host's address"
    let victim = access.outcome.address.flatMap { system.owner(of: $0).victim }
    if let victim = system.pendingAtNeighbour > 0 ? .neighbour : victim {
      return .breach(
        of: victim, "\(holds): \(access.outcome.meaning)", stations: access.stations)
    }
    return .contained("\(holds): \(access.outcome.meaning)", stations: access.stations)
  }
}

extension AttackedSystem {
  /// The guest's kernel maps one page of its device's stage 1.
  mutating func guestMaps(_ input: IOVA, to output: IPA) throws(AttackFailure) {
    try guestPerforms(
      .activity(.map(input, output, size: 0x1000, [.read, .write, .mmio])))
  }
}
