public import Bits

/// A VMSAv8-64 translation table descriptor of either stage (Arm ARM, D8.3). 8 bytes.
@frozen
public struct TranslationDescriptor: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The fields of a stage 1 block or page, and the hierarchical ones of a table.
  public static let fields: [FieldDescription<Self>] = [
    .init("valid", .valid), .init("table", .table), .init("AttrIndx", .attributeIndex),
    .init("NS", .nonSecure), .init("AP", .accessPermissions), .init("SH", .shareability),
    .init("AF", .accessFlag), .init("nG", .notGlobal), .init("address", .address),
    .init("DBM", .dirtyModifier), .init("contiguous", .contiguous),
    .init("PXN", .privilegedExecuteNever), .init("UXN", .unprivilegedExecuteNever),
    .init("PXNTable", .tablePrivilegedExecuteNever),
    .init("UXNTable", .tableUnprivilegedExecuteNever), .init("APTable", .tableAccessPermissions),
    .init("NSTable", .tableNonSecure),
  ]

  /// The fields of a stage 2 block or page.
  public static let stage2Fields: [FieldDescription<Self>] = [
    .init("valid", .valid), .init("table", .table), .init("MemAttr", .stage2Memory),
    .init("S2AP", .stage2Access), .init("SH", .shareability), .init("AF", .accessFlag),
    .init("address", .address), .init("DBM", .dirtyModifier), .init("contiguous", .contiguous),
    .init("XN", .stage2ExecuteNever),
  ]

  /// The output or next-table address of a descriptor of `granule`, before alignment.
  ///
  /// With 64 KiB pages, bits [15:12] are address bits [51:48] (FEAT_LPA).
  @inlinable @inline(__always)
  public func outputAddress(_ granule: TranslationGranule) -> UInt64 {
    let low = rawValue & 0xffff_ffff_f000
    guard granule == .kib64 else { return low }
    return (low & ~0xf000) | ((low & 0xf000) &<< 36)
  }
}

extension BitField where Record == TranslationDescriptor, Value == Bool {
  /// Bit 0: clear makes any access through it a translation fault.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }
  /// Bit 1: a table above level 3, a page at level 3; clear is a block, or reserved at level 3.
  @inlinable @inline(__always)
  public static var table: Self { .init(bit: 1) }
  /// `NS`: Secure streams only.
  @inlinable @inline(__always)
  public static var nonSecure: Self { .init(bit: 5) }
  /// `AF`: clear faults, unless hardware sets it or the fault is disabled.
  @inlinable @inline(__always)
  public static var accessFlag: Self { .init(bit: 10) }
  /// `nG`: the translation belongs to one ASID.
  @inlinable @inline(__always)
  public static var notGlobal: Self { .init(bit: 11) }
  /// `DBM`: the dirty state is hardware-managed; AP[2] or S2AP[1] holds it.
  @inlinable @inline(__always)
  public static var dirtyModifier: Self { .init(bit: 51) }
  /// The entry is one of a run that may be cached as one, a hint.
  @inlinable @inline(__always)
  public static var contiguous: Self { .init(bit: 52) }
  /// `PXN`.
  @inlinable @inline(__always)
  public static var privilegedExecuteNever: Self { .init(bit: 53) }
  /// `UXN`, or `XN` of a regime with one privilege level.
  @inlinable @inline(__always)
  public static var unprivilegedExecuteNever: Self { .init(bit: 54) }
  /// `PXNTable`.
  @inlinable @inline(__always)
  public static var tablePrivilegedExecuteNever: Self { .init(bit: 59) }
  /// `UXNTable`, or `XNTable` of a regime with one privilege level.
  @inlinable @inline(__always)
  public static var tableUnprivilegedExecuteNever: Self { .init(bit: 60) }
  /// `NSTable`: Secure streams only.
  @inlinable @inline(__always)
  public static var tableNonSecure: Self { .init(bit: 63) }
}

extension BitField where Record == TranslationDescriptor, Value == UInt8 {
  /// `AttrIndx`: which byte of MAIR.
  @inlinable @inline(__always)
  public static var attributeIndex: Self { .init(4, 2) }
  /// `MemAttr` of stage 2.
  @inlinable @inline(__always)
  public static var stage2Memory: Self { .init(5, 2) }
  /// `AP[2:1]`: bit 0 allows unprivileged access, bit 1 forbids writes.
  @inlinable @inline(__always)
  public static var accessPermissions: Self { .init(7, 6) }
  /// `S2AP`: bit 0 allows reads, bit 1 allows writes.
  @inlinable @inline(__always)
  public static var stage2Access: Self { .init(7, 6) }
  /// `SH`.
  @inlinable @inline(__always)
  public static var shareability: Self { .init(9, 8) }
  /// `XN` of stage 2: with FEAT_XNX 1 forbids privileged, 2 all and 3 unprivileged execution.
  @inlinable @inline(__always)
  public static var stage2ExecuteNever: Self { .init(54, 53) }
  /// `APTable`: bit 0 forbids unprivileged access below, bit 1 writes.
  @inlinable @inline(__always)
  public static var tableAccessPermissions: Self { .init(62, 61) }
}

extension BitField where Record == TranslationDescriptor, Value == UInt64 {
  /// Bits [47:12]; see `outputAddress(_:)`.
  @inlinable @inline(__always)
  public static var address: Self { .init(47, 12) }
}
