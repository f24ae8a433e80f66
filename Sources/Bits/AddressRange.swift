/// A range of addresses of one space, of at least one byte, that does not wrap around.
public struct AddressRange: Hashable, Sendable {
  public let base: UInt64
  /// In bytes, 1 at least.
  public let length: UInt64

  /// - Returns: `nil` for a range of no bytes and for one that ends beyond 2^64.
  public init?(base: UInt64, length: UInt64) {
    guard length > 0, !base.addingReportingOverflow(length - 1).overflow else { return nil }
    self.base = base
    self.length = length
  }

  /// A range that is known to have bytes; clamped at the end of the space.
  public init(from base: UInt64, length: UInt64) {
    self.base = base
    self.length = max(1, min(length, UInt64.max - base))
  }

  /// The last address.
  public var last: UInt64 { base &+ (length - 1) }

  public func contains(_ address: UInt64) -> Bool { address &- base < length }

  /// Whether every address of `other` is one of this range.
  public func contains(_ other: AddressRange) -> Bool {
    base <= other.base && other.last <= last
  }

  public func overlaps(_ other: AddressRange) -> Bool {
    base <= other.last && other.base <= last
  }
}

extension AddressRange: CustomStringConvertible {
  /// `0x8000000-0x80fffff`.
  public var description: String { "\(hex(base))-\(hex(last))" }
}
