public import Bits

/// Offsets of the ITS registers from the ITS base (Linux `arm-gic-v3.h`; IHI 0069, 12.18).
public enum ITSRegister {
  public static let control: UInt64 = 0x0
  public static let identification: UInt64 = 0x4
  public static let type: UInt64 = 0x8
  public static let status: UInt64 = 0x40
  public static let unmappedMSI: UInt64 = 0x48
  public static let commandBase: UInt64 = 0x80
  public static let commandWrite: UInt64 = 0x88
  public static let commandRead: UInt64 = 0x90
  /// `GITS_BASER0`; seven more follow, 8 bytes apart.
  public static let tableBase: UInt64 = 0x100
  public static let peripheralID2: UInt64 = 0xffe8
  /// `GITS_TRANSLATER`, the doorbell, in the second 64 KiB frame.
  public static let translater: UInt64 = 0x1_0040
  /// `GITS_SGIR` (v4.1), in the third frame.
  public static let virtualSGI: UInt64 = 0x2_0020
  /// The two 64 KiB frames.
  public static let frameSize: UInt64 = 0x2_0000
}

/// `GITS_CTLR`.
@frozen
public struct ITSControl: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<ITSControl>] = [
    .init("Enabled", .enabled), .init("ImDe", .immediate), .init("ITS_Number", .number),
    .init("UMSIirq", .unmappedMSIInterrupt), .init("Quiescent", .quiescent),
  ]
}
extension BitField where Record == ITSControl, Value == Bool {
  /// `[0]`: the ITS translates messages and consumes commands.
  @inlinable public static var enabled: Self { .init(bit: 0) }
  /// `[1]`: implementation defined.
  @inlinable public static var immediate: Self { .init(bit: 1) }
  /// `[8]`: an unmapped MSI raises an interrupt, where implemented.
  @inlinable public static var unmappedMSIInterrupt: Self { .init(bit: 8) }
  /// `[31]`: disabled, and every translation and table write is done.
  @inlinable public static var quiescent: Self { .init(bit: 31) }
}
extension BitField where Record == ITSControl, Value == UInt8 {
  /// `[7:4]`: this ITS in a VMOVP ITSList.
  @inlinable public static var number: Self { .init(7, 4) }
}

/// `GITS_TYPER`: what the ITS implements.
@frozen
public struct ITSType: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<ITSType>] = [
    .init("Physical", .physicalLPIs), .init("Virtual", .virtualLPIs), .init("CCT", .cumulative),
    .init("ITT_entry_size", .entrySize), .init("ID_bits", .eventBits),
    .init("Devbits", .deviceBits), .init("SEIS", .systemErrors), .init("PTA", .physicalTargets),
    .init("HCC", .internalCollections), .init("CIDbits", .collectionBits),
    .init("CIL", .collectionLimit), .init("VMOVP", .singleVMOVP), .init("VSGI", .virtualSGIs),
    .init("VMAPP", .vmappForm), .init("SVPET", .sharedVirtualPETable), .init("UMSI", .unmappedMSI),
  ]
}
extension BitField where Record == ITSType, Value == Bool {
  /// `[0]`: PLPIS.
  @inlinable public static var physicalLPIs: Self { .init(bit: 0) }
  /// `[1]`: VLPIS: GICv4.
  @inlinable public static var virtualLPIs: Self { .init(bit: 1) }
  /// `[2]`: collections held inside and in memory add up.
  @inlinable public static var cumulative: Self { .init(bit: 2) }
  /// `[18]`: SEIS.
  @inlinable public static var systemErrors: Self { .init(bit: 18) }
  /// `[19]`: PTA: RDbase is an address rather than a processor number.
  @inlinable public static var physicalTargets: Self { .init(bit: 19) }
  /// `[36]`: CIL: `CIDbits` counts; otherwise an ICID has 16 bits.
  @inlinable public static var collectionLimit: Self { .init(bit: 36) }
  /// `[37]`: VMOVP: one command on one ITS suffices.
  @inlinable public static var singleVMOVP: Self { .init(bit: 37) }
  /// `[39]`: VSGI.
  @inlinable public static var virtualSGIs: Self { .init(bit: 39) }
  /// `[40]`: VMAPP has its v4.1 form.
  @inlinable public static var vmappForm: Self { .init(bit: 40) }
  /// `[45]`: UMSI: `GITS_STATUSR` and `GITS_UMSIR` report messages that were not mapped.
  @inlinable public static var unmappedMSI: Self { .init(bit: 45) }
}
extension BitField where Record == ITSType, Value == UInt8 {
  /// `[7:4]`: bytes of an ITT entry minus one.
  @inlinable public static var entrySize: Self { .init(7, 4) }
  /// `[12:8]`: EventID bits minus one.
  @inlinable public static var eventBits: Self { .init(12, 8) }
  /// `[17:13]`: DeviceID bits minus one.
  @inlinable public static var deviceBits: Self { .init(17, 13) }
  /// `[31:24]`: HCC: collections that need no table.
  @inlinable public static var internalCollections: Self { .init(31, 24) }
  /// `[35:32]`: ICID bits minus one.
  @inlinable public static var collectionBits: Self { .init(35, 32) }
  /// `[42:41]`: SVPET: which ITSs and redistributors share a vPE table.
  @inlinable public static var sharedVirtualPETable: Self { .init(42, 41) }
}

