public import Bits

/// One ITS command: 32 bytes in the command queue (IHI 0069, 5.3; opcodes as in Linux
/// `include/linux/irqchip/arm-gic-v3.h`).
///
/// The words mean different things for different commands: `fields` lists those that most
/// commands share, `ITSCommand.fields(of:)` those of one command.
@frozen
public struct ITSCommand: InlineRecord {
  public var storage: InlineArray<4, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<4, UInt64>) { self.storage = storage }

  /// The command whose four 64-bit words are given, in memory order.
  @inlinable @inline(__always)
  public init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
    self.init(storage: [word0, word1, word2, word3])
  }

  public static let fields: [FieldDescription<ITSCommand>] = [
    .init("Opcode", .opcode), .init("DeviceID", .deviceID), .init("EventID", .eventID),
    .init("pINTID", .physicalINTID), .init("ICID", .collectionID), .init("RDbase", .target),
    .init("V", .valid),
  ]
}

/// Command number of an ITS command: `DW0[7:0]`.
@frozen
public struct ITSOpcode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var movi: Self { .init(rawValue: 0x01) }
  @inlinable public static var int: Self { .init(rawValue: 0x03) }
  @inlinable public static var clear: Self { .init(rawValue: 0x04) }
  @inlinable public static var sync: Self { .init(rawValue: 0x05) }
  @inlinable public static var mapd: Self { .init(rawValue: 0x08) }
  @inlinable public static var mapc: Self { .init(rawValue: 0x09) }
  @inlinable public static var mapti: Self { .init(rawValue: 0x0a) }
  @inlinable public static var mapi: Self { .init(rawValue: 0x0b) }
  @inlinable public static var inv: Self { .init(rawValue: 0x0c) }
  @inlinable public static var invall: Self { .init(rawValue: 0x0d) }
  @inlinable public static var movall: Self { .init(rawValue: 0x0e) }
  @inlinable public static var discard: Self { .init(rawValue: 0x0f) }
  @inlinable public static var vmovi: Self { .init(rawValue: 0x21) }
  @inlinable public static var vmovp: Self { .init(rawValue: 0x22) }
  @inlinable public static var vsgi: Self { .init(rawValue: 0x23) }
  @inlinable public static var vsync: Self { .init(rawValue: 0x25) }
  @inlinable public static var vmapp: Self { .init(rawValue: 0x29) }
  @inlinable public static var vmapti: Self { .init(rawValue: 0x2a) }
  @inlinable public static var vmapi: Self { .init(rawValue: 0x2b) }
  @inlinable public static var vinvall: Self { .init(rawValue: 0x2d) }
  @inlinable public static var invdb: Self { .init(rawValue: 0x2e) }

  /// Every opcode that the architecture defines, in order of encoding.
  public static let all: [ITSOpcode] = [
    .movi, .int, .clear, .sync, .mapd, .mapc, .mapti, .mapi, .inv, .invall, .movall, .discard,
    .vmovi, .vmovp, .vsgi, .vsync, .vmapp, .vmapti, .vmapi, .vinvall, .invdb,
  ]

  /// The manual's name, or `nil` for an encoding that it does not define.
  public var name: String? {
    switch self {
    case .movi: "MOVI"
    case .int: "INT"
    case .clear: "CLEAR"
    case .sync: "SYNC"
    case .mapd: "MAPD"
    case .mapc: "MAPC"
    case .mapti: "MAPTI"
    case .mapi: "MAPI"
    case .inv: "INV"
    case .invall: "INVALL"
    case .movall: "MOVALL"
    case .discard: "DISCARD"
    case .vmovi: "VMOVI"
    case .vmovp: "VMOVP"
    case .vsgi: "VSGI"
    case .vsync: "VSYNC"
    case .vmapp: "VMAPP"
    case .vmapti: "VMAPTI"
    case .vmapi: "VMAPI"
    case .vinvall: "VINVALL"
    case .invdb: "INVDB"
    default: nil
    }
  }
}

extension BitField where Record == ITSCommand, Value == ITSOpcode {
  /// `DW0[7:0]`: which command.
  @inlinable public static var opcode: Self { .init(7, 0) }
}

extension BitField where Record == ITSCommand, Value == Bool {
  /// `DW2[63]`: MAPD, MAPC, VMAPP: map rather than unmap.
  @inlinable public static var valid: Self { .init(word: 2, bit: 63) }
  /// `DW0[8]`: VMAPP (v4.1): the first mapping of this vPE on any ITS.
  @inlinable public static var allocate: Self { .init(bit: 8) }
  /// `DW0[9]`: VMAPP (v4.1): the pending table is all zero.
  @inlinable public static var pendingTableZero: Self { .init(bit: 9) }
  /// `DW2[0]`: VMOVI: the doorbell field replaces the doorbell.
  @inlinable public static var doorbellValid: Self { .init(word: 2, bit: 0) }
  /// `DW2[63]`: VMOVP (v4.1): the default doorbell field replaces the default doorbell.
  @inlinable public static var defaultDoorbellValid: Self { .init(word: 2, bit: 63) }
  /// `DW0[8]`: VSGI: the virtual SGI is enabled.
  @inlinable public static var sgiEnable: Self { .init(bit: 8) }
  /// `DW0[9]`: VSGI: clear the pending state instead of configuring.
  @inlinable public static var sgiClear: Self { .init(bit: 9) }
  /// `DW0[10]`: VSGI: the virtual SGI is in group 1.
  @inlinable public static var sgiGroup: Self { .init(bit: 10) }
}

