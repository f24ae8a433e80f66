/// A VM of the host, counted from 0.
public struct VMIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: Int

  public init(_ rawValue: Int) { self.rawValue = rawValue }

  public static let first = Self(0)

  public var description: String { "VM \(rawValue)" }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A virtual CPU of a VM, counted from 0 within the VM.
public struct VCPUIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: Int

  public init(_ rawValue: Int) { self.rawValue = rawValue }

  /// The one that boots the guest and runs the drivers' set-up.
  public static let boot = Self(0)

  public var description: String { "virtual CPU \(rawValue)" }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// An assigned function of the machine, counted from 0 over all VMs.
public struct DeviceIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: Int

  public init(_ rawValue: Int) { self.rawValue = rawValue }

  public static let first = Self(0)

  public var description: String { "device \(rawValue)" }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
