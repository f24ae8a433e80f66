internal import ArmFormats
internal import Bits

/// Redistributor state that a message needs: kept apart and small, since one PE of hundreds is as
/// likely as another.
struct Redistributor {
  var lpisEnabled = false
  /// One more than the highest LPI.
  var intidLimit: UInt32 = 0
  // The tables as latched when EnableLPIs was set.
  var configurationTable: UInt64 = 0
  var pendingTable: UInt64 = 0
  /// Number of pending LPIs, enabled or not.
  var pendingCount = 0
  var lpis = PendingQueue()
}

/// The rest of a redistributor: what its registers hold.
struct RedistributorFrame {
  var asleep = true
  var configurationBase = LPIConfigurationBase()
  var pendingBase = LPIPendingBase()
  /// The pending bits where they are not kept in memory, from INTID 8192 on.
  var privatePending: [UInt64] = []
  var interrupts = PrivateInterrupts()

  // GICv4.
  var virtualConfigurationBase: UInt64 = 0
  var residency = VirtualResidency()
  var resident = ResidentVirtualPE()
}

/// State of a redistributor for the vPE that is resident on it.
struct ResidentVirtualPE {
  /// v4.1: its number.
  var number: UInt16 = 0
  var pendingTable: UInt64 = 0
  var configurationTable: UInt64 = 0
  /// One more than the highest virtual LPI.
  var intidLimit: UInt32 = 0
  var lpis = PendingQueue()
}

/// The SGIs (0 to 15) and PPIs (16 to 31) of one PE.
public struct PrivateInterrupts: Sendable {
  /// Bit *n* set: INTID *n* is in Non-secure group 1.
  public var group: UInt32 = 0
  public var enabled: UInt32 = 0
  public var pending: UInt32 = 0
  public var active: UInt32 = 0
  /// The level of each PPI's line.
  public var lines: UInt32 = 0
  /// Bit *n* set: INTID *n* is edge-triggered. SGIs always are.
  public var edge: UInt32 = 0xffff
  public var priorities = InlineArray<32, UInt8>(repeating: 0)

  public init() {}

  /// The INTIDs that are pending, by latch or by level.
  public var effectivePending: UInt32 { pending | (lines & ~edge) }

  /// The most urgent enabled, pending, inactive group 1 interrupt.
  public var highestPending: (intid: UInt32, priority: UInt8)? {
    var candidates = effectivePending & enabled & group & ~active
    var best: (intid: UInt32, priority: UInt8)?
    while candidates != 0 {
      let intid = UInt32(candidates.trailingZeroBitCount)
      candidates &= candidates &- 1
      let priority = priorities[Int(intid)]
      if best.map({ priority < $0.priority }) ?? true { best = (intid, priority) }
    }
    return best
  }
}
