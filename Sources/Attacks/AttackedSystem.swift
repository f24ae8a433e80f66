internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
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
  var engine: Engine<NoTrace<EngineEvent>>
  var neighbour: NeighbourVM?

  /// The actor's VM.
  var actor: VirtualMachine {
    _read { yield engine.machines[VMIndex.first.rawValue] }
    _modify { yield &engine.machines[VMIndex.first.rawValue] }
  }

  /// - Parameters:
  ///   - caches: whether SMMU and ITS cache; without, a journey shows every table.
  ///   - operations: number of the guest's operations that are done; all if absent.
  static func setUp(
    _ specification: RunSpecification, caches: Bool = false, operations: Int? = nil
  ) throws(AttackFailure) -> AttackedSystem {
    var specification = specification
    specification.workload = specification.workload.forAttack
    specification.costs = specification.costs.at(.low)
    specification.journeyOf = caches ? nil : .max
    var system = AttackedSystem(engine: try assembled(specification))
    try system.setUp(operations)
    return system
  }

  /// The same with a neighbour VM.
  ///
  /// - Parameter caches: whether SMMU and ITS cache.
  static func besideNeighbour(
    _ specification: RunSpecification, caches: Bool = false
  ) throws(AttackFailure) -> AttackedSystem {
    var system = try setUp(specification, caches: caches)
    try system.addNeighbour()
    return system
  }

  private init(engine: consuming Engine<NoTrace<EngineEvent>>) { self.engine = engine }

  private static func assembled(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> Engine<NoTrace<EngineEvent>> {
    let engine: Engine<NoTrace<EngineEvent>>
    do throws(RunFailure) {
      engine = try Engine(specification, sink: NoTrace())
    } catch {
      throw .run(error)
    }
    guard engine.description.neighbourRAM != nil else {
      throw .run(
        RunFailure(
          "field 'host.ram': attacks set up a neighbour: expected "
            + "\(NeighbourVM.ramSize >> 20) MiB more in the first half of the last range"))
    }
    return engine
  }

  private mutating func setUp(_ operations: Int?) throws(AttackFailure) {
    engine.start()
    while !isDone(operations), engine.step() {}
    if case .refused(let refusal) = engine.setup {
      throw .notApplicable(
        "set-up is refused: \(refusal.function), \(refusal.errno): \(refusal.message)")
    }
  }

  private func isDone(_ operations: Int?) -> Bool {
    guard let operations else { return false }
    return actor.nextOperation >= operations
      && actor.cpus[VCPUIndex.boot.rawValue].frames.allSatisfy { $0.next == $0.steps.count }
  }

  /// MSI-X entry 0 of the device: its message.
  ///
  /// - Throws: `notApplicable` when the device never sent a message.
  var message: MSI {
    get throws(AttackFailure) {
      guard engine.firstMessage != nil, let message = engine.machine.function.message(forVector: 0)
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
  var ownRequester: RequesterID { engine.machine.function.profile.effectiveRequesterID }

  /// An access of the function, and where it ended.
  struct Access {
    let outcome: WriteOutcome
    let stations: [Journey.Stop]
  }

  /// The function writes four bytes, with its own requester ID or with one that is not its own.
  mutating func write(
    _ data: UInt32, to address: IOVA, as requester: RequesterID? = nil
  ) -> Access {
    let own = engine.machine.function
    defer { engine.machine.function = own }
    if let requester { engine.machine.function = own.impersonating(requester) }
    var walk = ReadCounter()
    var tables = ReadCounter()
    walk.keepsReads = true
    tables.keepsReads = true
    let message = MSI(address: address, data: data)
    let outcome = engine.machine.send(message, translation: &walk, tables: &tables)
    engine.recorder.stops = []
    let name = requester.map { " as \($0)" } ?? ""
    let now = engine.queue.now
    engine.recorder.visit(
      .device, address.rawValue, [UInt64(data)],
      "write \(hex(UInt64(data))) to \(address)\(name)", at: now)
    engine.recorder.visitPlatform(
      walk, tables, outcome, from: now, walked: now, read: engine.costs[.tableRead],
      hop: engine.costs[.interconnectHop])
    return Access(outcome: outcome, stations: engine.recorder.stops)
  }

  /// The function writes four bytes, without a journey: for thousands of writes.
  mutating func send(_ data: UInt32, to address: IOVA) -> WriteOutcome {
    var walk = NoObserver()
    var tables = NoITSObserver()
    return engine.machine.send(
      MSI(address: address, data: data), translation: &walk, tables: &tables)
  }

  /// Translates an access of the function without carrying it out.
  mutating func translate(
    _ address: IOVA, isWrite: Bool = true, as stream: UInt32? = nil
  ) -> TranslationResult {
    var unseen = NoObserver()
    let stream = stream ?? self.stream(of: ownRequester)
    return engine.machine.smmu.translate(
      Transaction(streamID: stream, address: address, isWrite: isWrite),
      in: engine.machine.memory, observer: &unseen)
  }

  /// The physical address that an access of the function reaches; `nil` where it ends before.
  mutating func place(
    of address: IOVA, isWrite: Bool = true, as stream: UInt32? = nil
  ) -> PA? { translate(address, isWrite: isWrite, as: stream).outputAddress }

  // MARK: The guest

  /// The guest's kernel does something, to the end.
  mutating func guestPerforms(_ operation: GuestOperation) throws(AttackFailure) {
    do {
      carryOut(try engine.perform(operation, for: 0, of: .first))
    } catch {
      throw .notApplicable("the guest's kernel refuses: \(error.function), \(error.errno)")
    }
  }

  /// Steps of the guest's, and whatever traps because of them, to the end.
  mutating func carryOut(_ steps: [Step<Never>]) {
    engine.push(steps.map(PendingStep.guest), on: .first)
    engine.resumeSoftware(of: .first)
    while engine.step() {}
  }

  /// Steps of the host's.
  mutating func hostCarriesOut(_ steps: [Step<Never>]) {
    engine.push(steps.map(PendingStep.host), on: .first)
    engine.resumeSoftware(of: .first)
    while engine.step() {}
  }

  /// The actor's VM ends.
  mutating func endActor() { hostCarriesOut(engine.endMachine(.first)) }

  /// - Throws: `notApplicable` where the guest has no stage 1 to map in.
  func requireStageOne() throws(AttackFailure) {
    guard engine.specification.design.iommu == .nested else {
      throw .notApplicable("the guest has no IOMMU")
    }
    guard actor.guest.isTranslating(for: 0) else {
      throw .notApplicable("the guest's stage 1 does not translate for the device")
    }
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
