public import Bits

/// `SMMU_IDR0`: which stages and which optional features exist (IHI 0070, 6.3.1).
@frozen
public struct SMMUFeatures0: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("S2P", .stage2), .init("S1P", .stage1), .init("TTF", .tableFormats),
    .init("COHACC", .coherent), .init("BTM", .broadcast), .init("HTTU", .hardwareUpdate),
    .init("DORMHINT", .dormantHint), .init("Hyp", .hyp), .init("ATS", .ats),
    .init("NS1ATS", .noSplitATS), .init("ASID16", .asid16), .init("MSI", .messages),
    .init("SEV", .sendEvent), .init("ATOS", .addressOperations), .init("PRI", .pageRequests),
    .init("VMW", .vmidWildcards), .init("VMID16", .vmid16), .init("CD2L", .twoLevelContexts),
    .init("VATOS", .virtualAddressOperations), .init("TTENDIAN", .tableEndianness),
    .init("ATSRECERR", .recordsATSErrors), .init("STALL_MODEL", .stallModel),
    .init("TERM_MODEL", .terminateAborts), .init("ST_LEVEL", .streamTableLevels),
  ]
}

extension BitField where Record == SMMUFeatures0, Value == Bool {
  /// `S2P`.
  @inlinable @inline(__always)
  public static var stage2: Self { .init(bit: 0) }

  /// `S1P`.
  @inlinable @inline(__always)
  public static var stage1: Self { .init(bit: 1) }

  /// `COHACC`.
  @inlinable @inline(__always)
  public static var coherent: Self { .init(bit: 4) }

  /// `BTM`.
  @inlinable @inline(__always)
  public static var broadcast: Self { .init(bit: 5) }

  /// `DORMHINT`.
  @inlinable @inline(__always)
  public static var dormantHint: Self { .init(bit: 8) }

  /// `Hyp`: EL2 stage 1.
  @inlinable @inline(__always)
  public static var hyp: Self { .init(bit: 9) }

  /// `ATS`.
  @inlinable @inline(__always)
  public static var ats: Self { .init(bit: 10) }

  /// `NS1ATS`: split-stage ATS is not supported.
  @inlinable @inline(__always)
  public static var noSplitATS: Self { .init(bit: 11) }

  /// `ASID16`.
  @inlinable @inline(__always)
  public static var asid16: Self { .init(bit: 12) }

  /// `MSI`.
  @inlinable @inline(__always)
  public static var messages: Self { .init(bit: 13) }

  /// `SEV`.
  @inlinable @inline(__always)
  public static var sendEvent: Self { .init(bit: 14) }

  /// `ATOS`.
  @inlinable @inline(__always)
  public static var addressOperations: Self { .init(bit: 15) }

  /// `PRI`.
  @inlinable @inline(__always)
  public static var pageRequests: Self { .init(bit: 16) }

  /// `VMW`.
  @inlinable @inline(__always)
  public static var vmidWildcards: Self { .init(bit: 17) }

  /// `VMID16`.
  @inlinable @inline(__always)
  public static var vmid16: Self { .init(bit: 18) }

  /// `CD2L`.
  @inlinable @inline(__always)
  public static var twoLevelContexts: Self { .init(bit: 19) }

  /// `VATOS`.
  @inlinable @inline(__always)
  public static var virtualAddressOperations: Self { .init(bit: 20) }

  /// `ATSRECERR`.
  @inlinable @inline(__always)
  public static var recordsATSErrors: Self { .init(bit: 23) }

  /// `TERM_MODEL`: a terminated transaction is always aborted.
  @inlinable @inline(__always)
  public static var terminateAborts: Self { .init(bit: 26) }
}

extension BitField where Record == SMMUFeatures0, Value == UInt8 {
  /// `TTF`: bit 1 is VMSAv8-64, bit 0 VMSAv8-32.
  @inlinable @inline(__always)
  public static var tableFormats: Self { .init(3, 2) }

  /// `HTTU`: 0 none, 1 access flag, 2 access flag and dirty state.
  @inlinable @inline(__always)
  public static var hardwareUpdate: Self { .init(7, 6) }

  /// `TTENDIAN`: 0 mixed, 2 little, 3 big.
  @inlinable @inline(__always)
  public static var tableEndianness: Self { .init(22, 21) }

  /// `STALL_MODEL`: 0 stall and terminate, 1 terminate only, 2 stall only.
  @inlinable @inline(__always)
  public static var stallModel: Self { .init(25, 24) }

  /// `ST_LEVEL`: 0 linear, 1 also two-level.
  @inlinable @inline(__always)
  public static var streamTableLevels: Self { .init(28, 27) }
}

/// `SMMU_IDR1`: sizes (IHI 0070, 6.3.2).
@frozen
public struct SMMUFeatures1: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("SIDSIZE", .streamBits), .init("SSIDSIZE", .substreamBits),
    .init("PRIQS", .pageRequestQueue), .init("EVENTQS", .eventQueue),
    .init("CMDQS", .commandQueue), .init("ATTR_PERMS_OVR", .overridesPermissions),
    .init("ATTR_TYPES_OVR", .overridesTypes), .init("REL", .relativeAddresses),
    .init("QUEUES_PRESET", .presetQueues), .init("TABLES_PRESET", .presetTables),
    .init("ECMDQ", .extendedQueues),
  ]
}

extension BitField where Record == SMMUFeatures1, Value == UInt8 {
  /// `SIDSIZE`: bits of a StreamID.
  @inlinable @inline(__always)
  public static var streamBits: Self { .init(5, 0) }

  /// `SSIDSIZE`: bits of a SubstreamID; 0 has none.
  @inlinable @inline(__always)
  public static var substreamBits: Self { .init(10, 6) }

  /// `PRIQS`: log2 of the largest PRI queue.
  @inlinable @inline(__always)
  public static var pageRequestQueue: Self { .init(15, 11) }

  /// `EVENTQS`: log2 of the largest Event queue.
  @inlinable @inline(__always)
  public static var eventQueue: Self { .init(20, 16) }

  /// `CMDQS`: log2 of the largest Command queue.
  @inlinable @inline(__always)
  public static var commandQueue: Self { .init(25, 21) }
}

extension BitField where Record == SMMUFeatures1, Value == Bool {
  /// `ATTR_PERMS_OVR`: INSTCFG and PRIVCFG work.
  @inlinable @inline(__always)
  public static var overridesPermissions: Self { .init(bit: 26) }

  /// `ATTR_TYPES_OVR`.
  @inlinable @inline(__always)
  public static var overridesTypes: Self { .init(bit: 27) }

  /// `REL`.
  @inlinable @inline(__always)
  public static var relativeAddresses: Self { .init(bit: 28) }

  /// `QUEUES_PRESET`.
  @inlinable @inline(__always)
  public static var presetQueues: Self { .init(bit: 29) }

  /// `TABLES_PRESET`.
  @inlinable @inline(__always)
  public static var presetTables: Self { .init(bit: 30) }

  /// `ECMDQ`.
  @inlinable @inline(__always)
  public static var extendedQueues: Self { .init(bit: 31) }
}
