public import ArmFormats
public import Bits

/// An entry of an MSI page table in basic translate mode, or in MRIF mode, where `MRIF_Address`
/// stands for the `PPN` (RISC-V AIA 1.0, 8.5). 16 bytes.
@frozen
public struct MSIPageTableEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("V", .valid),
    .init("M", .mode),
    .init("PPN", .page),
    .init("C", .custom),
    .init("NID[9:0]", .noticeLow),
    .init("NPPN", .noticePage),
    .init("NID[10]", .noticeHigh),
  ]

  /// `M` of basic translate mode: accesses go to the page `PPN`.
  @inlinable @inline(__always)
  public static var basic: UInt8 { 3 }
  /// `M` of MRIF mode: writes are recorded in a memory-resident interrupt file.
  @inlinable @inline(__always)
  public static var memoryResident: UInt8 { 1 }

  /// `PPN` as an address.
  @inlinable @inline(__always)
  public var address: UInt64 { self[.page] &<< 12 }
  /// `MRIF_Address[55:9]`, bits [53:7], as an address.
  @inlinable @inline(__always)
  public var file: UInt64 { (self[word: 0] & 0x003f_ffff_ffff_ff80) &<< 2 }
  /// `NPPN` as an address.
  @inlinable @inline(__always)
  public var noticeAddress: UInt64 { self[.noticePage] &<< 12 }
  /// NID: the data of the notice MSI, 11 bits.
  @inlinable @inline(__always)
  public var noticeIdentity: UInt32 {
    UInt32(self[.noticeLow]) | (self[.noticeHigh] ? 1 &<< 10 : 0)
  }

  /// Whether a bit is set that the entry's mode reserves. Basic mode ignores the second word.
  @inlinable @inline(__always)
  public var hasReservedBits: Bool {
    if self[.mode] == Self.basic { return self[word: 0] & 0x7fc0_0000_0000_03f8 != 0 }
    return self[word: 0] & 0x7fc0_0000_0000_0078 != 0
      || self[word: 1] & 0xefc0_0000_0000_0000 != 0
  }
}

extension BitField where Record == MSIPageTableEntry, Value == Bool {
  /// `V`: the entry is valid.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }

  /// `C`: the rest means what the implementation says.
  @inlinable @inline(__always)
  public static var custom: Self { .init(bit: 63) }

  /// `NID[10]`: the high bit of the notice identifier, in MRIF mode.
  @inlinable @inline(__always)
  public static var noticeHigh: Self { .init(word: 1, bit: 60) }
}

extension BitField where Record == MSIPageTableEntry, Value == UInt8 {
  /// `M`: 3 basic translate mode, 1 MRIF mode; 0 and 2 are reserved.
  @inlinable @inline(__always)
  public static var mode: Self { .init(2, 1) }
}

extension BitField where Record == MSIPageTableEntry, Value == UInt64 {
  /// `PPN`: page number of the interrupt file, in basic translate mode.
  @inlinable @inline(__always)
  public static var page: Self { .init(53, 10) }

  /// `NPPN`: page number that the notice MSI goes to, in MRIF mode.
  @inlinable @inline(__always)
  public static var noticePage: Self { .init(word: 1, 53, 10) }
}

extension BitField where Record == MSIPageTableEntry, Value == UInt16 {
  /// `NID[9:0]`: the low bits of the notice identifier, in MRIF mode.
  @inlinable @inline(__always)
  public static var noticeLow: Self { .init(word: 1, 9, 0) }
}
