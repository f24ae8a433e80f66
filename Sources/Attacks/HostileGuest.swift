internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import GIC
internal import Guest
internal import Machine
internal import SMMU
internal import Software
internal import VMM

// What a guest's kernel can do to its virtual SMMU when it does not use its driver.
extension AttackedSystem {
  /// RAM of the guest's that nothing else uses, 1 MiB aligned.
  var spareGuestMemory: PA {
    let used = Set(engine.specification.workload.placement.pages.map { $0.0.rawValue >> 20 })
    // Between what the guest's kernel allocates for itself and its translation tables.
    let free = (UInt64(0x500)..<0x600).first { !used.contains($0) && !used.contains($0 + 1) }
    return PA((free ?? 0x500) << 20)
  }

  private func register(_ offset: UInt64, _ value: UInt64, width: Int = 4) -> Step<Never> {
    Step(
      .guest, "(hostile)", "SMMU + \(hex(offset)) := \(hex(value))",
      .mmio(PA(actor.vmm.map.smmuBase.rawValue) + offset, value, width: width))
  }

  /// Fills a command queue of the guest's choice and has the virtual SMMU consume it.
  ///
  /// - Parameter commands: at most 255.
  /// - Returns: the refused steps, with the party that refused each.
  mutating func guestSends(_ commands: [SMMUCommand]) -> [String] {
    let queue = spareGuestMemory
    let writes = commands.enumerated().flatMap { index, command in
      (0..<SMMUCommand.wordCount).map {
        MemoryWrite(queue + UInt64(index) * 16 + UInt64($0) * 8, command[word: $0])
      }
    }
    let first = engine.recorder.steps.count
    // CR0: the queue off and on again, translation and events stay on.
    carryOut([
      register(SMMURegister.cr0, 0x5),
      register(SMMURegister.commandQueueBase, queue.rawValue | 8, width: 8),
      register(SMMURegister.commandQueueConsumer, 0),
      register(SMMURegister.commandQueueProducer, 0),
      Step(.guest, "(hostile)", "\(commands.count) commands", .write(writes)),
      register(SMMURegister.cr0, 0xd),
      register(SMMURegister.commandQueueProducer, UInt64(commands.count)),
    ])
    return refusals(since: first)
  }

  /// Gives the virtual SMMU a stream table with one entry, and has it read that.
  mutating func guestInstalls(_ entry: StreamTableEntry, of stream: UInt32) -> [String] {
    let table = spareGuestMemory + 0x10_0000
    let place = table + UInt64(stream) * 64
    let first = engine.recorder.steps.count
    carryOut([
      Step(
        .guest, "(hostile)", "an STE of the guest's making",
        .write(
          (0..<StreamTableEntry.wordCount).map {
            MemoryWrite(place + UInt64($0) * 8, entry[word: $0])
          })),
      register(SMMURegister.streamTableBase, table.rawValue, width: 8),
      register(SMMURegister.streamTableConfig, 13),
    ])
    var command = SMMUCommand(.invalidateStream)
    command[.stream] = stream
    command[.leaf] = true
    _ = guestSends([command])
    return refusals(since: first)
  }

  /// The refusals among the steps since one of them, in words: the function and what it said.
  private func refusals(since first: Int) -> [String] {
    engine.recorder.steps[first...].filter { $0.refusal != nil }.map {
      "\($0.function): \($0.text)"
    }
  }

  /// The physical command queues' producers: commands are counted by how far they move.
  mutating func physicalCommands() -> (smmu: UInt64, its: UInt64) {
    (
      engine.machine.smmu.readRegister(SMMURegister.commandQueueProducer, width: 4),
      engine.machine.its.readRegister(ITSRegister.commandWrite, width: 8) / 32
    )
  }
}
