internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import Guest
internal import HostKernel
internal import Machine
internal import SMMU
internal import Simulation
internal import Software
internal import VMM

// What a device may try at the right moment: before its driver is there, and after a mapping has
// gone.
extension Attack {
  static let momentAttacks: [Attack] = [
    Attack(
      name: "boot-dma", actor: .device,
      action: "The device writes all over the guest's RAM after the guest has turned its SMMU on "
        + "and before a driver binds.",
      breach: "RAM is reached that no driver has mapped",
      source: "arm-smmu-v3.c arm_smmu_rmr_install_bypass_ste", carryOut: writeBeforeDriver),
    Attack(
      name: "stale-translation", actor: .device,
      action: "The device goes on writing to a buffer while the guest unmaps it (iommu.strict=1).",
      breach: "the buffer is reached after the unmapping has returned",
      source: "IHI 0070 4.4: CMD_SYNC completes an invalidation",
      carryOut: writeWhileUnmapping(.strict)),
    Attack(
      name: "stale-translation-lazy", actor: .device,
      action: "The same in a guest that invalidates later, by a flush queue (iommu.strict=0).",
      breach: "the buffer is reached after the unmapping has returned",
      source: "dma-iommu.c: IOVA_DEFAULT_FQ_SIZE 256, IOVA_DEFAULT_FQ_TIMEOUT 10 ms",
      carryOut: writeWhileUnmapping(.lazy)),
  ]

  private static func writeBeforeDriver(
    _ specification: RunSpecification
  ) throws(AttackFailure) -> AttackOutcome {
    guard specification.design.iommu == .nested else {
      throw .notApplicable("the guest has no IOMMU: its device reaches all of its RAM at any time")
    }
    guard specification.usage != .identity else {
      throw .notApplicable("the guest wants no translation: its device reaches all of its RAM")
    }
    // Booting is the guest's first operation.
    var system = try AttackedSystem.setUp(specification, operations: 1)
    let ram = system.actor.vmm.map
    let pages = stride(from: UInt64(0), to: ram.ramSize, by: 1 << 20).map {
      IOVA(ram.ramBase.rawValue + $0)
    }
    let sweep = system.sweep(pages)
    let stations = system.write(0, to: pages[0]).stations
    let first = system.engine.recorder.steps.count
    while system.place(of: pages[0]) != nil, system.engine.step() {}
    let measures: [IsolationFinding.Measure] = [
      .init("addresses", sweep.asked), .init("guest's pages reached", sweep[.guestRAM]),
      .init("steps of software until it ends", system.engine.recorder.steps.count - first),
    ]
    guard sweep[.guestRAM] > 0 else {
      return .contained(
        "the stream's entry aborts until a driver binds", measures, stations: stations)
    }
    return .breach(
      of: .guest, "the RMR's bypass entry opens \(sweep[.guestRAM]) of \(sweep.asked) MiB",
      measures,
      stations: stations)
  }

  /// A buffer of the guest's that its device uses.
  private static let buffer: IOVA = 0x5000_0000

  private static func writeWhileUnmapping(
    _ policy: UnmapPolicy
  ) -> @Sendable (RunSpecification) throws(AttackFailure) -> AttackOutcome {
    { specification throws(AttackFailure) in try writeWhileUnmapping(specification, policy) }
  }

  private static func writeWhileUnmapping(
    _ specification: RunSpecification, _ policy: UnmapPolicy
  ) throws(AttackFailure) -> AttackOutcome {
    var specification = specification
    specification.unmapPolicy = policy
    var system = try AttackedSystem.setUp(specification, caches: true)
    try system.requireStageOne()
    try system.guestMaps(buffer, to: IPA(system.spareGuestMemory.rawValue))
    guard system.place(of: buffer) != nil else {
      throw .run(RunFailure("the device does not reach a buffer that its guest mapped"))
    }
    let steps = try system.unmap(buffer)
    let isOpen = system.place(of: buffer) != nil
    let stations = system.write(0, to: buffer).stations
    let open = system.waitForInvalidation(of: buffer)
    let measures: [IsolationFinding.Measure] = [
      .init("steps of software with the stale translation", steps),
      .init("open after the unmapping", isOpen ? 1 : 0),
      .init("microseconds open after the unmapping", open),
      .init("open after the invalidation", system.place(of: buffer) != nil ? 1 : 0),
    ]
    guard isOpen else {
      return .contained(
        "the translation serves \(steps) more steps, until the CMD_SYNC, and none after the "
          + "unmapping has returned", measures, stations: stations)
    }
    return .breach(
      of: .guest,
      "the page may have another owner already, and the TLB still answers for \(open) us, until "
        + "the flush queue's timer runs down", measures, stations: stations)
  }
}

extension AttackedSystem {
  /// The guest unmaps a page; after how many steps of that, and of those that they lead to, the
  /// device still reaches it.
  fileprivate mutating func unmap(_ input: IOVA) throws(AttackFailure) -> Int {
    let steps: [Step<Never>]
    do {
      steps = try engine.perform(
        .activity(.unmap(input, size: 0x1000)), for: 0, of: .first)
    } catch {
      throw .notApplicable("the guest's kernel refuses: \(error.function), \(error.errno)")
    }
    let first = engine.recorder.steps.count
    var reached = 0
    engine.push(steps.map(PendingStep.guest), on: .first)
    engine.resumeSoftware(of: .first)
    while !actor.cpus[VCPUIndex.boot.rawValue].isDone, engine.step() {
      if place(of: input) != nil { reached = engine.recorder.steps.count - first }
    }
    return reached
  }

  /// Lets time pass until the device no longer reaches a page; how many microseconds that takes.
  fileprivate mutating func waitForInvalidation(of input: IOVA) -> Int {
    let start = engine.queue.now
    while place(of: input) != nil, engine.step() {}
    return Int(clamping: (engine.queue.now - start).picoseconds / 1_000_000)
  }
}
