public import Bits

/// `SMMU_IDR3`: later features (IHI 0070, 6.3.4).
@frozen
public struct SMMUFeatures3: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("HAD", .hierarchyDisable), .init("PBHA", .pageHardwareAttributes),
    .init("XNX", .executeNeverExtended), .init("PPS", .substreamInResponse),
    .init("MPAM", .partitions), .init("FWB", .forceWriteBack), .init("STT", .smallTables),
    .init("RIL", .rangeInvalidation), .init("BBML", .breakBeforeMake),
    .init("E0PD", .unprivilegedDisable),
  ]
}

extension BitField where Record == SMMUFeatures3, Value == Bool {
  /// `HAD`.
  @inlinable @inline(__always)
  public static var hierarchyDisable: Self { .init(bit: 2) }

  /// `PBHA`.
  @inlinable @inline(__always)
  public static var pageHardwareAttributes: Self { .init(bit: 3) }

  /// `XNX`: stage 2 XN by privilege.
  @inlinable @inline(__always)
  public static var executeNeverExtended: Self { .init(bit: 4) }

  /// `PPS`.
  @inlinable @inline(__always)
  public static var substreamInResponse: Self { .init(bit: 5) }

  /// `MPAM`.
  @inlinable @inline(__always)
  public static var partitions: Self { .init(bit: 7) }

  /// `FWB`.
  @inlinable @inline(__always)
  public static var forceWriteBack: Self { .init(bit: 8) }

  /// `STT`: TxSZ up to 48.
  @inlinable @inline(__always)
  public static var smallTables: Self { .init(bit: 9) }

  /// `RIL`.
  @inlinable @inline(__always)
  public static var rangeInvalidation: Self { .init(bit: 10) }

  /// `E0PD`.
  @inlinable @inline(__always)
  public static var unprivilegedDisable: Self { .init(bit: 13) }
}

extension BitField where Record == SMMUFeatures3, Value == UInt8 {
  /// `BBML`.
  @inlinable @inline(__always)
  public static var breakBeforeMake: Self { .init(12, 11) }
}

/// `SMMU_IDR5`: address sizes and granules (IHI 0070, 6.3.6).
@frozen
public struct SMMUFeatures5: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("OAS", .outputSize), .init("GRAN4K", .kib4), .init("GRAN16K", .kib16),
    .init("GRAN64K", .kib64), .init("DS", .largeAddresses), .init("VAX", .virtualSize),
    .init("STALL_MAX", .stallMaximum),
  ]
}

extension BitField where Record == SMMUFeatures5, Value == AddressSizeField {
  /// `OAS`.
  @inlinable @inline(__always)
  public static var outputSize: Self { .init(2, 0) }
}

extension BitField where Record == SMMUFeatures5, Value == Bool {
  /// `GRAN4K`.
  @inlinable @inline(__always)
  public static var kib4: Self { .init(bit: 4) }

  /// `GRAN16K`.
  @inlinable @inline(__always)
  public static var kib16: Self { .init(bit: 5) }

  /// `GRAN64K`.
  @inlinable @inline(__always)
  public static var kib64: Self { .init(bit: 6) }

  /// `DS`: 52-bit addresses with 4 KiB and 16 KiB granules.
  @inlinable @inline(__always)
  public static var largeAddresses: Self { .init(bit: 7) }
}

extension BitField where Record == SMMUFeatures5, Value == UInt8 {
  /// `VAX`: 1 allows 52-bit virtual addresses.
  @inlinable @inline(__always)
  public static var virtualSize: Self { .init(11, 10) }
}

extension BitField where Record == SMMUFeatures5, Value == UInt16 {
  /// `STALL_MAX`: most stalled transactions.
  @inlinable @inline(__always)
  public static var stallMaximum: Self { .init(31, 16) }
}
