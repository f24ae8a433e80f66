package import Bits
package import Machine
package import Memory
package import PCI

/// Intel's interrupt remapping (VT-d specification, chapter 5): a write to the interrupt window is
/// recognised before DMA is translated, so that no page table maps a doorbell.
package struct InterruptRemapping: Platform {
  /// Reason why an interrupt is blocked: the fault reason that software gets (table 26 of the specification).
  package enum Reason: UInt8, Sendable {
    case indexOutOfRange = 0x21
    case notPresent = 0x22
    case fetchError = 0x23
    /// A message in compatibility format, which names vector and CPU by itself.
    case compatibilityFormat = 0x25
    /// The requester is not the one that the entry names.
    case sourceMismatch = 0x26
  }

  /// The interrupt remapping table.
  package let table: PA
  /// Its entries, 16 bytes each: 2 to 65,536.
  package let count: UInt32
  private let memory: PhysicalMemory

  package init(table: PA, count: UInt32, memory: PhysicalMemory) {
    self.table = table
    self.count = count
    self.memory = memory
  }

  /// A write into the interrupt window becomes an interrupt or is blocked; any other is DMA, whose
  /// translation is not modelled here.
  package func post(_ write: PostedWrite) -> PostOutcome {
    let (address, data) = (write.address.rawValue, write.data)
    guard address >> 20 == 0xfee else { return .memory(nil) }
    guard address >> 4 & 1 == 1 else { return blocked(.compatibilityFormat) }
    let handle = UInt32(truncatingIfNeeded: address >> 5 & 0x7fff | (address >> 2 & 1) << 15)
    let hasSubhandle = address >> 3 & 1 == 1
    let index = handle &+ (hasSubhandle ? data & 0xffff : 0)
    guard index < count else { return blocked(.indexOutOfRange) }
    let place = table + UInt64(index) * 16
    guard let low = memory.load64(place), let high = memory.load64(place + 8) else {
      return blocked(.fetchError)
    }
    guard low & 1 == 1 else { return blocked(.notPresent) }
    guard accepts(write.requester.rawValue, high) else { return blocked(.sourceMismatch) }
    let vector = UInt8(truncatingIfNeeded: low >> 16)
    guard low >> 15 & 1 == 1 else {
      return .host(interrupt: UInt32(vector), cpu: UInt32(truncatingIfNeeded: low >> 32))
    }
    let descriptor = (high >> 32) << 32 | (low >> 38) << 6
    return .guest(
      interrupt: UInt32(vector), .descriptor(PA(descriptor), isUrgent: low >> 14 & 1 == 1))
  }

  private func blocked(_ reason: Reason) -> PostOutcome {
    .failed(PostFailure("\(reason)", code: UInt16(reason.rawValue), isReported: true))
  }

  /// Whether the entry's SID, SQ and SVT let a requester through.
  private func accepts(_ requester: UInt16, _ high: UInt64) -> Bool {
    let source = UInt16(truncatingIfNeeded: high)
    switch high >> 18 & 3 {
    case 0: return true
    case 1:
      // SQ leaves out none, bit 2, bits 2:1 or bits 2:0 of the function number.
      let ignored: [UInt16] = [0, 4, 6, 7]
      let mask = ~ignored[Int(high >> 16 & 3)]
      return requester & mask == source & mask
    case 2: return (source >> 8...max(source >> 8, source & 0xff)).contains(requester >> 8)
    default: return false
    }
  }
}
