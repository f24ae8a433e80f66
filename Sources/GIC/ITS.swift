public import ArmFormats
internal import Bits
internal import Memory

/// An Interrupt Translation Service (IHI 0069, chapter 5).
///
/// It turns a write of an EventID at its doorbell, with the DeviceID that travels beside it, into
/// a physical LPI of a redistributor or a virtual LPI of a vPE. What an event means stands in
/// tables in memory that commands write: device table, one interrupt translation table for each
/// device, collection table, vPE table (formats: `ITSDeviceEntry` and following).
public struct ITS: ~Copyable {
  public let profile: ITSProfile
  public let personality: ITSPersonality

  package internal(set) var control = ITSControl()
  package var commandBase = ITSCommandBase()
  var tableBases: InlineArray<8, ITSTableBase>
  package var readOffset: UInt64 = 0
  package var writeOffset: UInt64 = 0
  package var isStalled = false
  var status: UInt32 = 0
  var unmappedMessage: UInt64 = 0

  // Derived from the registers when they are written.
  package internal(set) var devices: FlatOrTwoLevelTable?
  package internal(set) var collections: FlatOrTwoLevelTable?
  var virtualPEs: FlatOrTwoLevelTable?

  /// Collections that need no table (HCC).
  var internalCollections: [ITSCollectionEntry]
  /// Lists that a hypervisor's ITS keeps instead of tables.
  package var lists = HypervisorLists()
  /// Translations in front of the tables.
  public package(set) var routes: RouteCache
  /// The command error that was found last.
  public internal(set) var lastError: ITSCommandError?

  public init(profile: ITSProfile, personality: ITSPersonality = .architecture) {
    self.profile = profile
    self.personality = personality
    routes = RouteCache(capacity: profile.routeCache)
    internalCollections = Array(
      repeating: ITSCollectionEntry(), count: Int(profile.type[.internalCollections]))
    tableBases = Self.resetTableBases(profile)
    control[.quiescent] = true
    control[.number] = profile.number
  }

  /// Whether commands wait in the queue.
  public var hasCommands: Bool { canRunCommands && readOffset != writeOffset }

  var canRunCommands: Bool { control[.enabled] && commandBase[.valid] && !isStalled }

  /// Forgets every cached translation, as an implementation may at any time.
  public mutating func dropCachedRoutes() { routes.removeAll() }

  private static func resetTableBases(_ profile: ITSProfile) -> InlineArray<8, ITSTableBase> {
    var bases = InlineArray<8, ITSTableBase>(repeating: ITSTableBase())
    for index in bases.indices { bases[index] = resetTableBase(index, profile) }
    return bases
  }

  /// `GITS_BASERn` after reset: what it is for and how long its entries are.
  static func resetTableBase(_ index: Int, _ profile: ITSProfile) -> ITSTableBase {
    var base = ITSTableBase()
    base[.pageSize] = profile.fixedPageSize ?? 0
    base[.entrySize] = 7
    switch index {
    case 0: base[.kind] = ITSTableBase.Kind.devices
    case 1: base[.kind] = ITSTableBase.Kind.collections
    case 2 where profile.version >= .v4:
      base[.kind] = ITSTableBase.Kind.virtualPEs
      base[.entrySize] = profile.version == .v4Point1 ? 31 : 7
    default: return ITSTableBase()
    }
    return base
  }
}
