package import Bits
package import Machine
package import Memory

/// RISC-V's MSI page table (RISC-V IOMMU specification 1.0, section 3.3.3): behind the first stage, a
/// write to an interrupt file of the guest is redirected, or recorded in memory.
///
/// The guest programs its own address and data; the table is the hypervisor's.
package struct MSIPageTable: Platform {
  /// The causes of the specification's fault record.
  package enum Cause: UInt16, Sendable {
    case accessFault = 261
    case notValid = 262
    case misconfigured = 263
  }

  /// `msiptp.PPN`, as an address.
  package let table: PA
  /// `msi_addr_mask` and `msi_addr_pattern`: page numbers.
  package let mask: UInt64
  package let pattern: UInt64
  private let memory: PhysicalMemory

  package init(table: PA, mask: UInt64, pattern: UInt64, memory: PhysicalMemory) {
    self.table = table
    self.memory = memory
    self.mask = mask
    self.pattern = pattern
  }

  /// A write at the address that the first stage gave: to an interrupt file, or on to the second
  /// stage, which is not modelled here.
  package func post(_ write: PostedWrite) -> PostOutcome {
    let address = IPA(write.address.rawValue)
    let page = address.rawValue >> 12
    guard page & ~mask == pattern & ~mask else { return .memory(nil) }
    let place = table + extract(page) &* 16
    guard let low = memory.load64(place), let high = memory.load64(place + 8) else {
      return failed(.accessFault)
    }
    guard low & 1 == 1 else { return failed(.notValid) }
    guard low >> 63 == 0 else { return failed(.misconfigured) }
    switch low >> 1 & 3 {
    // Bits 9:3 and 62:54 of this mode are reserved.
    case 3 where low & 0x7fc0_0000_0000_03f8 != 0: return failed(.misconfigured)
    case 3:
      let place = PA((low >> 10 & lowBits(44)) << 12 | address.rawValue & 0xfff)
      return .guest(interrupt: write.data, .file(place))
    case 1: return record(write.data, address, low, high)
    default: return failed(.misconfigured)
    }
  }

  private func failed(_ cause: Cause) -> PostOutcome {
    .failed(PostFailure("\(cause)", code: cause.rawValue, isReported: true))
  }

  /// The number of the interrupt file: the page number's bits that the mask selects, packed.
  private func extract(_ page: UInt64) -> UInt64 {
    var number: UInt64 = 0
    var position: UInt64 = 0
    for bit in 0..<UInt64(52) where mask >> bit & 1 == 1 {
      number |= (page >> bit & 1) << position
      position += 1
    }
    return number
  }

  /// Sets the identity's pending bit in the file: pairs of 64 pending and 64 enable bits.
  private func record(
    _ data: UInt32, _ address: IPA, _ low: UInt64, _ high: UInt64
  ) -> PostOutcome {
    guard data < 2048, address.rawValue & 0xfff == 0 else {
      return .failed(PostFailure("ignored", isReported: false))
    }
    let file = PA((low >> 7 & lowBits(47)) << 9)
    let pair = file + UInt64(data >> 6) * 16
    guard let pending = memory.load64(pair), let enabled = memory.load64(pair + 8) else {
      return failed(.accessFault)
    }
    guard memory.store64(pair, pending | 1 << UInt64(data & 63)) else {
      return failed(.accessFault)
    }
    guard enabled >> UInt64(data & 63) & 1 == 1 else {
      return .guest(interrupt: data, .memoryResident(file, notice: nil))
    }
    let identity = UInt32(truncatingIfNeeded: high & 0x3ff | (high >> 60 & 1) << 10)
    return .guest(
      interrupt: data,
      .memoryResident(
        file, notice: .init(address: PA((high >> 10 & lowBits(44)) << 12), identity: identity)))
  }
}
