public import Bits

/// One entry of an MSI-X table: 16 bytes (PCI Express base specification, 7.7.2.5 to 7.7.2.8).
@frozen
public struct MSIXTableEntry: WordRecord, BitwiseCopyable {
  public var address: UInt64
  public var dataAndControl: UInt64
  /// The entry after reset: all zero but for the mask bit.
  @inlinable @inline(__always)
  public init() {
    address = 0
    dataAndControl = 1 &<< 32
  }
  @inlinable
  public init(address: IOVA, data: UInt32, masked: Bool) {
    self.address = address.rawValue
    dataAndControl = UInt64(data) | (masked ? 1 &<< 32 : 0)
  }
  @inlinable
  public static var wordCount: Int { 2 }
  /// Bytes of an entry.
  @inlinable
  public static var byteCount: UInt64 { 16 }
  @inlinable @inline(__always)
  public subscript(word index: Int) -> UInt64 {
    get { index == 0 ? address : dataAndControl }
    set { if index == 0 { address = newValue } else { dataAndControl = newValue } }
  }

  public static let fields: [FieldDescription<MSIXTableEntry>] = [
    .init("Message Address", .messageAddress), .init("Message Data", .messageData),
    .init("Mask", .mask),
  ]
}
extension BitField where Record == MSIXTableEntry, Value == UInt64 {
  /// Bytes 0 to 7; the low two bits are zero.
  @inlinable public static var messageAddress: Self { .init(word: 0, 63, 0) }
}
extension BitField where Record == MSIXTableEntry, Value == UInt32 {
  /// Bytes 8 to 11.
  @inlinable public static var messageData: Self { .init(word: 1, 31, 0) }
}
extension BitField where Record == MSIXTableEntry, Value == Bool {
  /// Vector control bit 0: the function does not send this vector's message.
  @inlinable public static var mask: Self { .init(word: 1, bit: 32) }
}

/// The message control register of an MSI-X capability, at offset 2 of the capability.
@frozen
public struct MSIXControl: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<MSIXControl>] = [
    .init("Table Size", .tableSize), .init("Function Mask", .functionMask),
    .init("MSI-X Enable", .enable),
  ]
}
extension BitField where Record == MSIXControl, Value == UInt16 {
  /// `[10:0]`: vectors minus one.
  @inlinable public static var tableSize: Self { .init(10, 0) }
}
extension BitField where Record == MSIXControl, Value == Bool {
  /// `[14]`: every vector behaves as masked.
  @inlinable public static var functionMask: Self { .init(bit: 14) }
  /// `[15]`: the function uses MSI-X.
  @inlinable public static var enable: Self { .init(bit: 15) }
}

/// The message control register of an MSI capability, at offset 2 of the capability.
@frozen
public struct MSIControl: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<MSIControl>] = [
    .init("MSI Enable", .enable), .init("Multiple Message Capable", .capable),
    .init("Multiple Message Enable", .enabledCount), .init("64-bit Address", .wideAddress),
    .init("Per-vector Masking", .vectorMasking),
  ]
}
extension BitField where Record == MSIControl, Value == Bool {
  /// `[0]`: the function uses MSI.
  @inlinable public static var enable: Self { .init(bit: 0) }
  /// `[7]`: the address has 64 bits.
  @inlinable public static var wideAddress: Self { .init(bit: 7) }
  /// `[8]`: mask and pending registers exist.
  @inlinable public static var vectorMasking: Self { .init(bit: 8) }
}
extension BitField where Record == MSIControl, Value == UInt8 {
  /// `[3:1]`: log2 of the vectors that the function asks for.
  @inlinable public static var capable: Self { .init(3, 1) }
  /// `[6:4]`: log2 of the vectors that software grants.
  @inlinable public static var enabledCount: Self { .init(6, 4) }
}
