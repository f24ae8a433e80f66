internal import ArmFormats
public import Bits
internal import Memory

/// Effect of making an LPI pending.
@frozen
public enum LPIEffect: Equatable, Sendable {
  /// It was not pending and is enabled: the PE is signalled when the priority allows.
  case newlyPending
  /// It was pending already: nothing changed.
  case alreadyPending
  /// It is pending now and waits for its configuration to enable it.
  case disabledButPending
  /// EnableLPIs is 0 at that redistributor: the request is ignored (IHI 0069, 5.1).
  case lpisDisabled
  /// No such LPI under `GICR_PROPBASER.IDbits`.
  case intidOutOfRange
  /// The pending or the configuration table could not be accessed.
  case tableAbort
}

/// Every redistributor of a system: registers, LPI configuration and pending tables, SGIs and
/// PPIs, and the virtual side of GICv4.
///
/// LPI state is in memory: a configuration byte and a pending bit for each LPI, as IHI 0069, 5.1
/// lays them out. What is held here beside the registers is a cache of configuration bytes and,
/// for each PE, a queue of enabled pending LPIs.
public struct Redistributors: ~Copyable {
  public let profile: RedistributorProfile
  var all: [Redistributor]
  var frames: [RedistributorFrame]
  /// Configuration bytes from INTID 8192 on, with bit 1 (RES1) set where the byte is cached.
  var configurationCache: [UInt8] = []
  /// The table that the cache is of: the first that was enabled.
  var cachedTable: UInt64 = .max
  var cacheIsUsed = false

  public init(profile: RedistributorProfile) {
    self.profile = profile
    all = Array(repeating: Redistributor(), count: profile.count)
    frames = Array(repeating: RedistributorFrame(), count: profile.count)
    for index in all.indices where profile.version == .v4Point1 {
      frames[index].virtualConfigurationBase = Self.virtualTableReset
    }
    if profile.cachesConfiguration {
      configurationCache = Array(
        repeating: 0, count: Int(1 &<< profile.intidBits) - Int(INTID.firstLPI))
    }
  }

  public var count: Int { all.count }

  /// The redistributor that an RDbase names: a processor number, or with `byAddress` (PTA = 1)
  /// bits [51:16] of a frame address.
  public func index(ofTarget target: UInt64, byAddress: Bool) -> Int? {
    var number = target
    if byAddress {
      let offset = (target &<< 16) &- profile.base.rawValue
      guard offset % profile.stride == 0 else { return nil }
      number = offset / profile.stride
    }
    return number < UInt64(all.count) ? Int(number) : nil
  }

  /// The RDbase that names redistributor `index`.
  public func target(ofIndex index: Int, byAddress: Bool) -> UInt64 {
    let number = UInt64(max(index, 0))
    return byAddress ? (profile.base.rawValue &+ number &* profile.stride) &>> 16 : number
  }

  /// One more than the highest LPI that `GICR_PROPBASER` of the first redistributor allows.
  var sharedINTIDLimit: UInt64 {
    frames[0].configurationBase.intidLimit(atMost: profile.intidBits)
  }

  /// Whether redistributor `index` exists and its EnableLPIs is set.
  public func lpisEnabled(at index: Int) -> Bool {
    all.indices.contains(index) && all[index].lpisEnabled
  }

  /// Returns the address of an LPI's configuration byte; `nil` if LPIs are off or it is no LPI.
  public func configurationAddress(of intid: UInt32, at index: Int) -> PA? {
    guard all.indices.contains(index), isLPI(intid, at: index) else { return nil }
    return PA(all[index].configurationTable &+ UInt64(intid &- INTID.firstLPI))
  }

  /// Returns the address of the byte of the pending table that holds an LPI's bit.
  public func pendingAddress(of intid: UInt32, at index: Int) -> PA? {
    guard all.indices.contains(index), isLPI(intid, at: index) else { return nil }
    return PA(all[index].pendingTable &+ UInt64(intid &>> 3))
  }

  @inline(__always)
  func isLPI(_ intid: UInt32, at index: Int) -> Bool {
    intid >= INTID.firstLPI && intid < all[index].intidLimit
  }
}
