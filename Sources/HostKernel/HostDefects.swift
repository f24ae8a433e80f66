/// Defects for tests to inject into the host's kernel, of no release of it.
public struct HostDefects: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A relayed event has the physical StreamID instead of the guest's.
  public static let keepsPhysicalStream = Self(rawValue: 1 << 0)
  /// A forwarded invalidation has the VMID that the guest wrote.
  public static let keepsGuestMachine = Self(rawValue: 1 << 1)
}
