public import ArmFormats
public import Bits

/// A non-leaf entry of a device or process directory table (RISC-V IOMMU 1.0, 2.1.1 and 2.2.1).
@frozen
public struct DirectoryEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("V", .valid),
    .init("PPN", .page),
  ]

  /// The address of the next table.
  @inlinable @inline(__always)
  public var table: UInt64 { self[.page] &<< 12 }

  /// Whether a bit that is reserved for future standard use is set.
  @inlinable @inline(__always)
  public var hasReservedBits: Bool { rawValue & 0xffc0_0000_0000_03fe != 0 }
}

extension BitField where Record == DirectoryEntry, Value == Bool {
  /// `V`: the entry points to the next table.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }
}

extension BitField where Record == DirectoryEntry, Value == UInt64 {
  /// `PPN`: page number of the next table.
  @inlinable @inline(__always)
  public static var page: Self { .init(53, 10) }
}
