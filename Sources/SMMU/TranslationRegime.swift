internal import ArmFormats
internal import Bits

/// Geometry of a table's levels: the values of granule and size that a walk needs, computed once.
struct WalkGeometry: BitwiseCopyable {
  var granule = TranslationGranule.kib4
  var startLevel: Int8 = 0
  /// Bits [51:48] of an address are bits [15:12] of a descriptor (FEAT_LPA, 64 KiB granule).
  var isWide = false
  /// log2 of what a descriptor of the start level covers.
  var startShift: UInt64 = 0
  /// The index of the start level, right-aligned.
  var startMask: UInt64 = 0
  /// Index bits of every other level.
  var stride: UInt64 = 9
  /// The bits of a table descriptor that are an address.
  private var tableMask: UInt64 = 0

  init() {}

  init(
    _ granule: TranslationGranule, startLevel: Int8, indexBits: UInt64, outputBits: UInt64
  ) {
    self.granule = granule
    self.startLevel = startLevel
    isWide = granule == .kib64 && outputBits == 52
    startShift = levelShift(granule, startLevel)
    startMask = lowBits(indexBits)
    stride = granule.stride
    tableMask = 0xffff_ffff_ffff & ~lowBits(granule.shift)
  }

  /// The table that a table descriptor names.
  @inline(__always)
  func table(_ word: UInt64) -> UInt64 {
    let low = word & tableMask
    return isWide ? low | (word & 0xf000) &<< 36 : low
  }

  /// The output of a block or page that covers 2^shift bytes.
  @inline(__always)
  func page(_ word: UInt64, _ shift: UInt64) -> UInt64 { table(word) & (~0 &<< shift) }
}

/// Region of stage 1 for one half of the address space: a TTB and its parameters.
struct StageOneRegion: BitwiseCopyable {
  /// The start table, aligned to its size: a PA or, nested, an IPA.
  var table: UInt64 = 0
  /// Input address bits, 64 - TxSZ.
  var inputBits: UInt64 = 48
  var geometry = WalkGeometry()
  /// `EPDx` is clear.
  var isWalked = false
  /// `HADx`.
  var ignoresHierarchy = false
  /// `TBIx`.
  var ignoresTopByte = false
  /// `E0PDx`.
  var refusesUnprivileged = false
}

/// Owner of a stage 1 regime: decides the tags of its TLB entries and the meaning of its
/// permissions.
enum StreamWorld: UInt8, BitwiseCopyable {
  case el1 = 0
  /// One privilege, one table, no ASID.
  case el2 = 1
  case el2Host = 2
}

/// Stage 1 of a stream or substream, decoded from a legal CD.
struct StageOneRegime: BitwiseCopyable {
  var low = StageOneRegion()
  var high = StageOneRegion()
  var world = StreamWorld.el1
  /// The effective `IPS`.
  var outputBits: UInt64 = 0
  var memoryTypes: UInt64 = 0
  var ignoresAccessFlag = false
  var updatesAccessFlag = false
  var updatesDirtyState = false
  var neverExecutesWritable = false
  var neverAccessesUser = false
  var isBigEndian = false
  var stalls = false
  var records = false
  var aborts = true

  /// The half that bit 55 of `address` selects; EL2 has one half (5.4.1).
  @inline(__always)
  func isHigh(_ address: UInt64) -> Bool { world != .el2 && (address &>> 55) & 1 != 0 }
}

/// Stage 2 of a stream, decoded from a legal STE.
struct StageTwoRegime: BitwiseCopyable {
  /// The start tables, aligned to their size.
  var table: UInt64 = 0
  /// IPA bits, 64 - S2T0SZ.
  var inputBits: UInt64 = 0
  /// The effective `S2PS`.
  var outputBits: UInt64 = 0
  /// The index of the start level includes the bits that concatenation adds.
  var geometry = WalkGeometry()
  var vmid: UInt16 = 0
  var ignoresAccessFlag = false
  var updatesAccessFlag = false
  var updatesDirtyState = false
  var protectsWalks = false
  var forcesWriteBack = false
  var isBigEndian = false
  var stalls = false
  var records = false
}

/// Everything that a transaction of one (StreamID, SubstreamID) needs: what the configuration
/// cache holds.
struct TranslationContext: BitwiseCopyable {
  /// Outcome of transactions, as far as the configuration decides it.
  enum Outcome: UInt8, BitwiseCopyable {
    case abort
    case bypass
    case translate
    /// The CD is ILLEGAL.
    case badContext
  }

  var outcome = Outcome.abort
  /// Stage 1 translates, by a legal CD.
  var usesStage1 = false
  var usesStage2 = false
  var mergesEvents = false
  /// Some half refuses unprivileged access (E0PD).
  var checksUnprivileged = false
  var privilegeConfig = AttributeOverride.incoming
  var instructionConfig = AttributeOverride.incoming
  var ats = ATSMode.disabled
  /// The tag of TLB entries: see `AddressSpaceTag`.
  var space: UInt64 = 0
  var stage1 = StageOneRegime()
  var stage2 = StageTwoRegime()
}

/// Tags of cached translations, as one word.
enum AddressSpaceTag {
  static let asidMask: UInt64 = 0xffff
  static let vmidMask: UInt64 = 0xffff_0000
  static let worldMask: UInt64 = 0x3 << 32
  /// The entry includes stage 2; keeps nested and stage 1-only streams of one VMID apart.
  static let nested: UInt64 = 1 << 34
  static let global: UInt64 = 1 << 62
  static let valid: UInt64 = 1 << 63

  /// The tag of a stage 1 regime; EL2 has no ASID and neither EL2 world has a VMID (3.17).
  static func make(world: StreamWorld, asid: UInt16, vmid: UInt16, nested: Bool) -> UInt64 {
    valid | UInt64(world.rawValue) << 32 | (nested ? Self.nested : 0)
      | (world == .el2 ? 0 : UInt64(asid)) | (world == .el1 ? UInt64(vmid) << 16 : 0)
  }

  /// The tag of a stage 2 regime.
  @inline(__always)
  static func make(vmid: UInt16) -> UInt64 { valid | UInt64(vmid) &<< 16 }
}

/// The address of bit `shift` of a level: how many input bits a descriptor of `level` leaves.
@inline(__always)
func levelShift(_ granule: TranslationGranule, _ level: Int8) -> UInt64 {
  granule.shift &+ granule.stride &* UInt64(truncatingIfNeeded: 3 &- level)
}
