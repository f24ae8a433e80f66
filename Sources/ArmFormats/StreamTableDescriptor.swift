public import Bits

/// L1STD: an entry of the first level of a two-level stream table (IHI 0070, 5.1). 8 bytes.
@frozen
public struct StreamTableDescriptor: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("Span", .span), .init("L2Ptr", .secondLevelPointer),
  ]

  /// The address of the second-level table, aligned to its size as the SMMU aligns it.
  @inlinable @inline(__always)
  public var tableAddress: UInt64 {
    let span = UInt64(truncatingIfNeeded: self[.span])
    return (self[.secondLevelPointer] &<< 6) & ~lowBits(span == 0 ? 6 : min(span &+ 5, 16))
  }
}

extension BitField where Record == StreamTableDescriptor, Value == UInt8 {
  /// `Span`: the table holds 2^(Span-1) STEs; 0 and values above 11 are invalid.
  @inlinable @inline(__always)
  public static var span: Self { .init(4, 0) }
}

extension BitField where Record == StreamTableDescriptor, Value == UInt64 {
  /// `L2Ptr`, bits [55:6] of the address.
  @inlinable @inline(__always)
  public static var secondLevelPointer: Self { .init(55, 6) }
}

/// L1CD: an entry of the first level of a two-level CD table (IHI 0070, 5.3). 8 bytes.
@frozen
public struct ContextTableDescriptor: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("V", .valid), .init("L2Ptr", .secondLevelPointer),
  ]

  /// The address of the second-level table: a PA or, with stage 2, an IPA.
  @inlinable @inline(__always)
  public var tableAddress: UInt64 { self[.secondLevelPointer] &<< 12 }
}

extension BitField where Record == ContextTableDescriptor, Value == Bool {
  /// `V`: clear makes every SubstreamID below C_BAD_SUBSTREAMID.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }
}

extension BitField where Record == ContextTableDescriptor, Value == UInt64 {
  /// `L2Ptr`, bits [55:12] of the address.
  @inlinable @inline(__always)
  public static var secondLevelPointer: Self { .init(55, 12) }
}
