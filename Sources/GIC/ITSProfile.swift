public import ArmFormats
internal import Bits

/// Profile of an ITS: its identification registers, and the geometry of its caches.
public struct ITSProfile: Equatable, Sendable {
  /// `GITS_TYPER`.
  public var type: ITSType
  /// `GITS_IIDR`.
  public var identification: UInt32
  /// INTID bits: `GICD_TYPER.IDbits + 1`, 14 to 24.
  public var intidBits: UInt64
  /// `GITS_CTLR.ITS_Number`: this ITS in a VMOVP ITSList, 0 to 15.
  public var number: UInt8
  /// The page size that `GITS_BASERn` is fixed to (0: 4 KiB, 1: 16 KiB, 2: 64 KiB); `nil` when
  /// software chooses.
  public var fixedPageSize: UInt8?
  /// Whether tables may have two levels: `GITS_BASERn.Indirect` is RAZ/WI where not.
  public var hasTwoLevelTables = true
  /// Translations that the ITS keeps in front of its tables.
  public var routeCache: RouteCache.Capacity
  /// Whether commands run when `GITS_CWRITER` is written; otherwise `processNextCommand` runs
  /// them one by one, as an ITS does that takes its time.
  public var runsCommandsOnWrite: Bool

  /// - Parameters:
  ///   - deviceBits: 1 to 32.
  ///   - eventBits: 1 to 32.
  ///   - collectionBits: 1 to 16.
  ///   - version: GICv4 adds virtual LPIs.
  ///   - physicalTargets: PTA: RDbase is an address.
  ///   - internalCollections: HCC: collections that need no table.
  public init(
    deviceBits: UInt8 = 16, eventBits: UInt8 = 16, collectionBits: UInt8 = 16,
    version: GICVersion = .v3, physicalTargets: Bool = false, internalCollections: UInt8 = 0,
    reportsUnmappedMessages: Bool = false, routeCache: RouteCache.Capacity = .limited(4096),
    runsCommandsOnWrite: Bool = true
  ) {
    var type = ITSType()
    type[.physicalLPIs] = true
    type[.entrySize] = UInt8(ITSInterruptEntry.byteCount) - 1
    type[.deviceBits] = deviceBits &- 1
    type[.eventBits] = eventBits &- 1
    type[.collectionLimit] = true
    type[.collectionBits] = collectionBits &- 1
    type[.physicalTargets] = physicalTargets
    type[.internalCollections] = internalCollections
    type[.cumulative] = internalCollections > 0
    type[.unmappedMSI] = reportsUnmappedMessages
    if version >= .v4 {
      type[.virtualLPIs] = true
      type[.singleVMOVP] = true
    }
    if version == .v4Point1 {
      type[.vmappForm] = true
      type[.virtualSGIs] = true
      type[.sharedVirtualPETable] = 1
    }
    self.type = type
    identification = 0x43b
    intidBits = 16
    number = 0
    fixedPageSize = nil
    self.routeCache = routeCache
    self.runsCommandsOnWrite = runsCommandsOnWrite
  }

  /// QEMU 11's ITS (`hw/intc/arm_gicv3_its.c`): 16 bits of everything, 12-byte ITT entries.
  public static func qemu11(version: GICVersion = .v3) -> Self { Self(version: version) }

  /// KVM's virtual ITS (`arch/arm64/kvm/vgic/vgic-its.c`): `GITS_TYPER` 0x1ef71, `GITS_IIDR`
  /// 0x4b00043b, 64 KiB table pages.
  ///
  /// - Parameter cache: none before Linux 5.3, 16 entries for each vCPU until 6.9, unlimited since.
  public static func kvm(cache: RouteCache.Capacity = .unlimited) -> Self {
    var profile = Self(routeCache: cache)
    profile.type = ITSType(rawValue: 0x1_ef71)
    profile.identification = 0x4b00_043b
    profile.fixedPageSize = 2
    return profile
  }