/// `GITS_CBASER`: where the command queue stands.
@frozen
public struct ITSCommandBase: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<ITSCommandBase>] = [
    .init("Size", .size), .init("Shareability", .shareability), .init("Address", .address),
    .init("OuterCache", .outerCache), .init("InnerCache", .innerCache), .init("Valid", .valid),
  ]
  /// The queue, 4 KiB aligned.
  @inlinable
  public var address: PA { PA(self[.address] &<< 12) }
  /// Bytes of the queue.
  @inlinable
  public var byteCount: UInt64 { (UInt64(self[.size]) &+ 1) &* 4096 }
}
extension BitField where Record == ITSCommandBase, Value == Bool {
  @inlinable public static var valid: Self { .init(bit: 63) }
}
extension BitField where Record == ITSCommandBase, Value == UInt8 {
  /// `[7:0]`: 4 KiB pages minus one.
  @inlinable public static var size: Self { .init(7, 0) }
  @inlinable public static var shareability: Self { .init(11, 10) }
  @inlinable public static var outerCache: Self { .init(55, 53) }
  @inlinable public static var innerCache: Self { .init(61, 59) }
}
extension BitField where Record == ITSCommandBase, Value == UInt64 {
  /// `[51:12]`: address in units of 4 KiB.
  @inlinable public static var address: Self { .init(51, 12) }
}

/// `GITS_BASERn`: where one table stands.
@frozen
public struct ITSTableBase: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<ITSTableBase>] = [
    .init("Size", .size), .init("Page_Size", .pageSize), .init("Shareability", .shareability),
    .init("Physical_Address", .address), .init("Entry_Size", .entrySize),
    .init("OuterCache", .outerCache), .init("Type", .kind), .init("InnerCache", .innerCache),
    .init("Indirect", .indirect), .init("Valid", .valid),
  ]

  /// The kinds of table that `Type` names.
  public enum Kind {
    public static let none: UInt8 = 0
    public static let devices: UInt8 = 1
    public static let virtualPEs: UInt8 = 2
    public static let collections: UInt8 = 4
  }

  /// 12, 14 or 16: the table's pages are 2^`pageShift` bytes.
  @inlinable
  public var pageShift: UInt64 { min(12 &+ 2 &* UInt64(self[.pageSize]), 16) }
  /// The table. With 64 KiB pages, bits [15:12] of the register hold address bits [51:48].
  @inlinable
  public var address: PA {
    let low = self[.address] &<< 12
    guard pageShift == 16 else { return PA(low).alignedDown(toBit: pageShift) }
    return PA((low & 0xffff_ffff_0000) | bits(rawValue, 15, 12) &<< 48)
  }
  /// Bytes of the table, of its level 1 when it has two levels.
  @inlinable
  public var byteCount: UInt64 { (UInt64(self[.size]) &+ 1) &<< pageShift }
}
extension BitField where Record == ITSTableBase, Value == Bool {
  @inlinable public static var valid: Self { .init(bit: 63) }
  /// `[62]`: two levels.
  @inlinable public static var indirect: Self { .init(bit: 62) }
}
extension BitField where Record == ITSTableBase, Value == UInt8 {
  /// `[7:0]`: pages minus one.
  @inlinable public static var size: Self { .init(7, 0) }
  /// `[9:8]`: 0: 4 KiB, 1: 16 KiB, 2 and 3: 64 KiB.
  @inlinable public static var pageSize: Self { .init(9, 8) }
  @inlinable public static var shareability: Self { .init(11, 10) }
  /// `[52:48]`: bytes of an entry minus one; read-only.
  @inlinable public static var entrySize: Self { .init(52, 48) }
  @inlinable public static var outerCache: Self { .init(55, 53) }
  /// `[58:56]`: what the table holds; read-only.
  @inlinable public static var kind: Self { .init(58, 56) }
  @inlinable public static var innerCache: Self { .init(61, 59) }
}
extension BitField where Record == ITSTableBase, Value == UInt64 {
  /// `[47:12]`: address in units of 4 KiB.
  @inlinable public static var address: Self { .init(47, 12) }
}
