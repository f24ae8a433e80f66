public import ArmFormats
public import Bits

/// An entry of the root table in legacy mode, one for each bus (VT-d 4.1, 9.1). 16 bytes. In scalable
/// mode each word points to a context table of its own, for devices 0 to 15 and 16 to 31 (9.2).
@frozen
public struct RootEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("LP", .lowerPresent), .init("LCTP", .lowerTable), .init("UP", .upperPresent),
    .init("UCTP", .upperTable),
  ]
}

extension BitField where Record == RootEntry, Value == Bool {
  /// `P`, or `LP`: the context table is there.
  @inlinable public static var lowerPresent: Self { .init(bit: 0) }
  /// `UP`: that of devices 16 to 31, in scalable mode.
  @inlinable public static var upperPresent: Self { .init(word: 1, bit: 0) }
}

extension BitField where Record == RootEntry, Value == UInt64 {
  /// `CTP`, or `LCTP`: page number of the context table.
  @inlinable public static var lowerTable: Self { .init(63, 12) }
  /// `UCTP`.
  @inlinable public static var upperTable: Self { .init(word: 1, 63, 12) }
}

/// An entry of a context table in legacy mode, one for each function (VT-d 4.1, 9.3). 16 bytes.
@frozen
public struct ContextEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("P", .present), .init("FPD", .disablesFaults), .init("TT", .type),
    .init("SSPTPTR", .table), .init("AW", .width), .init("DID", .domain),
  ]
}

extension BitField where Record == ContextEntry, Value == Bool {
  @inlinable public static var present: Self { .init(bit: 0) }
  /// `FPD`: faults are not recorded.
  @inlinable public static var disablesFaults: Self { .init(bit: 1) }
}

extension BitField where Record == ContextEntry, Value == UInt8 {
  /// `TT`: 0 second stage, 1 the same with device TLBs, 2 pass-through.
  @inlinable public static var type: Self { .init(3, 2) }
  /// `AW`: 1 39 bits, 2 48 bits, 3 57 bits.
  @inlinable public static var width: Self { .init(word: 1, 2, 0) }
}

extension BitField where Record == ContextEntry, Value == UInt64 {
  /// `SSPTPTR`: page number of the second-stage root table.
  @inlinable public static var table: Self { .init(63, 12) }
}

extension BitField where Record == ContextEntry, Value == UInt16 {
  /// `DID`: the domain, which tags cached translations.
  @inlinable public static var domain: Self { .init(word: 1, 23, 8) }
}

/// An entry of a context table in scalable mode (VT-d 4.1, 9.4). 32 bytes, of which the second half is
/// reserved.
@frozen
public struct ScalableContextEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("P", .present), .init("FPD", .disablesFaults), .init("DTE", .deviceTLB),
    .init("PASIDE", .enablesPASID), .init("PRE", .pageRequests), .init("PDTS", .directorySize),
    .init("PASIDDIRPTR", .directory), .init("RID_PASID", .requesterPASID),
    .init("RID_PRIV", .requesterPrivilege),
  ]
}

extension BitField where Record == ScalableContextEntry, Value == Bool {
  @inlinable public static var present: Self { .init(bit: 0) }
  /// `FPD`: faults are not recorded.
  @inlinable public static var disablesFaults: Self { .init(bit: 1) }
  /// `DTE`: translation requests of a device TLB are served.
  @inlinable public static var deviceTLB: Self { .init(bit: 2) }
  /// `PASIDE`: requests with a PASID are served.
  @inlinable public static var enablesPASID: Self { .init(bit: 3) }
  /// `PRE`: page requests are served.
  @inlinable public static var pageRequests: Self { .init(bit: 4) }
  /// `RID_PRIV`: requests without a PASID have supervisor privilege.
  @inlinable public static var requesterPrivilege: Self { .init(word: 1, bit: 20) }
}

extension BitField where Record == ScalableContextEntry, Value == UInt8 {
  /// `PDTS`: the directory has 2^(this + 7) entries.
  @inlinable public static var directorySize: Self { .init(11, 9) }
}

extension BitField where Record == ScalableContextEntry, Value == UInt64 {
  /// `PASIDDIRPTR`: page number of the PASID directory.
  @inlinable public static var directory: Self { .init(63, 12) }
}

extension BitField where Record == ScalableContextEntry, Value == UInt32 {
  /// `RID_PASID`: the PASID of requests without one, with `ECAP.RPS`.
  @inlinable public static var requesterPASID: Self { .init(word: 1, 19, 0) }
}

