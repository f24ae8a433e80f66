package import Bits
package import Machine
package import Memory
internal import PCI

/// The ITS of GICv5, as far as a message's way goes: tables in memory and no command queue
/// (Linux 6.18, include/linux/irqchip/arm-gic-v5.h and irq-gic-v5-its.c), linear tables.
package struct GICv5Translation: Platform {
  /// Reason why a message is dropped; software is not told. That these are dropped is derived from
  /// the meaning of the valid bits; the driver does not say what the hardware does.
  package enum Reason: String, Sendable {
    case deviceOutOfRange, deviceInvalid, eventOutOfRange, eventInvalid, tableAbort
    /// A two-level table of events, which this model does not read.
    case twoLevelTable
  }

  /// The device table.
  package let table: PA
  /// log2 of its entries.
  package let deviceBits: UInt64
  private let memory: PhysicalMemory

  /// - Parameter deviceBits: 1 to 32.
  package init(table: PA, deviceBits: UInt64, memory: PhysicalMemory) {
    self.table = table
    self.deviceBits = min(max(deviceBits, 1), 32)
    self.memory = memory
  }

  /// A write at a translate frame: the requester ID is the DeviceID, and the data the EventID.
  package func post(_ write: PostedWrite) -> PostOutcome {
    message(UInt32(write.requester.rawValue), write.data)
  }

  /// A message at a translate frame, with any DeviceID.
  package func message(_ device: UInt32, _ event: UInt32) -> PostOutcome {
    do throws(DropError) {
      return try look(device, event)
    } catch {
      return .failed(PostFailure(error.reason.rawValue, isReported: false))
    }
  }

  private struct DropError: Error { let reason: Reason }

  private func look(_ device: UInt32, _ event: UInt32) throws(DropError) -> PostOutcome {
    guard UInt64(device) < 1 << deviceBits else { throw DropError(reason: .deviceOutOfRange) }
    guard let entry = memory.load64(table + UInt64(device) * 8) else {
      throw DropError(reason: .tableAbort)
    }
    guard entry & 1 == 1 else { throw DropError(reason: .deviceInvalid) }
    guard entry >> 58 & 1 == 0 else { throw DropError(reason: .twoLevelTable) }
    // EventID bits [63:59], table address [55:3].
    guard UInt64(event) < 1 << (entry >> 59) else { throw DropError(reason: .eventOutOfRange) }
    let events = PA(entry & lowBits(56) & ~lowBits(3))
    guard let word = memory.load64(events + UInt64(event) * 8) else {
      throw DropError(reason: .tableAbort)
    }
    guard word >> 31 & 1 == 1 else { throw DropError(reason: .eventInvalid) }
    let lpi = UInt32(truncatingIfNeeded: word & lowBits(24))
    return word >> 30 & 1 == 1
      ? .guest(interrupt: lpi, .machine(UInt16(truncatingIfNeeded: word >> 32)))
      : .host(interrupt: lpi, cpu: nil)
  }
}
