public import ArmFormats
public import Bits

/// Offsets in the page of an interrupt file (RISC-V AIA 1.0, 3.5).
public enum InterruptFilePage {
  /// Write an identity, little-endian, to set its pending bit.
  public static let setLittleEndian: UInt64 = 0
  /// Write an identity, big-endian, to set its pending bit.
  public static let setBigEndian: UInt64 = 4
}

/// Numbers of the registers of an interrupt file behind `*iselect` and `*ireg` (RISC-V AIA 1.0,
/// 3.8).
public enum InterruptFileRegister {
  public static let eidelivery: UInt64 = 0x70
  public static let eithreshold: UInt64 = 0x72
  /// `eip0`; with XLEN 64 only even ones exist.
  public static let eip0: UInt64 = 0x80
  /// `eie0`; with XLEN 64 only even ones exist.
  public static let eie0: UInt64 = 0xc0
}

/// `*topei`: the interrupt to take next (RISC-V AIA 1.0, 3.9).
@frozen
public struct TopInterrupt: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("priority", .priority), .init("identity", .identity),
  ]
}

extension BitField where Record == TopInterrupt, Value == UInt16 {
  /// The priority: the identity again.
  @inlinable @inline(__always)
  public static var priority: Self { .init(10, 0) }

  /// The identity, 1 to 2047; 0 when no interrupt is pending and enabled.
  @inlinable @inline(__always)
  public static var identity: Self { .init(26, 16) }
}

/// The layout of a memory-resident interrupt file: 512 bytes, 32 pairs of pending and enable bits
/// of 64 identities each, little-endian (RISC-V AIA 1.0, 8.3.1).
public enum MemoryResidentFile {
  public static let size: UInt64 = 512
  /// The identities are those below this.
  public static let identities: UInt32 = 2048

  /// Where the pending bits of `identity` start in the file, in bytes.
  @inlinable @inline(__always)
  public static func pendingOffset(_ identity: UInt32) -> UInt64 {
    UInt64(identity &>> 6 & 31) &* 16
  }

  /// Where its enable bits start.
  @inlinable @inline(__always)
  public static func enableOffset(_ identity: UInt32) -> UInt64 {
    pendingOffset(identity) &+ 8
  }

  /// Its bit in both words.
  @inlinable @inline(__always)
  public static func bit(_ identity: UInt32) -> UInt64 { 1 &<< UInt64(identity & 63) }
}
