public import Bits

// KVM's saved table format, ABI revision 0 (Linux `Documentation/virt/kvm/devices/arm-vgic-its.rst`
// and `arch/arm64/kvm/vgic/vgic-its.c`): every entry is 8 bytes.

/// A saved device table entry.
@frozen
public struct SavedDeviceEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<SavedDeviceEntry>] = [
    .init("Size", .size), .init("ITT_addr", .table), .init("Next", .next), .init("V", .valid),
  ]
}
extension BitField where Record == SavedDeviceEntry, Value == Bool {
  @inlinable public static var valid: Self { .init(bit: 63) }
}
extension BitField where Record == SavedDeviceEntry, Value == UInt16 {
  /// `[62:49]`: distance to the next valid entry; 0 for the last, at most 2^14 - 1.
  @inlinable public static var next: Self { .init(62, 49) }
}
extension BitField where Record == SavedDeviceEntry, Value == UInt64 {
  /// `[48:5]`: ITT address in units of 256 bytes.
  @inlinable public static var table: Self { .init(48, 5) }
}
extension BitField where Record == SavedDeviceEntry, Value == UInt8 {
  /// `[4:0]`: EventID bits minus one.
  @inlinable public static var size: Self { .init(4, 0) }
}

/// A saved collection table entry.
@frozen
public struct SavedCollectionEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<SavedCollectionEntry>] = [
    .init("ICID", .collectionID), .init("RDBase", .target), .init("V", .valid),
  ]
}
extension BitField where Record == SavedCollectionEntry, Value == Bool {
  @inlinable public static var valid: Self { .init(bit: 63) }
}
extension BitField where Record == SavedCollectionEntry, Value == UInt16 {
  @inlinable public static var collectionID: Self { .init(15, 0) }
}
extension BitField where Record == SavedCollectionEntry, Value == UInt64 {
  /// `[51:16]`: number of the vCPU; all ones for a collection that is not mapped.
  @inlinable public static var target: Self { .init(51, 16) }
}

/// A saved interrupt translation table entry.
@frozen
public struct SavedInterruptEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public static let fields: [FieldDescription<SavedInterruptEntry>] = [
    .init("ICID", .collectionID), .init("pINTID", .intid), .init("Next", .next),
  ]
}
extension BitField where Record == SavedInterruptEntry, Value == UInt16 {
  @inlinable public static var collectionID: Self { .init(15, 0) }
  /// `[63:48]`: distance to the next valid entry; 0 for the last, at most 2^16 - 1.
  @inlinable public static var next: Self { .init(63, 48) }
}
extension BitField where Record == SavedInterruptEntry, Value == UInt32 {
  /// `[47:16]`: the LPI; 0 where the entry is not valid.
  @inlinable public static var intid: Self { .init(47, 16) }
}
