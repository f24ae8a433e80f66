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
internal import SMMU
internal import Software

// What may be left when a VM has gone or comes back.
extension Attack {
  static let staleStateAttacks: [Attack] = [
    Attack(
      name: "unplugged-device", actor: .device,
      action: "The device repeats its last message after it was taken from its VM.",
      breach: "an interrupt becomes of it",
      source: "vfio_df_close, vfio_msi_disable, its_free_device", carryOut: sendAfterUnplug),
    Attack(
      name: "reused-device", actor: .device,
      action:
        "The device is given to another VM, and sends the messages that it sent in the first.",
      breach: "an interrupt is signalled to the first VM",
      source: "virt/kvm/eventfd.c: an irqfd ends with its eventfd", carryOut: sendAfterReuse),
    Attack(
      name: "reused-vmid", actor: .device,
      action: "The VM ends while its stage 2 is cached; another VM gets its VMID and uses the same "
        + "IPA.",
      breach: "the RAM of the VM that has ended is reached",
      source: "io-pgtable.c free_io_pgtable_ops flushes the VMID", carryOut: reuseMachineID),
    Attack(
      name: "restored-tables", actor: .guest,
      action:
        "The guest changes the ITS tables that KVM saved into its RAM before they are restored.",
      breach: "KVM takes an LPI, a collection or a size that cannot be",
      source: "vgic-its.c vgic_its_restore_ite, vgic_its_restore_dte", carryOut: forgeTables),
  ]

  private static func sendAfterUnplug(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    let message = try system.message
    system.endActor()
    let access = system.write(message.data, to: message.address)
    guard access.outcome.isDelivered else {
      return .contained(access.outcome.meaning, stations: access.stations)
    }
    return .breach(
      of: .host, "an interrupt of a device without a VM", stations: access.stations)
  }

  private static func sendAfterReuse(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    _ = try system.message
    let own = system.ownRequester
    let before = (0..<UInt32(NeighbourVM.events)).compactMap {
      system.engine.host.interrupt(ofEvent: $0, of: .first)
    }
    system.endActor()
    try system.addNeighbour(own)
    let victim = try system.other
    var delivered = 0
    var shown: [Journey.Stop] = []
    for event in try system.neighbourMessages {
      let access = system.write(event, to: system.neighbourMessage)
      if case .message(_, .deliveredVirtual(_, let intid, _, _)) = access.outcome {
        return .breach(
          of: .guest, "vLPI \(intid) of the first VM's vPE becomes pending",
          stations: access.stations)
      }
      guard let lpi = access.outcome.hostInterrupt else { continue }
      delivered += 1
      shown = access.stations
      if case .kvm = system.engine.host.signalTarget(ofLPI: lpi) {
        return .breach(
          of: .guest, "LPI \(lpi) still has the first VM's route", stations: access.stations)
      }
    }
    return .contained(
      "no route of the first VM's is left, although LPIs are used again",
      [
        .init("interrupts", delivered),
        .init("LPIs used again", before.count { victim.lpis.contains($0) }),
      ], stations: shown)
  }

  private static func reuseMachineID(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification, caches: true)
    let page = NeighbourVM.bufferPage
    let input = system.actor.guest.isTranslating(for: 0) ? IOVA(0x5000_0000) : IOVA(page.rawValue)
    if system.actor.guest.isTranslating(for: 0) { try system.guestMaps(input, to: page) }
    guard let old = system.place(of: input), system.owner(of: old) == .guestRAM else {
      throw .notApplicable("the device does not reach its guest's RAM")
    }
    guard let requester = system.engine.description.neighbourRequester(onSameBus: false) else {
      throw .notApplicable("the device's host bridge has no other bus")
    }
    system.endActor()
    try system.addNeighbour(requester)
    let place = system.place(of: NeighbourVM.buffer, as: system.stream(of: requester))
    guard place == system.neighbourBuffer else {
      return .breach(
        of: .guest, "the new VM's IPA \(page) leads to \(place.map { "\($0)" } ?? "nothing")")
    }
    return .contained("IPA \(page) leads to the new VM's RAM: TLBI_S12_VMALL came before its reuse")
  }

  private static func forgeTables(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    var system = try AttackedSystem.setUp(specification)
    let forgeries: [(String, SavedInterruptEntry)] = [
      ("an INTID below 8192", .init(intid: 0x20, collection: 0, next: 0)),
      ("a collection that is not mapped", .init(intid: 8192, collection: 77, next: 0)),
      ("a distance beyond the table", .init(intid: 8192, collection: 0, next: 0xffff)),
    ]
    let table = try system.savedTable()
    let kept = system.actor.memory.load64(table) ?? 0
    var refused = 0
    for (name, entry) in forgeries {
      system.actor.memory.store64(table, entry.rawValue)
      guard !system.restoresTables() else {
        return .breach(of: .host, "KVM restores \(name)")
      }
      refused += 1
    }
    system.actor.memory.store64(table, kept)
    guard system.restoresTables() else {
      throw .run(RunFailure("KVM does not restore the tables that it saved"))
    }
    return .contained(
      "KVM_DEV_ARM_ITS_RESTORE_TABLES returns -EINVAL and holds nothing",
      [.init("forged tables", forgeries.count), .init("refused", refused)])
  }
}

extension AttackedSystem {
  /// Saves the virtual ITS; where the first event of the device stands in the guest's RAM.
  mutating func savedTable() throws(AttackFailure) -> PA {
    let device = UInt64(engine.specification.workload.device.guestID)
    do {
      try engine.kvm[VMIndex.first.rawValue].saveTables()
    } catch {
      throw .notApplicable("KVM cannot save the tables: -\(error.errno)")
    }
    guard
      case .found(let place)? = engine.kvm[VMIndex.first.rawValue].its.devices?
        .locate(device, memory: actor.memory),
      let raw = actor.memory.load64(place)
    else {
      throw .notApplicable("the guest's device table has no place for its device")
    }
    let entry = SavedDeviceEntry(rawValue: raw)
    guard entry[.valid] else { throw .notApplicable("the guest's ITS knows no device") }
    return PA(entry[.table] << 8)
  }

  /// Whether KVM takes the tables in the guest's RAM.
  mutating func restoresTables() -> Bool {
    do {
      try engine.kvm[VMIndex.first.rawValue].restoreTables()
      return true
    } catch {
      return false
    }
  }
}

extension SavedInterruptEntry {
  fileprivate init(intid: UInt32, collection: UInt16, next: UInt16) {
    self.init(rawValue: 0)
    self[.intid] = intid
    self[.collectionID] = collection
    self[.next] = next
  }
}
