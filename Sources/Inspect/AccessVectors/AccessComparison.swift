internal import ArmFormats
internal import Bits
internal import Software

/// How a phase of access vectors is looked at.
package enum PhaseTreatment: String, CaseIterable, Sendable {
  /// Access by access.
  case compared
  /// By the number of accesses alone.
  case counted = "by number"
  /// Not at all: no model makes these accesses.
  case notModelled = "not modelled"

  /// - Parameter phase: as a file names it.
  init(ofPhase phase: String, in situation: AccessVector.Situation) {
    if ConfigurationCount.phases.contains(phase) {
      self = situation.functions > 1 ? .notModelled : .counted
      return
    }
    if situation.isHost {
      self = Self.ofHost.contains(phase) ? .compared : .notModelled
      return
    }
    switch KernelPhase(rawValue: phase) {
    case .driverProbe, .driverRemove, .reset, .vfioOpen, .vfioConfig, .domainFree, .other, nil:
      self = .notModelled
    case .msixEnable, .msixDisable, .requestIRQ, .freeIRQ, .itsDeviceFree:
      // Where several functions are probed at once, their accesses are mixed.
      self = situation.functions > 1 ? .notModelled : .compared
    case .vfioSetIRQs, .vfioIOCTL, .vfioClose, .vfioAttach, .vfioDetach:
      self = situation.namesEachPhase ? .compared : .notModelled
    default: self = .compared
    }
  }

  /// What a host's kernel does by itself, and at the SMMU for a user of VFIO type 1 and for the
  /// invalidations of a guest.
  private static let ofHost: Set<String> = Set(
    [
      KernelPhase.controllerProbe, .itsProbe, .itsCPUInit, .smmuProbe, .domainAttach, .dmaUnmap,
      .pciEnable, .pciDisable, .vfioClose,
      .vfioAttach, .vfioDetach, .vfioUnmap, .dmaOwner, .iommufdHardwareInfo, .vsmmuInvalidate,
    ].map(\.rawValue)
  ).union(HostReplica.phases)
}

/// The first access of a phase that the model does not make as the kernel did.
package struct AccessDifference: Equatable, Sendable {
  package var vector: String
  package var step: String
  package var phase: String
  /// The recorded access' number in its case; 0 where the recording has no more.
  package var number: Int
  /// What the kernel did, and what the model does; `nil` for nothing.
  package var recorded: String?
  package var found: String?
  /// The kernel's function.
  package var function: String
}

/// How the accesses of one phase of one step compare.
struct PhaseResult: Sendable {
  var phase: String
  var treatment: PhaseTreatment
  /// Recorded accesses, and how many of them the model made before the first difference.
  var accesses: Int
  var agreeing: Int
  var difference: AccessDifference?
}

/// Compares one case with the model of its kernel.
struct AccessComparison {
  private(set) var results: [PhaseResult] = []
  /// Why the model could not go on; `nil` where it went through every step.
  private(set) var refusal: Refusal?

  init(_ vector: AccessVector) {
    var names: [String] = []
    var recorded: [String: [NormalizedAccess]] = [:]
    let layout = FunctionLayout(vector.accesses)
    var normalizer = AccessNormalizer(layout)
    for access in vector.accesses {
      if recorded[access.step] == nil { names.append(access.step) }
      recorded[access.step, default: []].append(normalizer.normalize(access))
    }
    var replica: GuestReplica?
    var host: HostReplica?
    do {
      replica = try GuestReplica(vector, layout, steps: names)
      if vector.situation.isHost { host = try HostReplica(vector, layout, steps: names) }
    } catch { refusal = error }
    var model = AccessNormalizer(layout)
    let counts = ConfigurationCount(vector, layout, recorded)
    for name in names {
      let list = recorded[name] ?? []
      var found: [NormalizedAccess]?
      do {
        found = try replica?.perform(name, list)?
          .flatMap { $0.accesses(step: name, stride: vector.situation.redistributorStride) }
          .map { model.normalize($0) }
        let stride = vector.situation.redistributorStride
        if let served = try host?.perform(name, list, stride: stride) {
          found = (found ?? []) + served
        }
      } catch {
        refusal = error
        replica = nil
        host = nil
      }
      compare(list, found, in: vector.situation, step: name, counts)
    }
  }

  private mutating func compare(
    _ recorded: [NormalizedAccess], _ found: [NormalizedAccess]?,
    in situation: AccessVector.Situation, step: String, _ counts: ConfigurationCount?
  ) {
    let all = Self.groups(recorded)
    let groups = all.filter { !ConfigurationCount.phases.contains($0.name) }
    for (name, list) in all where ConfigurationCount.phases.contains(name) {
      count(list, of: name, counts?.count(of: name, in: step), in: situation, step)
    }
    guard let found else {
      for (_, list) in groups { add(list, nil, situation, step) }
      return
    }
    let modelled = Self.groups(found)
    for (name, list) in groups {
      add(list, modelled.first { $0.name == name }?.list ?? [], situation, step)
    }
    // What the model does and the kernel does not.
    for (name, list) in modelled
    where !groups.contains(where: { $0.name == name }) && situation.namesEachPhase {
      guard let first = list.first,
        PhaseTreatment(ofPhase: first.access.phase, in: situation) == .compared
      else { continue }
      results.append(
        PhaseResult(
          phase: first.access.phase, treatment: .compared, accesses: 0, agreeing: 0,
          difference: AccessDifference(
            vector: situation.name, step: step, phase: first.access.phase, number: 0,
            recorded: nil, found: first.description, function: first.access.path)))
    }
  }

