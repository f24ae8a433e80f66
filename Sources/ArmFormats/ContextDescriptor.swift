public import Bits

/// CD: the stage 1 translation of one stream or substream (IHI 0070, 5.4). 64 bytes.
@frozen
public struct ContextDescriptor: InlineRecord {
  public var storage: InlineArray<8, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<8, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("T0SZ", .inputSize0), .init("TG0", .granule0), .init("IR0", .innerCache0),
    .init("OR0", .outerCache0), .init("SH0", .shareability0), .init("EPD0", .walkDisabled0),
    .init("ENDI", .bigEndian), .init("T1SZ", .inputSize1), .init("TG1", .granule1),
    .init("IR1", .innerCache1), .init("OR1", .outerCache1), .init("SH1", .shareability1),
    .init("EPD1", .walkDisabled1), .init("V", .valid), .init("IPS", .outputSize),
    .init("AFFD", .accessFaultDisabled), .init("WXN", .writeNeverExecute),
    .init("UWXN", .unprivilegedWriteNeverExecute), .init("TBI0", .topByteIgnored0),
    .init("TBI1", .topByteIgnored1), .init("PAN", .privilegedAccessNever), .init("AA64", .aarch64),
    .init("HD", .hardwareDirty), .init("HA", .hardwareAccess), .init("S", .stall),
    .init("R", .record), .init("A", .abort), .init("ASET", .sharedASID), .init("ASID", .asid),
    .init("NSCFG0", .security0), .init("HAD0", .hierarchyDisabled0),
    .init("E0PD0", .unprivilegedDisabled0), .init("TTB0", .table0),
    .init("NSCFG1", .security1), .init("HAD1", .hierarchyDisabled1),
    .init("E0PD1", .unprivilegedDisabled1), .init("TTB1", .table1),
    .init("MAIR", .memoryAttributes),
  ]

  /// `TTB0` as an address, before alignment to the table's size.
  @inlinable @inline(__always)
  public var table0Address: UInt64 { self[.table0] &<< 4 }
  /// `TTB1` as an address, before alignment to the table's size.
  @inlinable @inline(__always)
  public var table1Address: UInt64 { self[.table1] &<< 4 }
}
