internal import Bits
internal import IOMMU

/// Software MSI window of a host, as people write it.
package struct MSIWindow: Equatable, Sendable {
  /// The first address.
  package let base: UInt64

  /// Window of Linux.
  package static let standard = Self(base: SoftwareMSIWindow.base.rawValue)

  /// - Parameter base: an address with a whole window above it; others are moved down.
  package init(base: UInt64) { self.base = min(base, UInt64.max - (SoftwareMSIWindow.length - 1)) }

  /// A hexadecimal address after `0x`, with a whole window above it.
  package init?(_ text: String) {
    guard text.hasPrefix("0x"), let base = UInt64(text.dropFirst(2), radix: 16),
      base <= UInt64.max - (SoftwareMSIWindow.length - 1)
    else { return nil }
    self.base = base
  }

  /// All of it, first to last address.
  package var addresses: ClosedRange<UInt64> { base...base + (SoftwareMSIWindow.length - 1) }
}
