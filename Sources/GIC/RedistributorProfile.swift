public import Bits

/// The version of the architecture that the redistributors implement.
public enum GICVersion: Int, Sendable, Comparable {
  case v3
  /// GICv4.0: virtual LPIs, vPEs named by their pending tables.
  case v4
  /// GICv4.1: vPEs named by numbers, default doorbells, virtual SGIs.
  case v4Point1

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Profile of a set of redistributors: its features and its addresses.
public struct RedistributorProfile: Equatable, Sendable {
  /// PEs, 1 to 4096.
  public var count: Int
  public var version: GICVersion
  /// The first frame of the first redistributor, 64 KiB aligned.
  public var base: PA
  /// INTID bits: `GICD_TYPER.IDbits + 1`, 14 to 24.
  public var intidBits: UInt64
  /// Whether there are LPIs: `GICR_TYPER.PLPIS`.
  public var hasLPIs: Bool
  /// `GICR_TYPER.DirectLPI`: `GICR_SETLPIR` and `GICR_CLRLPIR` act without an ITS.
  public var hasDirectLPIs: Bool
  /// Whether EnableLPIs can be cleared again: `GICR_CTLR.CES`.
  public var canDisableLPIs: Bool
  /// Whether a configuration byte, once read, counts until INV or INVALL. The architecture
  /// allows it; QEMU reads the byte at every message instead.
  public var cachesConfiguration: Bool
  /// Whether pending bits live in the pending table; otherwise in a private copy that is
  /// written on `savePendingTables`, as KVM does (`vgic_v3_save_pending_tables`).
  public var keepsPendingInMemory: Bool

  public init(
    count: Int, version: GICVersion = .v3, base: PA = 0x80a_0000, intidBits: UInt64 = 16,
    hasLPIs: Bool = true, hasDirectLPIs: Bool = false, canDisableLPIs: Bool = true,
    cachesConfiguration: Bool = true, keepsPendingInMemory: Bool = true
  ) {
    self.count = min(max(count, 1), 4096)
    self.version = version
    self.base = base
    self.intidBits = min(max(intidBits, 14), 24)
    self.hasLPIs = hasLPIs
    self.hasDirectLPIs = hasDirectLPIs
    self.canDisableLPIs = canDisableLPIs
    self.cachesConfiguration = cachesConfiguration
    self.keepsPendingInMemory = keepsPendingInMemory
  }

  /// QEMU 11's redistributors (`hw/intc/arm_gicv3_redist.c`).
  public static func qemu11(count: Int, version: GICVersion = .v3) -> Self {
    Self(count: count, version: version, cachesConfiguration: false)
  }

  /// KVM's virtual redistributors (`arch/arm64/kvm/vgic/vgic-mmio-v3.c`).
  public static func kvm(count: Int, base: PA = 0x80a_0000) -> Self {
    Self(count: count, base: base, keepsPendingInMemory: false)
  }

  /// Bytes from one redistributor to the next: two 64 KiB frames, four with GICv4.
  public var stride: UInt64 { version == .v3 ? 0x2_0000 : 0x4_0000 }
}
