/// An address space. The three that matter here never mix.
public protocol AddressSpace: Sendable {
  /// The usual abbreviation, for messages.
  static var name: String { get }
}

/// Address that a device emits: the input of stage 1, or of stage 2 where stage 1 is bypassed.
public enum InputSpace: AddressSpace { public static let name = "IOVA" }
/// Guest physical address: the output of stage 1 and the input of stage 2.
public enum IntermediateSpace: AddressSpace { public static let name = "IPA" }
/// Address that the memory system decodes.
public enum PhysicalSpace: AddressSpace { public static let name = "PA" }

/// I/O virtual address: what the device emits.
public typealias IOVA = Address<InputSpace>
/// Intermediate physical address: what the guest calls physical.
public typealias IPA = Address<IntermediateSpace>
/// Physical address: what the memory system decodes.
public typealias PA = Address<PhysicalSpace>

/// An address of one space: 64 bits that do not mix with those of another space.
///
/// Arithmetic wraps, since software chooses the operands.
@frozen
public struct Address<Space: AddressSpace>: Hashable, Comparable, BitPattern {
  public var rawValue: UInt64

  @inlinable @inline(__always)
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable @inline(__always)
  public init(pattern: UInt64) { rawValue = pattern }
  @inlinable @inline(__always)
  public var pattern: UInt64 { rawValue }

  @inlinable @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  @inlinable @inline(__always)
  public static func + (left: Self, offset: UInt64) -> Self { Self(left.rawValue &+ offset) }
  @inlinable @inline(__always)
  public static func - (left: Self, offset: UInt64) -> Self { Self(left.rawValue &- offset) }

  /// The address with its low `shift` bits clear.
  @inlinable @inline(__always)
  public func alignedDown(toBit shift: UInt64) -> Self { Self(rawValue & (~0 &<< shift)) }
  /// The low `shift` bits: the offset in a page of that size.
  @inlinable @inline(__always)
  public func offset(belowBit shift: UInt64) -> UInt64 { rawValue & ~(~0 &<< shift) }
}

extension Address: ExpressibleByIntegerLiteral {
  @inlinable @inline(__always)
  public init(integerLiteral value: UInt64) { self.init(value) }
}

extension Address: CustomStringConvertible {
  /// Hexadecimal with a `0x` prefix and no padding, as kernel logs print addresses.
  public var description: String { hex(rawValue) }
}

/// `value` in hexadecimal with a `0x` prefix, at least `digits` digits.
public func hex(_ value: UInt64, digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
}
