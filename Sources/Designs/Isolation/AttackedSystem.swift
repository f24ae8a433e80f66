internal import ArmFormats
internal import Bits
internal import GIC
internal import Guest
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Simulation
internal import Software
internal import Timing
internal import VMM

/// A system that was set up as a run sets it up, with the actor's ways to act on it.
struct AttackedSystem: ~Copyable {
  var system: System<NoTrace<SystemEvent>>
  var neighbour: NeighbourVM?

  /// - Parameters:
  ///   - caches: whether SMMU and ITS cache; without, a journey shows every table.
  ///   - operations: how many of the guest's operations are done; all if absent.
  static func setUp(
    _ specification: RunSpecification, caches: Bool = false, operations: Int? = nil
  ) throws(AttackFailure) -> AttackedSystem {
    var specification = specification
    specification.workload = specification.workload.forAttack
    specification.costs = specification.costs.at(.low)
    specification.journeyOf = caches ? nil : .max
    var field = AttackedSystem(system: try assembled(specification))
    try field.setUp(operations)
    return field
  }

  private init(system: consuming System<NoTrace<SystemEvent>>) { self.system = system }

  private static func assembled(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> System<NoTrace<SystemEvent>> {
    if let host = specification.machine?.host, !host.hasRoomForNeighbour {
      throw .run(
        RunFailure(
          "attacks place a neighbour in QEMU's physical machine: expected its RAM, and StreamIDs "
            + "and DeviceIDs equal to requester IDs"))
    }
    do throws(RunFailure) {
      return try System(specification, sink: NoTrace())
    } catch {
      throw .run(error)
    }
  }

  private mutating func setUp(_ operations: Int?) throws(AttackFailure) {
    system.start()
    while !Self.isDone(system, operations), system.step() {}
    if case .refused(let refusal) = system.setup {
      throw .notApplicable(
        "set-up is refused: \(refusal.function), \(refusal.errno): \(refusal.message)")
    }
  }

  private static func isDone(
    _ system: borrowing System<NoTrace<SystemEvent>>, _ operations: Int?
  ) -> Bool {
    guard let operations else { return false }
    return system.nextOperation >= operations
      && system.activities.allSatisfy { $0.next == $0.steps.count }
  }

  /// What the device's first vector holds.
  ///
  /// - Throws: `notApplicable` when the device never sent a message.
  var message: MSI {
    get throws(AttackFailure) {
      guard system.firstMessage != nil, let message = system.machine.function.message(forVector: 0)
      else { throw .notApplicable("the device holds no message") }
      return message
    }
  }

  /// The page of the device's message.
  var doorbellPage: IOVA {
    get throws(AttackFailure) { try message.address.alignedDown(toBit: 12) }
  }

  // MARK: The device

  /// The requester ID that the function's writes carry.
  var ownRequester: RequesterID { system.machine.function.profile.effectiveRequesterID }

  /// An access of the function, and where it ended.
  struct Access {
    let outcome: WriteOutcome
    let stations: [Journey.Stop]
  }

  /// The function writes four bytes, with its own requester ID or with one that is not its own.
  mutating func write(
    _ data: UInt32, to address: IOVA, as requester: RequesterID? = nil
  ) -> Access {
    let own = system.machine.function
    defer { system.machine.function = own }
    if let requester { system.machine.function = own.impersonating(requester) }
    var walk = ReadCounter()
    var tables = ReadCounter()
    walk.keepsReads = true
    tables.keepsReads = true
    let message = MSI(address: address, data: data)
    let outcome = system.machine.send(message, translation: &walk, tables: &tables)
    system.stations = []
    let name = requester.map { " as \($0)" } ?? ""
    system.visit(
      .device, address.rawValue, [UInt64(data)],
      "write \(hex(UInt64(data))) to \(address)\(name)")
    system.visitPlatform(0, walk, tables, outcome, walked: system.queue.now)
    return Access(outcome: outcome, stations: system.stations)
  }

  /// The function writes four bytes, and nobody wants to see the way: for thousands of writes.
  mutating func send(_ data: UInt32, to address: IOVA) -> WriteOutcome {
    var walk = NoObserver()
    var tables = NoITSObserver()
    return system.machine.send(
      MSI(address: address, data: data), translation: &walk, tables: &tables)
  }

  /// Where an access of the function would go, for pages that are only asked about.
  mutating func translate(
    _ address: IOVA, isWrite: Bool = true, as stream: UInt32? = nil
  ) -> TranslationResult {
    var unseen = NoObserver()
    let stream = stream ?? UInt32(ownRequester.rawValue)
    return system.machine.smmu.translate(
      Transaction(streamID: stream, address: address, isWrite: isWrite),
      in: system.machine.memory, observer: &unseen)
  }

  /// The physical address that an access of the function reaches; `nil` where it ends before.
  mutating func place(
    of address: IOVA, isWrite: Bool = true, as stream: UInt32? = nil
  ) -> PA? { translate(address, isWrite: isWrite, as: stream).place }

  // MARK: The guest

  /// The guest's kernel does something, to the end.
  mutating func guestPerforms(_ operation: GuestOperation) throws(AttackFailure) {
    do {
      carryOut(try system.perform(operation, for: 0))
    } catch {
      throw .notApplicable("the guest's kernel refuses: \(error.function), \(error.errno)")
    }
  }

  /// Steps of the guest's, and whatever traps because of them, to the end.
  mutating func carryOut(_ steps: [Step<Never>]) {
    system.begin(steps.map(PendingStep.guest))
    system.setOut()
    while system.step() {}
  }

  /// Steps of the host's.
  mutating func hostCarriesOut(_ steps: [Step<Never>]) {
    system.begin(steps.map(PendingStep.host))
    system.setOut()
    while system.step() {}
  }

  /// - Throws: `notApplicable` where the guest has no stage 1 to map in.
  func requireStageOne() throws(AttackFailure) {
    guard system.specification.design.iommu == .nested else {
      throw .notApplicable("the guest has no IOMMU")
    }
    guard system.guest.isTranslating else {
      throw .notApplicable("the guest's stage 1 does not translate for the device")
    }
  }
}

extension MachineDescription.Host {
  /// Whether the neighbour VM's memory and its function's numbers are what attacks count on.
  fileprivate var hasRoomForNeighbour: Bool {
    ram == Self.qemuVirt.ram
      && bridges.allSatisfy { $0.streamOffset == 0 && $0.deviceOffset == 0 }
  }
}

extension PCIFunction {
  /// The same function with another requester ID on what it writes.
  func impersonating(_ requester: RequesterID) -> PCIFunction {
    var profile = profile
    profile.requesterID = requester
    profile.alias = nil
    return PCIFunction(profile: profile)
  }
}

extension Workload {
  /// Everything up to the last message, with one message of each vector: what sets a device up.
  var forAttack: Workload {
    let last = entries.lastIndex { if case .message = $0.activity { true } else { false } } ?? -1
    var seen: Set<Int> = []
    let kept = entries[...last].filter { entry in
      guard case .message(let vector) = entry.activity else { return true }
      return seen.insert(vector).inserted
    }
    return Workload(device: device, placement: placement, entries: kept)
  }
}