  package var deviceBits: UInt64 { UInt64(type[.deviceBits]) + 1 }
  package var eventBits: UInt64 { UInt64(type[.eventBits]) + 1 }
  package var collectionBits: UInt64 {
    type[.collectionLimit] ? min(UInt64(type[.collectionBits]) + 1, 16) : 16
  }
  /// The version that the ITS implements.
  public var version: GICVersion {
    type[.vmappForm] ? .v4Point1 : type[.virtualLPIs] ? .v4 : .v3
  }
}

/// Personality of an ITS: its behaviour where the architecture leaves a choice, or where it is
/// wrong.
public struct ITSPersonality: Equatable, Sendable {
  /// Policy on a command that cannot be carried out.
  public enum ErrorPolicy: Sendable {
    /// `GITS_CREADR` moves on; the command has no effect.
    case skip
    /// `GITS_CREADR.Stalled` is set until software writes `GITS_CWRITER.Retry`.
    case stall
  }

  /// Policy on a command error (IHI 0069, 5.3.1 allows both).
  public var onCommandError: ErrorPolicy = .stall
  /// Policy on an access that memory does not answer.
  public var onAbort: ErrorPolicy = .stall
  /// Deviation of QEMU: VMOVI of a pending interrupt to a vPE that is not resident rings the new
  /// doorbell (`gicv3_redist_mov_vlpi` in `hw/intc/arm_gicv3_redist.c`).
  public var movedInterruptRingsDoorbell = false
  /// KVM: devices, events and collections are lists in the hypervisor, and memory holds them
  /// only after a save (`vgic_its_save_tables_v0`).
  public var keepsTablesInside = false
  /// Deviation of KVM: MOVALL re-targets every LPI of the VM
  /// (`vgic_its_cmd_handle_movall`), instead of moving what is pending.
  public var movallTakesEveryLPI = false
  /// Deviation of KVM: MAPTI of a mapped event is ignored (`vgic_its_cmd_handle_mapi`).
  public var keepsMappedEvents = false
  /// KVM bounds a physical INTID by `GICR_PROPBASER`, other implementations by
  /// `GICD_TYPER.IDbits`.
  public var boundsInterruptsByTable = false
  /// Deviation of KVM: a message at any address of the frames counts as one at the doorbell
  /// (`vgic_its_inject_msi` looks the device up by range: `__vgic_doorbell_to_its`).
  public var acceptsMessagesAnywhere = false
  /// Deviation of KVM: EnableLPIs = 0 at the target is an error to whoever injects, -EBUSY
  /// (`vgic_its_resolve_lpi`), instead of a message that is ignored.
  public var refusesMessagesWhileDisabled = false
  /// A defect for tests to inject, of no implementation: RDbase is read without its shift by 16.
  public var readsTargetsUnshifted = false

  public init() {}

  /// The architecture's answer, stalling on errors.
  public static let architecture = Self()
  /// The architecture's answer, skipping commands that cannot be carried out.
  public static let architectureSkippingErrors: Self = {
    var personality = Self()
    personality.onCommandError = .skip
    personality.onAbort = .skip
    return personality
  }()
  /// QEMU 11 (`hw/intc/arm_gicv3_its.c`): errors are skipped, memory failures stall.
  public static let qemu11: Self = {
    var personality = Self()
    personality.onCommandError = .skip
    personality.movedInterruptRingsDoorbell = true
    return personality
  }()
  /// KVM's virtual ITS of Linux 6.18 (`arch/arm64/kvm/vgic/vgic-its.c`).
  public static let kvm: Self = {
    var personality = Self()
    personality.onCommandError = .skip
    personality.onAbort = .skip
    personality.keepsTablesInside = true
    personality.movallTakesEveryLPI = true
    personality.keepsMappedEvents = true
    personality.boundsInterruptsByTable = true
    personality.acceptsMessagesAnywhere = true
    personality.refusesMessagesWhileDisabled = true
    return personality
  }()
}
