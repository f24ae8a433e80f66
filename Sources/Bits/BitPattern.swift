/// A type that a bit-field can hold.
///
/// Enumerations whose reserved encodings the architecture reports back conform as
/// `RawRepresentable` structs with static members, so that every pattern stays representable.
public protocol BitPattern: Sendable {
  /// The value that the low bits of `pattern` encode. Total: a reserved encoding decodes to
  /// whatever the architecture says that it behaves as.
  init(pattern: UInt64)
  /// The bits that encode the value, right-aligned.
  var pattern: UInt64 { get }
}

extension Bool: BitPattern {
  @inlinable @inline(__always)
  public init(pattern: UInt64) { self = pattern & 1 != 0 }
  @inlinable @inline(__always)
  public var pattern: UInt64 { self ? 1 : 0 }
}

extension BitPattern where Self: FixedWidthInteger & UnsignedInteger {
  @inlinable @inline(__always)
  public init(pattern: UInt64) { self.init(truncatingIfNeeded: pattern) }
  @inlinable @inline(__always)
  public var pattern: UInt64 { UInt64(truncatingIfNeeded: self) }
}

extension UInt8: BitPattern {}
extension UInt16: BitPattern {}
extension UInt32: BitPattern {}
extension UInt64: BitPattern {}

extension BitPattern where Self: RawRepresentable, RawValue: BitPattern {
  /// The pattern of the raw value.
  @inlinable @inline(__always)
  public var pattern: UInt64 { rawValue.pattern }
}

/// A set of encodings, some of them named, all of them representable.
///
/// Conform a struct with a stored `rawValue` and static members for the encodings that the
/// manual names.
public protocol OpenEncoding: BitPattern, RawRepresentable, Hashable
where RawValue: BitPattern & Hashable {
  init(rawValue: RawValue)
}

extension OpenEncoding {
  @inlinable @inline(__always)
  public init(pattern: UInt64) { self.init(rawValue: RawValue(pattern: pattern)) }
}
