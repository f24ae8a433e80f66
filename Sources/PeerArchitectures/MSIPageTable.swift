package import Bits
package import Memory

/// RISC-V's MSI page table (RISC-V IOMMU specification 1.0, section 3.3.3): behind the first stage, a
/// write to an interrupt file of the guest is redirected, or recorded in memory.
///
/// The guest programs its own address and data; the table is the hypervisor's.
package struct MSIPageTable: Equatable, Sendable {
  package enum Outcome: Equatable, Sendable {
    /// No interrupt file of this guest: the second stage translates the address.
    case memory
    /// To the interrupt file at this address.
    case redirected(PA)
    /// Recorded in a memory-resident interrupt file; a notice goes out when the identity is
    /// enabled there.
    case recorded(file: PA, notice: Notice?)
    /// Not written where it says, since the file takes no such identity.
    case ignored
    /// The cause of the specification: 261 access fault, 262 not valid, 263 misconfigured.
    case fault(UInt16)
  }

  /// A message to the host that something was recorded.
  package struct Notice: Equatable, Sendable {
    package let address: PA
    package let identity: UInt32

    package init(address: PA, identity: UInt32) {
      self.address = address
      self.identity = identity
    }
  }

  /// `msiptp.PPN`, as an address.
  package let table: PA
  /// `msi_addr_mask` and `msi_addr_pattern`: page numbers.
  package let mask: UInt64
  package let pattern: UInt64

  package init(table: PA, mask: UInt64, pattern: UInt64) {
    self.table = table
    self.mask = mask
    self.pattern = pattern
  }

  /// A 32-bit write of a device, at the address that the first stage gave.
  package func write(_ data: UInt32, to address: IPA, memory: PhysicalMemory) -> Outcome {
    let page = address.rawValue >> 12
    guard page & ~mask == pattern & ~mask else { return .memory }
    let place = table + extract(page) &* 16
    guard let low = memory.load64(place), let high = memory.load64(place + 8) else {
      return .fault(261)
    }
    guard low & 1 == 1 else { return .fault(262) }
    guard low >> 63 == 0 else { return .fault(263) }
    switch low >> 1 & 3 {
    // Bits 9:3 and 62:54 of this mode are reserved.
    case 3 where low & 0x7fc0_0000_0000_03f8 != 0: return .fault(263)
    case 3: return .redirected(PA((low >> 10 & lowBits(44)) << 12 | address.rawValue & 0xfff))
    case 1: return record(data, address, low, high, memory)
    default: return .fault(263)
    }
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
    _ data: UInt32, _ address: IPA, _ low: UInt64, _ high: UInt64, _ memory: PhysicalMemory
  ) -> Outcome {
    guard data < 2048, address.rawValue & 0xfff == 0 else { return .ignored }
    let file = PA((low >> 7 & lowBits(47)) << 9)
    let pair = file + UInt64(data >> 6) * 16
    guard let pending = memory.load64(pair), let enabled = memory.load64(pair + 8) else {
      return .fault(261)
    }
    guard memory.store64(pair, pending | 1 << UInt64(data & 63)) else { return .fault(261) }
    guard enabled >> UInt64(data & 63) & 1 == 1 else {
      return .recorded(file: file, notice: nil)
    }
    let identity = UInt32(truncatingIfNeeded: high & 0x3ff | (high >> 60 & 1) << 10)
    return .recorded(
      file: file,
      notice: Notice(address: PA((high >> 10 & lowBits(44)) << 12), identity: identity))
  }
}
