public import Bits

// Positions: IHI 0070, 5.2, as bits of each 64-bit word.

extension BitField where Record == StreamTableEntry, Value == Bool {
  /// `V`: clear makes the STE illegal (C_BAD_STE).
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }

  /// `DRE`: destructive reads are allowed.
  @inlinable @inline(__always)
  public static var destructiveReads: Self { .init(word: 1, bit: 12) }

  /// `DCP`: directed cache prefetch hints are allowed.
  @inlinable @inline(__always)
  public static var directedCachePrefetch: Self { .init(word: 1, bit: 17) }

  /// `PPAR`: automatic page responses carry the PASID.
  @inlinable @inline(__always)
  public static var pageResponseAutoPASID: Self { .init(word: 1, bit: 18) }

  /// `MEV`: identical events of the stream may be merged.
  @inlinable @inline(__always)
  public static var mergeEvents: Self { .init(word: 1, bit: 19) }

  /// `S2FWB`: stage 2 attributes override instead of combining.
  @inlinable @inline(__always)
  public static var stage2ForceWriteBack: Self { .init(word: 1, bit: 25) }

  /// `S1MPAM`: partition IDs come from the CD.
  @inlinable @inline(__always)
  public static var stage1Partition: Self { .init(word: 1, bit: 26) }

  /// `S1STALLD`: a CD must not ask for stalls.
  @inlinable @inline(__always)
  public static var stage1StallDisabled: Self { .init(word: 1, bit: 27) }

  /// `MTCFG`: `MemAttr` replaces the incoming memory type.
  @inlinable @inline(__always)
  public static var memoryTypeOverride: Self { .init(word: 1, bit: 36) }

  /// `S2AA64`: stage 2 tables are VMSAv8-64.
  @inlinable @inline(__always)
  public static var stage2AArch64: Self { .init(word: 2, bit: 51) }

  /// `S2ENDI`: stage 2 tables are big-endian.
  @inlinable @inline(__always)
  public static var stage2BigEndian: Self { .init(word: 2, bit: 52) }

  /// `S2AFFD`: a clear access flag does not fault.
  @inlinable @inline(__always)
  public static var stage2AccessFaultDisabled: Self { .init(word: 2, bit: 53) }

  /// `S2PTW`: a stage 1 table or CD in stage 2 Device memory faults.
  @inlinable @inline(__always)
  public static var stage2ProtectedWalk: Self { .init(word: 2, bit: 54) }

  /// `S2HD`: hardware updates the dirty state.
  @inlinable @inline(__always)
  public static var stage2HardwareDirty: Self { .init(word: 2, bit: 55) }

  /// `S2HA`: hardware updates the access flag.
  @inlinable @inline(__always)
  public static var stage2HardwareAccess: Self { .init(word: 2, bit: 56) }

  /// `S2S`: stage 2 faults stall.
  @inlinable @inline(__always)
  public static var stage2Stall: Self { .init(word: 2, bit: 57) }

  /// `S2R`: stage 2 faults are recorded.
  @inlinable @inline(__always)
  public static var stage2Record: Self { .init(word: 2, bit: 58) }
}

extension BitField where Record == StreamTableEntry, Value == StreamConfig {
  /// `Config`: which stages translate.
  @inlinable @inline(__always)
  public static var config: Self { .init(3, 1) }
}

extension BitField where Record == StreamTableEntry, Value == UInt8 {
  /// `S1Fmt`: 0 linear, 1 two-level with 4 KiB leaves, 2 with 64 KiB leaves.
  @inlinable @inline(__always)
  public static var contextTableFormat: Self { .init(5, 4) }

  /// `S1CDMax`: log2 of the number of CDs; 0 turns substreams off.
  @inlinable @inline(__always)
  public static var substreamBits: Self { .init(63, 59) }

  /// `S1CIR`: inner cacheability of CD fetches.
  @inlinable @inline(__always)
  public static var contextInnerCache: Self { .init(word: 1, 3, 2) }

  /// `S1COR`: outer cacheability of CD fetches.
  @inlinable @inline(__always)
  public static var contextOuterCache: Self { .init(word: 1, 5, 4) }

  /// `S1CSH`: shareability of CD fetches.
  @inlinable @inline(__always)
  public static var contextShareability: Self { .init(word: 1, 7, 6) }

