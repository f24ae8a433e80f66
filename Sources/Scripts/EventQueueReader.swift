import ArmFormats
import Bits
import Memory
import SMMU

/// Software's end of an SMMU's event queue.
struct EventQueueReader {
  private var consumer: UInt64 = 0

  /// Takes at most `count` records, moves EVENTQ_CONS and acknowledges an overflow.
  mutating func take(
    _ count: Int = .max, from smmu: inout SMMU, in memory: PhysicalMemory
  ) -> [EventRecord] {
    let queue = smmu.readRegister(SMMURegister.eventQueueBase, width: 8)
    let producer = smmu.readRegister(SMMURegister.eventQueueProducer, width: 4)
    let bits = queue & 0x1f
    let base = PA(queue & lowBits(52) & ~lowBits(5))
    var found: [EventRecord] = []
    while found.count < count, (consumer ^ producer) & lowBits(bits + 1) != 0 {
      let place = base + (consumer & lowBits(bits)) * 32
      found.append(memory.load(EventRecord.self, at: place) ?? EventRecord())
      consumer = (consumer + 1) & lowBits(bits + 1)
    }
    smmu.writeRegister(
      SMMURegister.eventQueueConsumer, consumer | producer & 0x8000_0000, width: 4, memory: memory)
    return found
  }
}
