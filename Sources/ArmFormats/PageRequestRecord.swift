public import Bits

/// PPR: a record of the PRI queue (IHI 0070, 8.2). 16 bytes.
@frozen
public struct PageRequestRecord: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("StreamID", .stream), .init("SubstreamID", .substream), .init("Priv", .privileged),
    .init("X", .execute), .init("R", .read), .init("W", .write), .init("Last", .last),
    .init("SSV", .substreamValid), .init("PRGIndex", .groupIndex), .init("Addr", .page),
  ]
}

extension BitField where Record == PageRequestRecord, Value == Bool {
  /// `Priv`.
  @inlinable
  public static var privileged: Self { .init(bit: 58) }
  /// `X`.
  @inlinable
  public static var execute: Self { .init(bit: 59) }
  /// `R`.
  @inlinable
  public static var read: Self { .init(bit: 60) }
  /// `W`.
  @inlinable
  public static var write: Self { .init(bit: 61) }
  /// `Last`: the group is complete and expects a response.
  @inlinable
  public static var last: Self { .init(bit: 62) }
  /// `SSV`.
  @inlinable
  public static var substreamValid: Self { .init(bit: 63) }
}

extension BitField where Record == PageRequestRecord, Value == UInt32 {
  /// `StreamID`.
  @inlinable
  public static var stream: Self { .init(31, 0) }
  /// `SubstreamID`.
  @inlinable
  public static var substream: Self { .init(51, 32) }
}

extension BitField where Record == PageRequestRecord, Value == UInt16 {
  /// `PRGIndex`: the page request group.
  @inlinable
  public static var groupIndex: Self { .init(word: 1, 8, 0) }
}

extension BitField where Record == PageRequestRecord, Value == UInt64 {
  /// `Addr` bits [63:12].
  @inlinable
  public static var page: Self { .init(word: 1, 63, 12) }
}