  /// `S2HWU62` to `S2HWU59`: page-based hardware attributes of stage 2.
  @inlinable @inline(__always)
  public static var stage2HardwareUse: Self { .init(word: 1, 11, 8) }

  /// `CONT`: log2 of a run of identical STEs, a hint.
  @inlinable @inline(__always)
  public static var contiguous: Self { .init(word: 1, 16, 13) }

  /// `MemAttr`: the memory type used when `MTCFG` is set.
  @inlinable @inline(__always)
  public static var memoryAttributes: Self { .init(word: 1, 35, 32) }

  /// `ALLOCCFG`: allocation hint override.
  @inlinable @inline(__always)
  public static var allocationHints: Self { .init(word: 1, 40, 37) }

  /// `SHCFG`: 0 non-shareable, 1 as incoming, 2 outer, 3 inner.
  @inlinable @inline(__always)
  public static var shareabilityConfig: Self { .init(word: 1, 45, 44) }

  /// `NSCFG`: Secure streams only.
  @inlinable @inline(__always)
  public static var securityConfig: Self { .init(word: 1, 47, 46) }

  /// `S2T0SZ`: the IPA space is 2^(64 - S2T0SZ) bytes.
  @inlinable @inline(__always)
  public static var stage2InputSize: Self { .init(word: 2, 37, 32) }

  /// `S2SL0`: start level, encoded per granule.
  @inlinable @inline(__always)
  public static var stage2StartLevel: Self { .init(word: 2, 39, 38) }

  /// `S2IR0`: inner cacheability of stage 2 walks.
  @inlinable @inline(__always)
  public static var stage2InnerCache: Self { .init(word: 2, 41, 40) }

  /// `S2OR0`: outer cacheability of stage 2 walks.
  @inlinable @inline(__always)
  public static var stage2OuterCache: Self { .init(word: 2, 43, 42) }

  /// `S2SH0`: shareability of stage 2 walks.
  @inlinable @inline(__always)
  public static var stage2Shareability: Self { .init(word: 2, 45, 44) }
}

extension BitField where Record == StreamTableEntry, Value == UInt64 {
  /// `S1ContextPtr`, bits [55:6] of the address; see `contextAddress`.
  @inlinable @inline(__always)
  public static var contextPointer: Self { .init(55, 6) }

  /// `S2TTB`, bits [51:4] of the address; see `stage2TableAddress`.
  @inlinable @inline(__always)
  public static var stage2Table: Self { .init(word: 3, 51, 4) }
}

extension BitField where Record == StreamTableEntry, Value == DefaultSubstream {
  /// `S1DSS`: what happens to traffic without a SubstreamID.
  @inlinable @inline(__always)
  public static var defaultSubstream: Self { .init(word: 1, 1, 0) }
}

extension BitField where Record == StreamTableEntry, Value == ATSMode {
  /// `EATS`: what the device may do with ATS.
  @inlinable @inline(__always)
  public static var ats: Self { .init(word: 1, 29, 28) }
}

extension BitField where Record == StreamTableEntry, Value == StreamWorldField {
  /// `STRW`: the translation regime of stage 1.
  @inlinable @inline(__always)
  public static var streamWorld: Self { .init(word: 1, 31, 30) }
}

extension BitField where Record == StreamTableEntry, Value == AttributeOverride {
  /// `PRIVCFG`: privileged or unprivileged override.
  @inlinable @inline(__always)
  public static var privilegeConfig: Self { .init(word: 1, 49, 48) }

  /// `INSTCFG`: instruction or data override, of reads.
  @inlinable @inline(__always)
  public static var instructionConfig: Self { .init(word: 1, 51, 50) }
}

extension BitField where Record == StreamTableEntry, Value == UInt16 {
  /// `S2VMID`: tags stage 2 and EL1 stage 1 translations, even with stage 2 off.
  @inlinable @inline(__always)
  public static var vmid: Self { .init(word: 2, 15, 0) }
}

extension BitField where Record == StreamTableEntry, Value == LowGranule {
  /// `S2TG`: stage 2 granule.
  @inlinable @inline(__always)
  public static var stage2Granule: Self { .init(word: 2, 47, 46) }
}

extension BitField where Record == StreamTableEntry, Value == AddressSizeField {
  /// `S2PS`: size of the output, capped to the OAS.
  @inlinable @inline(__always)
  public static var stage2OutputSize: Self { .init(word: 2, 50, 48) }
}