  /// Compares a phase by its number of accesses.
  private mutating func count(
    _ recorded: [NormalizedAccess], of phase: String, _ expected: Int?,
    in situation: AccessVector.Situation, _ step: String
  ) {
    var result = PhaseResult(
      phase: phase, treatment: PhaseTreatment(ofPhase: phase, in: situation),
      accesses: recorded.count, agreeing: 0)
    if let expected, result.treatment == .counted {
      result.agreeing = min(expected, recorded.count)
      if expected != recorded.count {
        result.difference = AccessDifference(
          vector: situation.name, step: step, phase: phase,
          number: recorded.first?.access.number ?? 0, recorded: "\(recorded.count) accesses",
          found: "\(expected)", function: recorded.first?.access.path ?? "")
      }
    } else {
      result.treatment = .notModelled
    }
    results.append(result)
  }

  /// The phases that are cut by which function was running, and so differ in their borders from one
  /// release to the next, are compared as one sequence.
  private static func groups(
    _ accesses: [NormalizedAccess]
  ) -> [(name: String, list: [NormalizedAccess])] {
    var groups: [(name: String, list: [NormalizedAccess])] = []
    for access in accesses {
      var name = access.access.phase
      switch KernelPhase(rawValue: name) {
      case .controllerProbe, .itsProbe, .itsCPUInit: name = KernelPhase.controllerProbe.rawValue
      default: break
      }
      if let place = groups.firstIndex(where: { $0.name == name }) {
        groups[place].list.append(access)
      } else {
        groups.append((name, [access]))
      }
    }
    return groups
  }

  /// Adds what came of one group, for each of its phases.
  private mutating func add(
    _ recorded: [NormalizedAccess], _ found: [NormalizedAccess]?,
    _ situation: AccessVector.Situation, _ step: String
  ) {
    var phases: [PhaseResult] = []
    func place(of phase: String) -> Int {
      if let place = phases.firstIndex(where: { $0.phase == phase }) { return place }
      phases.append(
        PhaseResult(
          phase: phase,
          treatment: found == nil ? .notModelled : PhaseTreatment(ofPhase: phase, in: situation),
          accesses: 0, agreeing: 0))
      return phases.count - 1
    }
    for access in recorded { phases[place(of: access.access.phase)].accesses += 1 }
    guard let found, phases.contains(where: { $0.treatment == .compared }) else {
      results += phases
      return
    }
    var comparison = SequenceComparison(
      recorded, found,
      // Where firmware ends is not known without call chains.
      skipsFirst: recorded.first?.access.path.isEmpty == true)
    comparison.run()
    for access in recorded.prefix(comparison.agreeing) {
      phases[place(of: access.access.phase)].agreeing += 1
    }
    if let (expected, other) = comparison.difference {
      let phase = (expected ?? recorded.last)?.access.phase ?? ""
      phases[place(of: phase)].difference = AccessDifference(
        vector: situation.name, step: step, phase: phase, number: expected?.access.number ?? 0,
        recorded: expected?.description, found: other?.description,
        function: expected?.access.path ?? other?.access.path ?? "")
    }
    results += phases
  }
}

extension AccessVector.Situation {
  /// Whether phases were cut by call chains, so that every phase has its own name.
  var namesEachPhase: Bool { !isUnderKVM }

  var redistributorStride: UInt64 {
    machine.contains("gic-version=4") ? 0x4_0000 : 0x2_0000
  }
}

/// Compares two sequences of accesses up to their first difference. A poll may read more than once.
private struct SequenceComparison {
  private let recorded: [NormalizedAccess]
  private let found: [NormalizedAccess]
  /// How many recorded accesses have their like.
  private(set) var agreeing = 0
  private(set) var difference: (NormalizedAccess?, NormalizedAccess?)?

  /// - Parameter skipsFirst: whether reads of a redistributor's type may stand before the first
  ///   access that counts.
  init(_ recorded: [NormalizedAccess], _ found: [NormalizedAccess], skipsFirst: Bool) {
    self.recorded = recorded
    self.found = found
    guard skipsFirst, let first = found.first else { return }
    agreeing =
      recorded.firstIndex { $0.isSame(as: first) || !$0.isTypeRead } ?? recorded.startIndex
  }

  mutating func run() {
    var place = 0
    var last: NormalizedAccess?
    while agreeing < recorded.count {
      let access = recorded[agreeing]
      if place < found.count, access.isSame(as: found[place]) {
        last = access
        place += 1
        agreeing += 1
      } else if access.isPoll,
        last?.isSamePlace(as: access) == true || access.isEventPoll || access.isRedistributorPoll
      {
        agreeing += 1
      } else if place < found.count, found[place].isEventPoll {
        place += 1
      } else {
        difference = (access, place < found.count ? found[place] : nil)
        return
      }
    }
    while place < found.count, found[place].isEventPoll { place += 1 }
    if place < found.count { difference = (nil, found[place]) }
  }
}

extension NormalizedAccess {
  /// A wait for a change of private interrupts, whose frame is not recorded
  /// (`gic_do_wait_for_rwp`).
  fileprivate var isRedistributorPoll: Bool {
    access.block == .redistributor && !access.isWrite
      && access.offset == RedistributorRegister.control
      && (access.path.isEmpty || access.path.hasPrefix("gic_do_wait_for_rwp"))
  }

  fileprivate var isTypeRead: Bool {
    access.block == .redistributor && !access.isWrite
      && access.offset == RedistributorRegister.type
  }

  /// A look at how far the event queue has come: events come while the handler takes others.
  fileprivate var isEventPoll: Bool {
    access.block == .smmu && !access.isWrite && access.offset == SMMURegister.eventQueueProducer
  }
}
