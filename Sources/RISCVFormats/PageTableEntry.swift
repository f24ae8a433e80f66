public import ArmFormats
public import Bits

/// An entry of a first- or second-stage page table: Sv39, Sv48, Sv57 and their x4 forms (RISC-V
/// Privileged, 12.4 and 21.5).
@frozen
public struct PageTableEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("V", .valid),
    .init("R", .readable),
    .init("W", .writable),
    .init("X", .executable),
    .init("U", .user),
    .init("G", .global),
    .init("A", .accessed),
    .init("D", .dirty),
    .init("RSW", .software),
    .init("PPN", .page),
    .init("RSW60T59B", .software60),
    .init("PBMT", .memoryType),
    .init("N", .contiguous),
  ]

  /// The address of the next table, or of the page before its offset.
  @inlinable @inline(__always)
  public var address: UInt64 { self[.page] &<< 12 }

  /// Whether the entry ends the walk: R or X is set.
  @inlinable @inline(__always)
  public var isLeaf: Bool { rawValue & 0xa != 0 }

  /// The bits [58:54], which are reserved.
  @inlinable @inline(__always)
  public var reserved: UInt64 { rawValue & 0x07c0_0000_0000_0000 }
}

extension BitField where Record == PageTableEntry, Value == Bool {
  /// `V`: the entry is valid.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }

  /// `R`: reads are allowed. With R, W and X clear the entry points to a table.
  @inlinable @inline(__always)
  public static var readable: Self { .init(bit: 1) }

  /// `W`: writes are allowed; reserved without R.
  @inlinable @inline(__always)
  public static var writable: Self { .init(bit: 2) }

  /// `X`: reads for execute are allowed.
  @inlinable @inline(__always)
  public static var executable: Self { .init(bit: 3) }

  /// `U`: the page is of user mode. Required of every second-stage leaf.
  @inlinable @inline(__always)
  public static var user: Self { .init(bit: 4) }

  /// `G`: the mapping exists in all address spaces.
  @inlinable @inline(__always)
  public static var global: Self { .init(bit: 5) }

  /// `A`: accessed.
  @inlinable @inline(__always)
  public static var accessed: Self { .init(bit: 6) }

  /// `D`: written.
  @inlinable @inline(__always)
  public static var dirty: Self { .init(bit: 7) }

  /// `N`: Svnapot: one of 16 entries of a 64 KiB page.
  @inlinable @inline(__always)
  public static var contiguous: Self { .init(bit: 63) }
}

extension BitField where Record == PageTableEntry, Value == UInt8 {
  /// `RSW`: for software.
  @inlinable @inline(__always)
  public static var software: Self { .init(9, 8) }

  /// `RSW60T59B`: for software with Svrsw60t59b, else reserved.
  @inlinable @inline(__always)
  public static var software60: Self { .init(60, 59) }

  /// `PBMT`: Svpbmt: 0 as the platform says, 1 non-cacheable, 2 I/O.
  @inlinable @inline(__always)
  public static var memoryType: Self { .init(62, 61) }
}

extension BitField where Record == PageTableEntry, Value == UInt64 {
  /// `PPN`: page number of the page or of the next table.
  @inlinable @inline(__always)
  public static var page: Self { .init(53, 10) }
}
