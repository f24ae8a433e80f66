/// Personality of the modelled SMMU: the architecture's behaviour, or that of an implementation
/// that differs from it in named ways.
///
/// Each member is one difference. Combine them freely; `architecture` has none.
public struct SMMUPersonality: OptionSet, BitwiseCopyable, Sendable, Hashable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Behaviour by the manual.
  public static let architecture: Self = []

  /// Only AP[2] is checked: no unprivileged access, no execute permission
  /// (QEMU hw/arm/smmu-internal.h, is_permission_fault).
  public static let ignoresPrivilege = Self(rawValue: 1 << 0)
  /// A stage 2 fault on a stage 1 table is reported with S2=0, save for the TTB itself
  /// (QEMU smmu-common.c, smmu_ptw_64_s1: the error path resets the stage).
  public static let losesStageOfTableFaults = Self(rawValue: 1 << 1)
  /// Stage 2 translates the address of each stage 1 table once, not that of each descriptor,
  /// and both TTBs as soon as the CD is read
  /// (QEMU smmu-common.c, translate_table_addr_ipa; smmuv3.c, decode_cd).
  public static let translatesTablesNotDescriptors = Self(rawValue: 1 << 2)
  /// The index of a concatenated stage 2 start table is masked away
  /// (QEMU smmu-common.c, smmu_ptw_64_s2).
  public static let ignoresConcatenation = Self(rawValue: 1 << 3)
  /// TBI0 stands for TBI1 (QEMU smmu-internal.h, operator precedence in TBI1).
  public static let confusesTopByteBits = Self(rawValue: 1 << 4)
  /// Blocks are accepted at levels where the granule has none
  /// (QEMU smmu-common.c, is_reserved_pte).
  public static let acceptsBlocksAtAnyLevel = Self(rawValue: 1 << 5)
  /// A second-level stream table holds 2^Span STEs, and an index beyond it is C_BAD_STE
  /// (QEMU smmuv3.c, smmu_find_ste).
  public static let doublesStreamTableSpan = Self(rawValue: 1 << 6)
  /// With stage 1 off, an input beyond the IAS is terminated without an event
  /// (QEMU smmu-common.c, smmu_ptw).
  public static let silentOnWideInput = Self(rawValue: 1 << 7)
  /// S2T0SZ is bounded by the effective S2PS instead of the IPA size
  /// (QEMU smmuv3.c, s2t0sz_valid).
  public static let boundsInputByOutput = Self(rawValue: 1 << 8)
  /// A stage 2 start level too low for S2T0SZ is accepted
  /// (QEMU smmuv3.c, s2_pgtable_config_valid).
  public static let acceptsShallowStart = Self(rawValue: 1 << 9)
  /// The output address of a table descriptor is not checked against the output size
  /// (QEMU smmu-common.c, smmu_ptw_64_s1 and _s2).
  public static let ignoresTableOutputSize = Self(rawValue: 1 << 10)
  /// The IPA of an event carries bits [11:0] (QEMU smmuv3.c, smmuv3_record_event).
  public static let reportsWholeIPA = Self(rawValue: 1 << 11)
  /// Faults on the fetch of a CD or on a TTB say RnW=1 whatever the transaction was
  /// (QEMU smmuv3.c, smmuv3_do_translate called with IOMMU_RO).
  public static let reportsReadForContextFaults = Self(rawValue: 1 << 12)
  /// F_CD_FETCH carries the fetch address where other events have the input address
  /// (QEMU smmuv3.c, smmuv3_record_event).
  public static let misplacesContextFetchAddress = Self(rawValue: 1 << 13)
  /// TTRnW is never set (QEMU smmuv3.c, smmuv3_record_event).
  public static let omitsTableReadFlag = Self(rawValue: 1 << 14)
  /// S1CDMax other than 0 is C_BAD_STE even where there are no substreams
  /// (QEMU smmuv3.c, decode_ste).
  public static let refusesSubstreamTables = Self(rawValue: 1 << 16)
  /// Access flag and permission are checked before the output size, and APTable at the table
  /// that holds it (QEMU smmu-common.c, smmu_ptw_64_s1).
  public static let checksPermissionEarly = Self(rawValue: 1 << 17)
  /// Commands of absent features are accepted and ignored, and so is a range of one page without
  /// a level (QEMU smmuv3.c, smmuv3_cmdq_consume).
  public static let acceptsAbsentCommands = Self(rawValue: 1 << 18)
  /// F_WALK_EABT of a stage 1 table's translation carries the IPA of the table
  /// (QEMU smmu-common.c, translate_table_addr_ipa).
  public static let reportsTableForWalkAbort = Self(rawValue: 1 << 19)
  /// A full or aborting Event queue raises EVENTQ_ABT_ERR and never sets OVFLG
  /// (QEMU smmuv3.c, smmuv3_record_event).
  public static let abortsOnFullQueue = Self(rawValue: 1 << 21)
  /// C_BAD_STREAMID is recorded whatever CR2.RECINVSID says (QEMU smmuv3.c, smmuv3_record_event).
  public static let recordsEveryBadStream = Self(rawValue: 1 << 23)
  /// Each recorded event interrupts, not the first of a queue alone
  /// (QEMU smmuv3.c, smmuv3_write_eventq).
  public static let interruptsForEachEvent = Self(rawValue: 1 << 24)
  /// An unacknowledged EVENTQ_ABT_ERR does not keep events from the queue
  /// (QEMU smmuv3.c, smmuv3_record_event).
  public static let writesAfterQueueAbort = Self(rawValue: 1 << 25)
  /// CMD_SYNC with the reserved CS of 3 interrupts (QEMU smmuv3.c, `CMD_SYNC_CS & SIG_IRQ`).
  public static let takesReservedCompletion = Self(rawValue: 1 << 26)
  /// S2PTW does not protect walks from Device memory (QEMU has no such field).
  public static let walksThroughDevices = Self(rawValue: 1 << 27)
  /// STRTAB_BASE is aligned to half of the table's size (QEMU smmuv3.c, smmu_find_ste).
  public static let halvesStreamTableAlignment = Self(rawValue: 1 << 28)
  /// A defect for tests to inject, of no implementation: TLB invalidations drop nothing.
  public static let keepsTranslations = Self(rawValue: 1 << 22)

  /// QEMU 11.1's `arm-smmuv3`.
  public static let qemu11: Self = [
    .ignoresPrivilege, .losesStageOfTableFaults, .translatesTablesNotDescriptors,
    .ignoresConcatenation, .confusesTopByteBits, .acceptsBlocksAtAnyLevel,
    .doublesStreamTableSpan, .silentOnWideInput, .boundsInputByOutput, .acceptsShallowStart,
    .ignoresTableOutputSize, .reportsWholeIPA, .reportsReadForContextFaults,
    .misplacesContextFetchAddress, .omitsTableReadFlag,
    .refusesSubstreamTables, .checksPermissionEarly, .acceptsAbsentCommands,
    .reportsTableForWalkAbort, .abortsOnFullQueue, .recordsEveryBadStream,
    .interruptsForEachEvent, .writesAfterQueueAbort, .takesReservedCompletion,
    .walksThroughDevices, .halvesStreamTableAlignment,
  ]
}
