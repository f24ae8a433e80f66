internal import ArmFormats
internal import Bits
internal import Linux
internal import Memory
internal import SMMU
internal import Software

/// A way to give a device another domain while its firmware goes on with DMA, as the Arm RAID
/// controller of April 2023 does: which entries the driver puts into the stream table in turn.
package struct DomainSwitch: Equatable, Sendable {
  /// State of the stream table entry that the firmware's accesses meet.
  package enum State: Equatable, Sendable {
    case blocked
    case identity
    /// Stage 1 of a domain that maps the firmware's region one to one; the two differ in their
    /// ASID and in their tables.
    case paging(domain: Int)
  }

  package let name: String
  let start: State
  let through: [State]
  /// Functions of Linux that make the switch, or the author of the proposal.
  package let source: String

  /// The firmware's region.
  static let region: ClosedRange<UInt64> = 0x4200_0000...0x420f_ffff

  package static let all: [DomainSwitch] = [
    .init(
      name: "identity to paging, through blocked", start: .identity,
      through: [.blocked, .paging(domain: 1)],
      source: "iommu_group_claim_dma_owner, then an attach"),
    .init(
      name: "identity to paging, replaced", start: .identity, through: [.paging(domain: 1)],
      source: "iommufd_device_replace; arm_smmu_write_ste since Linux 6.9"),
    .init(
      name: "paging to paging, through blocked", start: .paging(domain: 1),
      through: [.blocked, .paging(domain: 2)],
      source: "iommu_group_claim_dma_owner, then an attach"),
    .init(
      name: "paging to paging, through identity", start: .paging(domain: 1),
      through: [.identity, .paging(domain: 2)],
      source: "J. Gunthorpe, 21 April 2023: identity instead of blocked"),
    .init(
      name: "paging to paging, replaced", start: .paging(domain: 1),
      through: [.paging(domain: 2)],
      source: "iommu_replace_group_handle; arm_smmu_write_cd_entry since Linux 6.9"),
    .init(
      name: "a failed attach leaves blocked", start: .paging(domain: 1), through: [.blocked],
      source: "arm_smmu_release_device without require_direct"),
    .init(
      name: "a failed attach leaves identity", start: .paging(domain: 1), through: [.identity],
      source: "J. Gunthorpe, 21 April 2023; arm_smmu_release_device with require_direct"),
  ]
}

/// Outcome of the firmware's DMA during a switch.
package struct SwitchOutcome: Equatable, Sendable {
  package let subject: DomainSwitch
  /// Writes of the firmware: one after every word that the driver wrote and every command.
  package var accesses = 0
  /// Number of those that did not reach the region.
  package var lost = 0
  /// The events that the SMMU recorded, each kind once, in order of appearance.
  package var events: [String] = []
  /// The driver's step after which the first one was lost.
  package var firstLoss: String?
  /// Whether the firmware's writes arrive when all is over.
  package var recovers = true
}

extension DomainSwitch {
  /// Carries the switch out on an SMMU that fetches entries anew for every access: hardware may at
  /// any time.
  ///
  /// - Returns: `nil` when the machine cannot be set up.
  package func run() -> SwitchOutcome? {
    guard let stage = SwitchStage(start) else { return nil }
    var outcome = SwitchOutcome(subject: self)
    for state in through { stage.enter(state, &outcome) }
    outcome.recovers = stage.firmwareWrites(&outcome, after: "the last step")
    return outcome
  }
}

/// The machine on which switches are carried out: an SMMU, its driver, and RAM.
private final class SwitchStage {
  private static let stream: UInt32 = 8
  private static let smmuBase: PA = 0x905_0000
  private static let contextTable: PA = 0x4100_0000

  private let memory: PhysicalMemory
  private var smmu = SMMU(profile: .qemu, caches: .none)
  private var driver: SMMUDriver
  private var tables: [PageTable] = []
  private var context = ContextDescriptor()
  private var eventQueue = EventQueueReader()