/// An entry of a PASID directory (VT-d 4.1, 9.5).
@frozen
public struct PASIDDirectoryEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("P", .present), .init("FPD", .disablesFaults), .init("SMPTBLPTR", .table),
  ]
}

extension BitField where Record == PASIDDirectoryEntry, Value == Bool {
  @inlinable public static var present: Self { .init(bit: 0) }
  /// `FPD`: faults are not recorded.
  @inlinable public static var disablesFaults: Self { .init(bit: 1) }
}

extension BitField where Record == PASIDDirectoryEntry, Value == UInt64 {
  /// `SMPTBLPTR`: page number of the PASID table.
  @inlinable public static var table: Self { .init(63, 12) }
}

/// An entry of a PASID table: the translation of one address space (VT-d 4.1, 9.6). 64 bytes.
@frozen
public struct PASIDTableEntry: InlineRecord {
  public var storage: InlineArray<8, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<8, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("P", .present), .init("FPD", .disablesFaults), .init("AW", .width), .init("PGTT", .type),
    .init("SSPTPTR", .secondStageTable), .init("DID", .domain), .init("SRE", .supervisor),
    .init("FSPM", .firstStageMode), .init("WPE", .writeProtect), .init("FSPTPTR", .firstStageTable),
  ]

  /// `PGTT`: which stages translate.
  public enum Translation {
    public static let firstStage: UInt8 = 1
    public static let secondStage: UInt8 = 2
    public static let nested: UInt8 = 3
    public static let passThrough: UInt8 = 4
  }
}

extension BitField where Record == PASIDTableEntry, Value == Bool {
  @inlinable public static var present: Self { .init(bit: 0) }
  /// `FPD`: faults are not recorded.
  @inlinable public static var disablesFaults: Self { .init(bit: 1) }
  /// `SRE`: requests of supervisor privilege are served.
  @inlinable public static var supervisor: Self { .init(word: 2, bit: 0) }
  /// `WPE`: read-only pages are so for supervisors, too.
  @inlinable public static var writeProtect: Self { .init(word: 2, bit: 4) }
}

extension BitField where Record == PASIDTableEntry, Value == UInt8 {
  /// `AW`, of the second stage: 1 39 bits, 2 48 bits, 3 57 bits.
  @inlinable public static var width: Self { .init(4, 2) }
  /// `PGTT`.
  @inlinable public static var type: Self { .init(8, 6) }
  /// `FSPM`: 0 four levels, 1 five levels.
  @inlinable public static var firstStageMode: Self { .init(word: 2, 3, 2) }
}

extension BitField where Record == PASIDTableEntry, Value == UInt64 {
  /// `SSPTPTR`: page number of the second-stage root table.
  @inlinable public static var secondStageTable: Self { .init(63, 12) }
  /// `FSPTPTR`: page number of the first-stage root table; a guest's when nested.
  @inlinable public static var firstStageTable: Self { .init(word: 2, 63, 12) }
}

extension BitField where Record == PASIDTableEntry, Value == UInt16 {
  /// `DID`.
  @inlinable public static var domain: Self { .init(word: 1, 15, 0) }
}

/// An entry of a page table of either stage (VT-d 4.1, 9.7 and 9.8). The second stage has neither P nor
/// U/S: bits 0 and 1 are R and W, bits 8 and 9 A and D.
@frozen
public struct PagingEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("P/R", .present), .init("R/W", .writable), .init("U/S", .user), .init("A", .accessed),
    .init("D", .dirty), .init("PS", .isLarge), .init("ADDR", .page),
  ]

  /// The address of the next table, or of the page before its offset.
  @inlinable public var address: UInt64 { rawValue & 0x000f_ffff_ffff_f000 }
}

extension BitField where Record == PagingEntry, Value == Bool {
  /// `P` of the first stage; `R` of the second.
  @inlinable public static var present: Self { .init(bit: 0) }
  /// `R/W`, or `W`.
  @inlinable public static var writable: Self { .init(bit: 1) }
  /// `U/S` of the first stage.
  @inlinable public static var user: Self { .init(bit: 2) }
  /// `A` of the first stage.
  @inlinable public static var accessed: Self { .init(bit: 5) }
  /// `D` of the first stage.
  @inlinable public static var dirty: Self { .init(bit: 6) }
  /// `PS`: a page of 2 MiB or 1 GiB.
  @inlinable public static var isLarge: Self { .init(bit: 7) }
}

extension BitField where Record == PagingEntry, Value == UInt64 {
  @inlinable public static var page: Self { .init(51, 12) }
}
