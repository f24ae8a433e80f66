public import Bits

/// STE: what the SMMU does with the traffic of one StreamID (IHI 0070, 5.2). 64 bytes.
@frozen
public struct StreamTableEntry: InlineRecord {
  public var storage: InlineArray<8, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<8, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("V", .valid), .init("Config", .config), .init("S1Fmt", .contextTableFormat),
    .init("S1ContextPtr", .contextPointer), .init("S1CDMax", .substreamBits),
    .init("S1DSS", .defaultSubstream), .init("S1CIR", .contextInnerCache),
    .init("S1COR", .contextOuterCache), .init("S1CSH", .contextShareability),
    .init("S2HWU", .stage2HardwareUse), .init("DRE", .destructiveReads), .init("CONT", .contiguous),
    .init("DCP", .directedCachePrefetch), .init("PPAR", .pageResponseAutoPASID),
    .init("MEV", .mergeEvents), .init("S2FWB", .stage2ForceWriteBack),
    .init("S1MPAM", .stage1Partition), .init("S1STALLD", .stage1StallDisabled),
    .init("EATS", .ats), .init("STRW", .streamWorld), .init("MemAttr", .memoryAttributes),
    .init("MTCFG", .memoryTypeOverride), .init("ALLOCCFG", .allocationHints),
    .init("SHCFG", .shareabilityConfig), .init("NSCFG", .securityConfig),
    .init("PRIVCFG", .privilegeConfig), .init("INSTCFG", .instructionConfig),
    .init("S2VMID", .vmid), .init("S2T0SZ", .stage2InputSize),
    .init("S2SL0", .stage2StartLevel), .init("S2IR0", .stage2InnerCache),
    .init("S2OR0", .stage2OuterCache), .init("S2SH0", .stage2Shareability),
    .init("S2TG", .stage2Granule), .init("S2PS", .stage2OutputSize),
    .init("S2AA64", .stage2AArch64), .init("S2ENDI", .stage2BigEndian),
    .init("S2AFFD", .stage2AccessFaultDisabled), .init("S2PTW", .stage2ProtectedWalk),
    .init("S2HD", .stage2HardwareDirty), .init("S2HA", .stage2HardwareAccess),
    .init("S2S", .stage2Stall), .init("S2R", .stage2Record), .init("S2TTB", .stage2Table),
  ]

  /// The address of the CD or of the CD table: `S1ContextPtr`, a PA or, with stage 2, an IPA.
  @inlinable @inline(__always)
  public var contextAddress: UInt64 { self[.contextPointer] &<< 6 }

  /// The address of the stage 2 start table: `S2TTB`, before alignment to the table's size.
  @inlinable @inline(__always)
  public var stage2TableAddress: UInt64 { self[.stage2Table] &<< 4 }
}

/// `STE.Config`: which stages translate (IHI 0070, 5.2).
@frozen
public struct StreamConfig: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Abort without an event; every encoding below 4 behaves the same.
  @inlinable @inline(__always)
  public static var abort: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var bypass: Self { Self(rawValue: 4) }
  @inlinable @inline(__always)
  public static var stage1: Self { Self(rawValue: 5) }
  @inlinable @inline(__always)
  public static var stage2: Self { Self(rawValue: 6) }
  @inlinable @inline(__always)
  public static var nested: Self { Self(rawValue: 7) }

  /// Whether traffic is terminated without an event: `Config` 0b0xx.
  @inlinable @inline(__always)
  public var aborts: Bool { rawValue & 4 == 0 }
  /// Whether stage 1 translates: `Config` 0b1x1.
  @inlinable @inline(__always)
  public var translatesStage1: Bool { rawValue & 5 == 5 }
  /// Whether stage 2 translates: `Config` 0b11x.
  @inlinable @inline(__always)
  public var translatesStage2: Bool { rawValue & 6 == 6 }

  public var description: String {
    switch rawValue {
    case 4: "bypass"
    case 5: "stage 1"
    case 6: "stage 2"
    case 7: "stage 1 and stage 2"
    default: "abort"
    }
  }
}

/// `STE.S1DSS`: where traffic without a SubstreamID goes when substreams are on (IHI 0070, 5.2).
@frozen
public struct DefaultSubstream: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// F_STREAM_DISABLED; the reserved value 3 behaves the same.
  @inlinable @inline(__always)
  public static var terminate: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var bypassStage1: Self { Self(rawValue: 1) }
  /// Uses CD 0; then SubstreamID 0 itself is F_STREAM_DISABLED.
  @inlinable @inline(__always)
  public static var substream0: Self { Self(rawValue: 2) }
}

/// `STE.EATS`: what a device may do with PCIe ATS (IHI 0070, 5.2).
@frozen
public struct ATSMode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Translation requests and translated transactions are refused.
  @inlinable @inline(__always)
  public static var disabled: Self { Self(rawValue: 0) }
  /// Requests are answered with the output of all enabled stages.
  @inlinable @inline(__always)
  public static var full: Self { Self(rawValue: 1) }
  /// Requests are answered with the output of stage 1; stage 2 applies to translated traffic.
  @inlinable @inline(__always)
  public static var split: Self { Self(rawValue: 2) }
  /// Full, checked by the device permission table.
  @inlinable @inline(__always)
  public static var fullChecked: Self { Self(rawValue: 3) }
}

/// `STE.STRW` of a Non-secure stream: whose translation regime (IHI 0070, 5.2).
@frozen
public struct StreamWorldField: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var el1: Self { Self(rawValue: 0) }
  /// EL2, or EL2 with E2H by `SMMU_CR2.E2H`.
  @inlinable @inline(__always)
  public static var el2: Self { Self(rawValue: 2) }
}

/// `STE.PRIVCFG` and `STE.INSTCFG`: an override of an incoming attribute (IHI 0070, 5.2).
@frozen
public struct AttributeOverride: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var incoming: Self { Self(rawValue: 0) }
  /// Unprivileged, or data.
  @inlinable @inline(__always)
  public static var clear: Self { Self(rawValue: 2) }
  /// Privileged, or instruction.
  @inlinable @inline(__always)
  public static var set: Self { Self(rawValue: 3) }

  /// The attribute after the override.
  @inlinable @inline(__always)
  public func applied(to incoming: Bool) -> Bool {
    rawValue & 2 == 0 ? incoming : rawValue & 1 != 0
  }
}
