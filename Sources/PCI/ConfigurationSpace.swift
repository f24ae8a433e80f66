internal import Bits

/// The 4 KiB configuration space of a function, as bytes with a mask of writable bits
/// (PCI Express base specification, 7.5).
struct ConfigurationSpace: Sendable {
  static let size = 4096
  private(set) var bytes = [UInt8](repeating: 0, count: size)
  private var writable = [UInt8](repeating: 0, count: size)

  /// Reads `width` bytes (1, 2 or 4), naturally aligned; anything else reads as all ones.
  func read(_ offset: Int, width: Int) -> UInt32 {
    guard Self.isAccess(offset, width) else { return ~0 }
    return (0..<width).reduce(0) { $0 | UInt32(bytes[offset + $1]) &<< UInt32(8 * $1) }
  }

  /// Writes the writable bits of `width` bytes.
  mutating func write(_ offset: Int, _ value: UInt32, width: Int) {
    guard Self.isAccess(offset, width) else { return }
    for byte in 0..<width {
      let mask = writable[offset + byte]
      let new = UInt8(truncatingIfNeeded: value &>> UInt32(8 * byte))
      bytes[offset + byte] = (bytes[offset + byte] & ~mask) | (new & mask)
    }
  }

  /// Sets a field, writable by software where `mask` has ones.
  mutating func define(_ offset: Int, _ value: UInt32, width: Int, writable mask: UInt32 = 0) {
    guard Self.isAccess(offset, width) else { return }
    for byte in 0..<width {
      bytes[offset + byte] = UInt8(truncatingIfNeeded: value &>> UInt32(8 * byte))
      writable[offset + byte] = UInt8(truncatingIfNeeded: mask &>> UInt32(8 * byte))
    }
  }

  private static func isAccess(_ offset: Int, _ width: Int) -> Bool {
    (width == 1 || width == 2 || width == 4) && offset >= 0 && offset <= size - width
      && offset & (width - 1) == 0
  }
}
