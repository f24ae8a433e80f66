public import ArmFormats
public import Bits

/// A record of the page request queue: a PCIe Page Request or Stop Marker (RISC-V IOMMU 1.0,
/// 3.3). 16 bytes.
@frozen
public struct IOMMUPageRequest: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("PID", .process),
    .init("PV", .processValid),
    .init("PRIV", .isPrivileged),
    .init("EXEC", .execute),
    .init("DID", .device),
    .init("R", .read),
    .init("W", .write),
    .init("L", .last),
    .init("PRGI", .groupIndex),
    .init("ADDR[63:12]", .page),
  ]

  /// A Stop Marker: with a PASID, L without R and W.
  @inlinable @inline(__always)
  public var isStopMarker: Bool { self[word: 1] & 7 == 4 }
}

extension BitField where Record == IOMMUPageRequest, Value == UInt32 {
  /// `PID`: PASID, with `PV`.
  @inlinable @inline(__always)
  public static var process: Self { .init(31, 12) }

  /// `DID`: device_id.
  @inlinable @inline(__always)
  public static var device: Self { .init(63, 40) }
}

extension BitField where Record == IOMMUPageRequest, Value == Bool {
  /// `PV`: the message had a PASID.
  @inlinable @inline(__always)
  public static var processValid: Self { .init(bit: 32) }

  /// `PRIV`: privileged mode was requested.
  @inlinable @inline(__always)
  public static var isPrivileged: Self { .init(bit: 33) }

  /// `EXEC`: execution was requested.
  @inlinable @inline(__always)
  public static var execute: Self { .init(bit: 34) }

  /// `R`: reading is wanted.
  @inlinable @inline(__always)
  public static var read: Self { .init(word: 1, bit: 0) }

  /// `W`: writing is wanted.
  @inlinable @inline(__always)
  public static var write: Self { .init(word: 1, bit: 1) }

  /// `L`: the last request of its group, which expects a response.
  @inlinable @inline(__always)
  public static var last: Self { .init(word: 1, bit: 2) }
}

extension BitField where Record == IOMMUPageRequest, Value == UInt16 {
  /// `PRGI`: the page request group.
  @inlinable @inline(__always)
  public static var groupIndex: Self { .init(word: 1, 11, 3) }
}

extension BitField where Record == IOMMUPageRequest, Value == UInt64 {
  /// `ADDR[63:12]`: page number.
  @inlinable @inline(__always)
  public static var page: Self { .init(word: 1, 63, 12) }
}
