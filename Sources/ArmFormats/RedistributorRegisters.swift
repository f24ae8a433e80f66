public import Bits

/// Offsets of redistributor registers from the redistributor's base (Linux `arm-gic-v3.h`;
/// IHI 0069, 12.11 and 12.12).
public enum RedistributorRegister {
  public static let control: UInt64 = 0x0
  public static let identification: UInt64 = 0x4
  public static let type: UInt64 = 0x8
  public static let waker: UInt64 = 0x14
  public static let setLPI: UInt64 = 0x40
  public static let clearLPI: UInt64 = 0x48
  public static let configurationBase: UInt64 = 0x70
  public static let pendingBase: UInt64 = 0x78
  public static let invalidateLPI: UInt64 = 0xa0
  public static let invalidateAll: UInt64 = 0xb0
  public static let synchronize: UInt64 = 0xc0
  public static let peripheralID2: UInt64 = 0xffe8
  /// The SGI and PPI frame.
  public static let privateFrame: UInt64 = 0x1_0000
  /// The virtual LPI frame (GICv4).
  public static let virtualFrame: UInt64 = 0x2_0000
  public static let virtualConfigurationBase: UInt64 = 0x2_0070
  public static let virtualPendingBase: UInt64 = 0x2_0078
}

/// `GICR_PROPBASER`, and `GICR_VPROPBASER` of GICv4.0: where a configuration table stands.
@frozen
public struct LPIConfigurationBase: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<LPIConfigurationBase>] = [
    .init("IDbits", .idBits), .init("InnerCache", .innerCache),
    .init("Shareability", .shareability), .init("Physical_Address", .address),
    .init("OuterCache", .outerCache),
  ]
  /// The table, 4 KiB aligned: one byte for each LPI from 8192 on.
  @inlinable
  public var address: PA { PA(self[.address] &<< 12) }
  /// One more than the highest INTID, at most 2^`bits`.
  @inlinable
  public func intidLimit(atMost bits: UInt64) -> UInt64 {
    1 &<< min(UInt64(self[.idBits]) &+ 1, bits)
  }
}
extension BitField where Record == LPIConfigurationBase, Value == UInt8 {
  /// `[4:0]`: INTID bits minus one.
  @inlinable public static var idBits: Self { .init(4, 0) }
  @inlinable public static var innerCache: Self { .init(9, 7) }
  @inlinable public static var shareability: Self { .init(11, 10) }
  @inlinable public static var outerCache: Self { .init(58, 56) }
}
extension BitField where Record == LPIConfigurationBase, Value == UInt64 {
  /// `[51:12]`: address in units of 4 KiB.
  @inlinable public static var address: Self { .init(51, 12) }
}

/// `GICR_PENDBASER`: where the pending table stands.
@frozen
public struct LPIPendingBase: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<LPIPendingBase>] = [
    .init("InnerCache", .innerCache), .init("Shareability", .shareability),
    .init("Physical_Address", .address), .init("OuterCache", .outerCache), .init("PTZ", .zero),
  ]
  /// The table, 64 KiB aligned: one bit for each INTID, those below 8192 unused.
  @inlinable
  public var address: PA { PA(self[.address] &<< 16) }
}
extension BitField where Record == LPIPendingBase, Value == Bool {
  /// `[62]`: PTZ: the table is all zero.
  @inlinable public static var zero: Self { .init(bit: 62) }
}
extension BitField where Record == LPIPendingBase, Value == UInt8 {
  @inlinable public static var innerCache: Self { .init(9, 7) }
  @inlinable public static var shareability: Self { .init(11, 10) }
  @inlinable public static var outerCache: Self { .init(58, 56) }
}
extension BitField where Record == LPIPendingBase, Value == UInt64 {
  /// `[51:16]`: address in units of 64 KiB.
  @inlinable public static var address: Self { .init(51, 16) }
}

/// `GICR_VPROPBASER` of GICv4.1: where the vPE configuration table stands.
@frozen
public struct VirtualPETableBase: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<VirtualPETableBase>] = [
    .init("Size", .size), .init("Physical_Address", .address), .init("Z", .zero),
    .init("Page_Size", .pageSize), .init("Indirect", .indirect), .init("Entry_Size", .entrySize),
    .init("Valid", .valid),
  ]
}
extension BitField where Record == VirtualPETableBase, Value == Bool {
  /// `[63]`: the table may be used.
  @inlinable public static var valid: Self { .init(bit: 63) }
  /// `[55]`: two levels.
  @inlinable public static var indirect: Self { .init(bit: 55) }
  /// `[52]`: the table is all zero.
  @inlinable public static var zero: Self { .init(bit: 52) }
}
extension BitField where Record == VirtualPETableBase, Value == UInt8 {
  /// `[6:0]`: pages minus one.
  @inlinable public static var size: Self { .init(6, 0) }
  /// `[54:53]`: 0: 4 KiB, 1: 16 KiB, 2: 64 KiB.
  @inlinable public static var pageSize: Self { .init(54, 53) }
  /// `[61:59]`: 64-bit words of an entry minus one.
  @inlinable public static var entrySize: Self { .init(61, 59) }
}
extension BitField where Record == VirtualPETableBase, Value == UInt64 {
  /// `[51:12]`: address in units of 4 KiB.
  @inlinable public static var address: Self { .init(51, 12) }
}

/// `GICR_VPENDBASER`: which vPE is resident. GICv4.0 names it by its pending table, GICv4.1 by
/// its number.
@frozen
public struct VirtualResidency: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<VirtualResidency>] = [
    .init("Physical_Address", .address), .init("VGrp1En", .groupOneEnable),
    .init("VGrp0En", .groupZeroEnable), .init("Dirty", .dirty),
    .init("PendingLast", .pendingLast), .init("IDAI", .areaInvalid), .init("Valid", .valid),
  ]
  /// GICv4.0: the virtual pending table, 64 KiB aligned.
  @inlinable
  public var address: PA { PA(self[.address] &<< 16) }
}
extension BitField where Record == VirtualResidency, Value == Bool {
  /// `[63]`: a vPE is resident.
  @inlinable public static var valid: Self { .init(bit: 63) }
  /// `[62]`: GICv4.0: the implementation defined area of the table says nothing.
  @inlinable public static var areaInvalid: Self { .init(bit: 62) }
  /// `[62]`: GICv4.1: ring the default doorbell while the vPE is not resident.
  @inlinable public static var doorbell: Self { .init(bit: 62) }
  /// `[61]`: an enabled virtual interrupt was pending when the vPE left.
  @inlinable public static var pendingLast: Self { .init(bit: 61) }
  /// `[60]`: the change of residency is not complete.
  @inlinable public static var dirty: Self { .init(bit: 60) }
  /// `[59]`: GICv4.1.
  @inlinable public static var groupZeroEnable: Self { .init(bit: 59) }
  /// `[58]`: GICv4.1.
  @inlinable public static var groupOneEnable: Self { .init(bit: 58) }
}
extension BitField where Record == VirtualResidency, Value == UInt16 {
  /// `[15:0]`: GICv4.1.
  @inlinable public static var virtualPE: Self { .init(15, 0) }
}
extension BitField where Record == VirtualResidency, Value == UInt64 {
  /// `[51:16]`: GICv4.0: address in units of 64 KiB.
  @inlinable public static var address: Self { .init(51, 16) }
}