extension BitField where Record == ITSCommand, Value == UInt8 {
  /// `DW1[4:0]`: MAPD: number of EventID bits minus one.
  @inlinable public static var size: Self { .init(word: 1, 4, 0) }
  /// `DW3[4:0]`: VMAPP: number of vINTID bits of the virtual pending table minus one.
  @inlinable public static var virtualTableSize: Self { .init(word: 3, 4, 0) }
  /// `DW0[23:20]`: VSGI: priority bits [7:4].
  @inlinable public static var sgiPriority: Self { .init(23, 20) }
  /// `DW0[35:32]`: VSGI: which SGI.
  @inlinable public static var sgiINTID: Self { .init(35, 32) }
}

extension BitField where Record == ITSCommand, Value == UInt16 {
  /// `DW2[15:0]`: the collection.
  @inlinable public static var collectionID: Self { .init(word: 2, 15, 0) }
  /// `DW1[47:32]`: the virtual PE.
  @inlinable public static var virtualPE: Self { .init(word: 1, 47, 32) }
  /// `DW0[47:32]`: VMOVP: orders the commands of several ITSs.
  @inlinable public static var sequence: Self { .init(47, 32) }
  /// `DW1[15:0]`: VMOVP: the ITSs that take part.
  @inlinable public static var itsList: Self { .init(word: 1, 15, 0) }
}

extension BitField where Record == ITSCommand, Value == UInt32 {
  /// `DW0[63:32]`: the device.
  @inlinable public static var deviceID: Self { .init(63, 32) }
  /// `DW1[31:0]`: the device's event.
  @inlinable public static var eventID: Self { .init(word: 1, 31, 0) }
  /// `DW1[63:32]`: MAPTI: the LPI.
  @inlinable public static var physicalINTID: Self { .init(word: 1, 63, 32) }
  /// `DW2[31:0]`: VMAPTI: the virtual LPI.
  @inlinable public static var virtualINTID: Self { .init(word: 2, 31, 0) }
  /// `DW2[63:32]`: VMAPTI, VMAPI, VMOVI: the doorbell LPI; 1023 for none.
  @inlinable public static var doorbell: Self { .init(word: 2, 63, 32) }
  /// `DW1[31:0]`: VMAPP (v4.1): the default doorbell LPI.
  @inlinable public static var defaultDoorbell: Self { .init(word: 1, 31, 0) }
  /// `DW3[31:0]`: VMOVP (v4.1): the new default doorbell LPI.
  @inlinable public static var movedDefaultDoorbell: Self { .init(word: 3, 31, 0) }
}

extension BitField where Record == ITSCommand, Value == UInt64 {
  /// `DW2[51:8]`: MAPD: address of the interrupt translation table, in units of 256 bytes.
  @inlinable public static var tableAddress: Self { .init(word: 2, 51, 8) }
  /// `DW2[51:16]`: RDbase: a redistributor's number, or its address in units of 64 KiB.
  @inlinable public static var target: Self { .init(word: 2, 51, 16) }
  /// `DW3[51:16]`: MOVALL: RDbase of the destination.
  @inlinable public static var secondTarget: Self { .init(word: 3, 51, 16) }
  /// `DW3[51:16]`: VMAPP: address of the virtual pending table, in units of 64 KiB.
  @inlinable public static var virtualTableAddress: Self { .init(word: 3, 51, 16) }
  /// `DW0[51:16]`: VMAPP (v4.1): address of the virtual configuration table, in units of 64 KiB.
  @inlinable public static var virtualConfigAddress: Self { .init(51, 16) }
}

extension ITSCommand {
  /// MAPD: where the interrupt translation table stands, 256-byte aligned.
  @inlinable
  public var tableAddress: PA { PA(self[.tableAddress] &<< 8) }
  /// VMAPP: where the virtual pending table stands, 64 KiB aligned.
  @inlinable
  public var virtualTableAddress: PA { PA(self[.virtualTableAddress] &<< 16) }
  /// VMAPP (v4.1): where the virtual configuration table stands, 64 KiB aligned.
  @inlinable
  public var virtualConfigAddress: PA { PA(self[.virtualConfigAddress] &<< 16) }
}
