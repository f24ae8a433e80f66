import ArmFormats
import Bits
package import Designs
package import Files
import Linux
import Memory
import SMMU
package import Scenarios

/// One SMMUv3 with RAM: registers, stream table, descriptors and queues, and accesses of devices.
package final class SMMUBench: Bench {
  package static let name = "smmu"
  package static let title =
    "An SMMUv3 and RAM: stream table entries, contexts, tables, commands, accesses and events."

  static let ram = PhysicalMemory.Region(base: 0x4000_0000, size: 64 << 20)
  static let streamTable: PA = 0x4010_0000
  static let leaf: PA = 0x4018_0000
  static let commandQueue: PA = 0x4020_0000
  static let eventQueuePlace: PA = 0x4021_0000

  let memory: PhysicalMemory
  var smmu: SMMU
  var frames = BumpFrames(base: 0x4100_0000, size: 32 << 20)
  var tables: [String: PageTable] = [:]
  /// log2 of the number of StreamIDs, and of those in one leaf; 0 for a linear table.
  let streamBits: UInt64
  let split: UInt64
  let queueBits: UInt64
  var commandProducer: UInt64 = 0
  var eventQueue = EventQueueReader()

  package convenience init(_ value: CheckedValue) throws(InputError) {
    try self.init(value, injecting: nil)
  }

  package init(_ value: CheckedValue, injecting mutation: Mutation?) throws(InputError) {
    do { memory = try PhysicalMemory(regions: [Self.ram]) } catch {
      throw value.error(expected: "a machine whose memory can be set up")
    }
    let isQEMU = value.text("personality") == "qemu-11"
    let personality: SMMUPersonality = isQEMU ? .qemu11 : .architecture
    smmu = SMMU(
      profile: isQEMU ? .qemu : .full,
      personality: personality.union(mutation?.ofSMMU ?? []),
      caches: value["caches"]?.boolean ?? false ? .default : .none)
    streamBits = value["stream-bits"]?.integer ?? 8
    split = value["split"]?.integer ?? 0
    queueBits = value["queue-bits"]?.integer ?? 5
    turnOn(recordsBadStreams: value["records-bad-streams"]?.boolean ?? true)
  }

  private func turnOn(recordsBadStreams: Bool) {
    write(
      SMMURegister.streamTableBase, (split == 0 ? Self.streamTable : Self.leaf).rawValue, width: 8)
    write(
      SMMURegister.streamTableConfig,
      streamBits | (split == 0 ? 0 : 1 << 16 | split << 6))
    write(SMMURegister.commandQueueBase, Self.commandQueue.rawValue | queueBits, width: 8)
    write(SMMURegister.eventQueueBase, Self.eventQueuePlace.rawValue | queueBits, width: 8)
    write(SMMURegister.cr2, recordsBadStreams ? 2 : 0)
    write(SMMURegister.cr0, 0xd)
  }

  func write(_ offset: UInt64, _ value: UInt64, width: Int = 4) {
    smmu.writeRegister(offset, value, width: width, memory: memory)
  }

  func read(_ offset: UInt64) -> UInt64 { smmu.readRegister(offset, width: 4) }

  /// Puts a command into the queue.
  func queue(_ command: SMMUCommand) {
    memory.store(command, at: Self.commandQueue + (commandProducer & lowBits(queueBits)) * 16)
    commandProducer = (commandProducer + 1) & lowBits(queueBits + 1)
  }
}
