internal import Bits

/// A kind of number that names something to the SMMU or to the ITS. The kinds never mix.
public protocol IdentifierKind: Sendable {
  /// The manual's word, for messages.
  static var name: String { get }
}

/// Index of a stream table entry (IHI 0070, 3.2).
public enum StreamIDKind: IdentifierKind { public static let name = "StreamID" }
/// Index of an entry of the ITS's device table (IHI 0069, 5.1).
public enum DeviceIDKind: IdentifierKind { public static let name = "DeviceID" }
/// Index of an entry of an interrupt translation table: an MSI's data.
public enum EventIDKind: IdentifierKind { public static let name = "EventID" }
/// Tag of the TLB entries of one stage 2 (IHI 0070, 3.17).
public enum VMIDKind: IdentifierKind { public static let name = "VMID" }

/// The StreamID of a requester at its SMMU.
public typealias StreamID = Identifier<StreamIDKind>
/// The DeviceID of a requester at its ITS.
public typealias DeviceID = Identifier<DeviceIDKind>
/// The EventID of a message at its ITS.
public typealias EventID = Identifier<EventIDKind>
/// The VMID of a stage 2.
public typealias VMID = Identifier<VMIDKind>

/// A number of one kind, up to 32 bits.
@frozen
public struct Identifier<Kind: IdentifierKind>: Hashable, Comparable, Sendable {
  public var rawValue: UInt32

  @inlinable @inline(__always)
  public init(_ rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension Identifier: ExpressibleByIntegerLiteral {
  @inlinable @inline(__always)
  public init(integerLiteral value: UInt32) { self.init(value) }
}

extension Identifier: CustomStringConvertible {
  /// Hexadecimal with a `0x` prefix.
  public var description: String { hex(UInt64(rawValue)) }
}