  init?(_ start: DomainSwitch.State) {
    var frames = BumpFrames(base: 0x4000_0000, size: 16 << 20)
    do {
      memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 64 << 20)])
      driver = try SMMUDriver(
        agent: .host, base: Self.smmuBase, streamBits: 9, frames: &frames)
      let setup =
        try driver.prepareLeaf(of: Self.stream, frames: &frames)
        + driver.probe(bypassing: [], frames: &frames)
      for _ in 0..<2 {
        var table = try PageTable(stage: .one, inputBits: 48, outputBits: 44, frames: &frames)
        let region = DomainSwitch.region
        let words = try table.map(
          region.lowerBound, to: region.lowerBound,
          size: region.upperBound - region.lowerBound + 1, .buffer, frames: &frames)
        tables.append(table)
        for word in words { memory.store64(word.address, word.value) }
      }
      var unwatched = SwitchOutcome(subject: DomainSwitch.all[0])
      perform(setup, &unwatched)
      enter(start, &unwatched)
    } catch { return nil }
  }

  /// Puts the entry of `state` into the stream table.
  func enter(_ state: DomainSwitch.State, _ outcome: inout SwitchOutcome) {
    let function = "arm_smmu_install_ste_for_dev"
    switch state {
    case .blocked: write(.abort, function, "blocked", &outcome)
    case .identity: write(.bypass, function, "identity", &outcome)
    case .paging(let domain):
      writeContext(domain, &outcome)
      write(.stage1(context: Self.contextTable), function, "domain \(domain)", &outcome)
    }
  }

  private func write(
    _ entry: StreamTableEntry, _ function: String, _ text: String,
    _ outcome: inout SwitchOutcome
  ) {
    perform(
      driver.write(entry, of: Self.stream, function: function, text: text), &outcome)
  }

  /// Rewrites the CD (`arm_smmu_write_cd_entry`): in place, since a device has one table of CDs.
  private func writeContext(_ domain: Int, _ outcome: inout SwitchOutcome) {
    let new = ContextDescriptor.paging(
      tables[domain - 1], asid: UInt16(truncatingIfNeeded: domain), outputSize: .bits44)
    for batch in EntryUpdate(from: context, to: new, used: { $0.used }).batches {
      let changed = (0..<ContextDescriptor.wordCount).filter {
        context[word: $0] != batch[word: $0]
      }
      context = batch
      var command = SMMUCommand(.invalidateContext)
      command[.stream] = Self.stream
      command[.leaf] = true
      perform(
        [
          Step(
            .host, "arm_smmu_write_cd_entry", "the CD, for domain \(domain)",
            .write(
              changed.map {
                MemoryWrite(Self.contextTable + UInt64($0) * 8, batch[word: $0])
              }))
        ] + driver.send([command], "arm_smmu_cd_writer_sync_entry", "CFGI_CD"), &outcome)
    }
  }

  /// Carries steps out; the firmware writes after each word and each command.
  private func perform(_ steps: [Step<Never>], _ outcome: inout SwitchOutcome) {
    let executor = Executor(memory: memory)
    for step in steps {
      let text = "\(step.function): \(step.text)"
      for action in step.action.inWords {
        if case .decide = action { continue }
        if case .register(let address, let value, let width) = executor.execute(action) {
          smmu.writeRegister(
            address.rawValue &- Self.smmuBase.rawValue, value, width: width, memory: memory)
        }
        firmwareWrites(&outcome, after: text)
      }
    }
  }

  /// One write of the firmware to the start of its region; whether it arrived there.
  @discardableResult
  func firmwareWrites(_ outcome: inout SwitchOutcome, after step: String) -> Bool {
    let target = DomainSwitch.region.lowerBound
    let result = smmu.translate(
      Transaction(streamID: Self.stream, address: IOVA(target), isWrite: true), in: memory)
    for event in eventQueue.take(from: &smmu, in: memory) {
      let name = "\(event[.kind])"
      if !outcome.events.contains(name) { outcome.events.append(name) }
    }
    outcome.accesses += 1
    let arrives = result.outputAddress?.rawValue == target
    if !arrives {
      outcome.lost += 1
      outcome.firstLoss = outcome.firstLoss ?? step
    }
    return arrives
  }
}
