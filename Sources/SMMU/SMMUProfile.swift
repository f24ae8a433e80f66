public import ArmFormats
internal import Bits

/// Profile of an SMMU: its identification registers (IHI 0070, 6.3.1 to 6.3.8).
///
/// The model does what the registers advertise and nothing else: a feature whose bit is clear
/// behaves as the manual says for its absence.
public struct SMMUProfile: Sendable, Equatable {
  public var idr0: SMMUFeatures0
  public var idr1: SMMUFeatures1
  public var idr3: SMMUFeatures3
  public var idr5: SMMUFeatures5
  /// `SMMU_IIDR`.
  public var implementer: UInt32
  /// `SMMU_AIDR`: 1 is SMMUv3.1.
  public var architecture: UInt32
  /// `SMMU_GBPA` after reset.
  public var resetBypass: UInt32
  /// Whether an address that bypasses every stage is checked against the OAS, as 3.4 demands.
  ///
  /// QEMU's machine passes any 64-bit address through, and the recordings of it that were judged
  /// by a second model agree on that; its profiles therefore do not check.
  public var checksBypassedAddresses: Bool

  /// Makes a profile from raw register values.
  public init(
    idr0: UInt32, idr1: UInt32, idr3: UInt32, idr5: UInt32, implementer: UInt32 = 0,
    architecture: UInt32 = 1, resetBypass: UInt32 = 0x1000, checksBypassedAddresses: Bool = true
  ) {
    self.idr0 = SMMUFeatures0(rawValue: UInt64(idr0))
    self.idr1 = SMMUFeatures1(rawValue: UInt64(idr1))
    self.idr3 = SMMUFeatures3(rawValue: UInt64(idr3))
    self.idr5 = SMMUFeatures5(rawValue: UInt64(idr5))
    self.implementer = implementer
    self.architecture = architecture
    self.resetBypass = resetBypass
    self.checksBypassedAddresses = checksBypassedAddresses
  }

  /// QEMU 11.1's `arm-smmuv3` with both stages: 44-bit addresses, all granules, two-level stream
  /// tables, range invalidation, no substreams, stalls, ATS, PRI or hardware updates
  /// (hw/arm/smmuv3.c, smmuv3_init_id_regs).
  public static let qemu = Self(
    idr0: 0x0d44_101b, idr1: 0x0273_0010, idr3: 0x1414, idr5: 0x74,
    checksBypassedAddresses: false)
  /// The same with `stage=1`.
  public static let qemuStage1 = Self(
    idr0: 0x0d44_101a, idr1: 0x0273_0010, idr3: 0x1404, idr5: 0x74,
    checksBypassedAddresses: false)
  /// The same with `stage=2`.
  public static let qemuStage2 = Self(
    idr0: 0x0d44_1019, idr1: 0x0273_0010, idr3: 0x1414, idr5: 0x74,
    checksBypassedAddresses: false)

  /// Everything that the model implements: substreams, two-level CD tables, stalls, ATS, PRI,
  /// message interrupts, hardware updates, both byte orders, EL2 streams, 48-bit addresses.
  public static let full: Self = {
    var profile = Self(idr0: 0, idr1: 0, idr3: 0, idr5: 0, architecture: 2)
    profile.idr0[.stage1] = true
    profile.idr0[.stage2] = true
    profile.idr0[.tableFormats] = 2
    profile.idr0[.coherent] = true
    profile.idr0[.hardwareUpdate] = 2
    profile.idr0[.hyp] = true
    profile.idr0[.ats] = true
    profile.idr0[.asid16] = true
    profile.idr0[.messages] = true
    profile.idr0[.sendEvent] = true
    profile.idr0[.pageRequests] = true
    profile.idr0[.vmid16] = true
    profile.idr0[.twoLevelContexts] = true
    profile.idr0[.streamTableLevels] = 1
    profile.idr1[.streamBits] = 32
    profile.idr1[.substreamBits] = 20
    profile.idr1[.pageRequestQueue] = 19
    profile.idr1[.eventQueue] = 19
    profile.idr1[.commandQueue] = 19
    profile.idr1[.overridesPermissions] = true
    profile.idr1[.overridesTypes] = true
    profile.idr3[.hierarchyDisable] = true
    profile.idr3[.executeNeverExtended] = true
    profile.idr3[.substreamInResponse] = true
    profile.idr3[.forceWriteBack] = true
    profile.idr3[.smallTables] = true
    profile.idr3[.rangeInvalidation] = true
    profile.idr3[.breakBeforeMake] = 2
    profile.idr3[.unprivilegedDisable] = true
    profile.idr5[.outputSize] = .bits48
    profile.idr5[.kib4] = true
    profile.idr5[.kib16] = true
    profile.idr5[.kib64] = true
    profile.idr5[.stallMaximum] = 64
    return profile
  }()

  /// `full` with 52-bit physical and virtual addresses, for the 64 KiB granule.
  public static let full52: Self = {
    var profile = full
    profile.idr5[.outputSize] = .bits52
    profile.idr5[.virtualSize] = 1
    return profile
  }()

  /// The number of physical address bits: OAS, which is also IAS without VMSAv8-32 (3.4).
  public var outputBits: UInt64 { idr5[.outputSize].bits }

  /// Whether tables of `granule` exist.
  func supports(_ granule: TranslationGranule) -> Bool {
    switch granule {
    case .kib4: idr5[.kib4]
    case .kib16: idr5[.kib16]
    case .kib64: idr5[.kib64]
    }
  }

  /// The largest TxSZ of either stage (5.2, STES2T0SZInvalid; 5.4.2, CDTxSZInvalid).
  func largestInputField(_ granule: TranslationGranule) -> UInt64 {
    guard idr3[.smallTables] else { return 39 }
    return granule == .kib64 ? 47 : 48
  }

  /// Whether tables may be little-endian (`big` false) or big-endian.
  func supportsTables(bigEndian big: Bool) -> Bool {
    switch idr0[.tableEndianness] {
    case 2: !big
    case 3: big
    default: true
    }
  }
}
