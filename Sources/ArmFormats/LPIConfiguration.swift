public import Bits

/// The configuration byte of an LPI, at `PROPBASER + (INTID - 8192)` (IHI 0069, 5.1.1).
@frozen
public struct LPIConfiguration: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// - Parameter priority: bits [7:2] count; a lower value is more urgent.
  @inlinable
  public init(priority: UInt8, enabled: Bool) {
    rawValue = UInt64(priority & 0xfc) | 2 | (enabled ? 1 : 0)
  }

  /// The 8-bit priority; its low two bits read as zero.
  @inlinable @inline(__always)
  public var priority: UInt8 { UInt8(truncatingIfNeeded: rawValue) & 0xfc }

  public static let fields: [FieldDescription<LPIConfiguration>] = [
    .init("Enable", .enable), .init("RES1", .groupOne), .init("Priority", .priority),
  ]
}

extension BitField where Record == LPIConfiguration, Value == Bool {
  /// `[0]`: the LPI is forwarded when it is pending.
  @inlinable public static var enable: Self { .init(bit: 0) }
  /// `[1]`: RES1: LPIs are always in Non-secure group 1.
  @inlinable public static var groupOne: Self { .init(bit: 1) }
}
extension BitField where Record == LPIConfiguration, Value == UInt8 {
  /// `[7:2]`: bits [7:2] of the priority.
  @inlinable public static var priority: Self { .init(7, 2) }
}

/// The interrupt numbers that the architecture sets apart (IHI 0069, 2.2).
public enum INTID {
  /// The first locality-specific peripheral interrupt.
  @inlinable public static var firstLPI: UInt32 { 8192 }
  /// INTID that an acknowledge returns if no interrupt is pending; no doorbell.
  @inlinable public static var spurious: UInt32 { 1023 }
  /// The first shared peripheral interrupt.
  @inlinable public static var firstSPI: UInt32 { 32 }
}
