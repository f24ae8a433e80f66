public import ArmFormats
public import Bits

/// A command of the command queue (RISC-V IOMMU 1.0, 3.1). 16 bytes. Which of the fields a
/// command has, its opcode says.
@frozen
public struct IOMMUCommand: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("opcode", .opcode),
    .init("func3", .function),
    .init("AV", .addressValid),
    .init("WSI", .wiredInterrupt),
    .init("PR", .ordersReads),
    .init("PW", .ordersWrites),
    .init("PSCID", .processSoftContext),
    .init("PID", .process),
    .init("PSCV", .processSoftContextValid),
    .init("PV", .processValid),
    .init("GV", .guestValid),
    .init("DV", .deviceValid),
    .init("DSV", .segmentValid),
    .init("NL", .nonLeaf),
    .init("GSCID", .guestSoftContext),
    .init("DID", .device),
    .init("RID", .requester),
    .init("DSEG", .segment),
    .init("DATA", .data),
    .init("S", .isRange),
    .init("ADDR[63:12]", .page),
    .init("ADDR[63:2]", .wordAddress),
    .init("PAYLOAD", .payload),
  ]
}

extension BitField where Record == IOMMUCommand, Value == IOMMUOpcode {
  /// `opcode`: the group of commands.
  @inlinable @inline(__always)
  public static var opcode: Self { .init(6, 0) }
}

extension BitField where Record == IOMMUCommand, Value == UInt8 {
  /// `func3`: the command of the group.
  @inlinable @inline(__always)
  public static var function: Self { .init(9, 7) }

  /// `DSEG`: the destination segment (ATS).
  @inlinable @inline(__always)
  public static var segment: Self { .init(63, 56) }
}

extension BitField where Record == IOMMUCommand, Value == Bool {
  /// `AV`: `ADDR` counts (IOTINVAL, IOFENCE).
  @inlinable @inline(__always)
  public static var addressValid: Self { .init(bit: 10) }

  /// `WSI`: completion raises `cqcsr.fence_w_ip` (IOFENCE).
  @inlinable @inline(__always)
  public static var wiredInterrupt: Self { .init(bit: 11) }

  /// `PR`: earlier reads are made observable (IOFENCE).
  @inlinable @inline(__always)
  public static var ordersReads: Self { .init(bit: 12) }

  /// `PW`: earlier writes are made observable (IOFENCE).
  @inlinable @inline(__always)
  public static var ordersWrites: Self { .init(bit: 13) }

  /// `PSCV`: `PSCID` counts (IOTINVAL).
  @inlinable @inline(__always)
  public static var processSoftContextValid: Self { .init(bit: 32) }

  /// `PV`: `PID` counts (ATS).
  @inlinable @inline(__always)
  public static var processValid: Self { .init(bit: 32) }

  /// `GV`: `GSCID` counts; 0 is the host (IOTINVAL).
  @inlinable @inline(__always)
  public static var guestValid: Self { .init(bit: 33) }

  /// `DV`: `DID` counts (IODIR).
  @inlinable @inline(__always)
  public static var deviceValid: Self { .init(bit: 33) }

  /// `DSV`: `DSEG` counts (ATS).
  @inlinable @inline(__always)
  public static var segmentValid: Self { .init(bit: 33) }

  /// `NL`: non-leaf entries as well (IOTINVAL, with `capabilities.NL`).
  @inlinable @inline(__always)
  public static var nonLeaf: Self { .init(bit: 34) }

  /// `S`: `ADDR` is a NAPOT range (IOTINVAL, with `capabilities.S`).
  @inlinable @inline(__always)
  public static var isRange: Self { .init(word: 1, bit: 9) }
}

extension BitField where Record == IOMMUCommand, Value == UInt32 {
  /// `PSCID`: the address space (IOTINVAL).
  @inlinable @inline(__always)
  public static var processSoftContext: Self { .init(31, 12) }

  /// `PID`: process_id (IODIR, ATS).
  @inlinable @inline(__always)
  public static var process: Self { .init(31, 12) }

  /// `DID`: device_id (IODIR).
  @inlinable @inline(__always)
  public static var device: Self { .init(63, 40) }

  /// `DATA`: what completion writes (IOFENCE).
  @inlinable @inline(__always)
  public static var data: Self { .init(63, 32) }
}

extension BitField where Record == IOMMUCommand, Value == UInt16 {
  /// `GSCID`: the VM (IOTINVAL).
  @inlinable @inline(__always)
  public static var guestSoftContext: Self { .init(59, 44) }

  /// `RID`: the routing identifier of the message (ATS).
  @inlinable @inline(__always)
  public static var requester: Self { .init(55, 40) }
}

extension BitField where Record == IOMMUCommand, Value == UInt64 {
  /// `ADDR[63:12]`: page number (IOTINVAL).
  @inlinable @inline(__always)
  public static var page: Self { .init(word: 1, 61, 10) }

  /// `ADDR[63:2]`: the address of a 32-bit word, divided by 4 (IOFENCE).
  @inlinable @inline(__always)
  public static var wordAddress: Self { .init(word: 1, 61, 0) }

  /// `PAYLOAD`: the body of the message (ATS).
  @inlinable @inline(__always)
  public static var payload: Self { .init(word: 1, 63, 0) }
}

/// The group that a command belongs to (RISC-V IOMMU 1.0, 3.1).
@frozen
public struct IOMMUOpcode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Page-table cache invalidation: function 0 VMA, 1 GVMA.
  @inlinable @inline(__always)
  public static var iotinval: Self { Self(rawValue: 1) }
  /// Fence: function 0 IOFENCE.C.
  @inlinable @inline(__always)
  public static var iofence: Self { Self(rawValue: 2) }
  /// Directory cache invalidation: function 0 INVAL_DDT, 1 INVAL_PDT.
  @inlinable @inline(__always)
  public static var iodir: Self { Self(rawValue: 3) }
  /// PCIe ATS messages: function 0 INVAL, 1 PRGR.
  @inlinable @inline(__always)
  public static var ats: Self { Self(rawValue: 4) }
}

extension IOMMUCommand {
  /// The bits that the command's group reserves, word by word; commands that are none reserve
  /// all.
  public var reservedBits: (UInt64, UInt64) {
    switch self[.opcode] {
    case .iotinval: (0xf000_0ff8_0000_0800, 0xc000_0000_0000_01ff)
    case .iofence: (0x0000_0000_ffff_c000, 0xc000_0000_0000_0000)
    case .iodir: (0x0000_00fd_0000_0c00, ~0)
    case .ats: (0x0000_00fc_0000_0c00, 0)
    default: (~0, ~0)
    }
  }

  /// Whether a bit is set that the command's group reserves.
  public var hasReservedBits: Bool {
    let (low, high) = reservedBits
    return self[word: 0] & low != 0 || self[word: 1] & high != 0
  }
}
