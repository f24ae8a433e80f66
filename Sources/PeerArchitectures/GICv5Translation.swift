package import Bits
package import Memory

/// The ITS of GICv5, as far as a message's way goes: tables in memory and no command queue
/// (Linux 6.18, include/linux/irqchip/arm-gic-v5.h and irq-gic-v5-its.c), linear tables.
package struct GICv5Translation: Equatable, Sendable {
  package enum Outcome: Equatable, Sendable {
    case physical(lpi: UInt32)
    /// A virtual LPI of a VM: no vPE mapping and no host are involved.
    case virtual(lpi: UInt32, machine: UInt16)
    case dropped(Reason)
  }

  /// Nobody is told of a message that is dropped. That these are dropped is derived from the
  /// meaning of the valid bits; the driver does not say what the hardware does.
  package enum Reason: String, Sendable {
    case deviceOutOfRange, deviceInvalid, eventOutOfRange, eventInvalid, tableAbort
    /// A two-level table of events, which this model does not read.
    case twoLevelTable
  }

  /// The device table.
  package let table: PA
  /// log2 of its entries.
  package let deviceBits: UInt64

  /// - Parameter deviceBits: 1 to 32.
  package init(table: PA, deviceBits: UInt64) {
    self.table = table
    self.deviceBits = min(max(deviceBits, 1), 32)
  }

  /// A message at a translate frame.
  package func message(_ device: UInt32, _ event: UInt32, memory: PhysicalMemory) -> Outcome {
    guard UInt64(device) < 1 << deviceBits else { return .dropped(.deviceOutOfRange) }
    guard let entry = memory.load64(table + UInt64(device) * 8) else {
      return .dropped(.tableAbort)
    }
    guard entry & 1 == 1 else { return .dropped(.deviceInvalid) }
    guard entry >> 58 & 1 == 0 else { return .dropped(.twoLevelTable) }
    // EventID bits [63:59], table address [55:3].
    guard UInt64(event) < 1 << (entry >> 59) else { return .dropped(.eventOutOfRange) }
    let events = PA(entry & lowBits(56) & ~lowBits(3))
    guard let word = memory.load64(events + UInt64(event) * 8) else {
      return .dropped(.tableAbort)
    }
    guard word >> 31 & 1 == 1 else { return .dropped(.eventInvalid) }
    let lpi = UInt32(truncatingIfNeeded: word & lowBits(24))
    return word >> 30 & 1 == 1
      ? .virtual(lpi: lpi, machine: UInt16(truncatingIfNeeded: word >> 32)) : .physical(lpi: lpi)
  }
}
