public import Bits

// The contents of ITS tables are the implementation's own (IHI 0069, 5.2). These are the formats
// of QEMU's ITS (`hw/intc/gicv3_internal.h`), so that an image of such a machine reads directly.

/// An entry of a level 1 table of a two-level device, collection or vPE table: 8 bytes.
@frozen
public struct ITSLevelOneEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<ITSLevelOneEntry>] = [
    .init("Address", .address), .init("Valid", .valid),
  ]

  /// The level 2 table, for pages of 2^`shift` bytes (12, 14 or 16).
  @inlinable
  public func table(pageShift shift: UInt64) -> PA {
    PA(self[.address] &<< 12).alignedDown(toBit: shift)
  }
}

extension BitField where Record == ITSLevelOneEntry, Value == Bool {
  /// `[63]`: the entry points to a level 2 table.
  @inlinable public static var valid: Self { .init(bit: 63) }
}
extension BitField where Record == ITSLevelOneEntry, Value == UInt64 {
  /// `[51:12]`: address of the level 2 table, in units of 4 KiB.
  @inlinable public static var address: Self { .init(51, 12) }
}

/// An entry of the device table: 8 bytes.
@frozen
public struct ITSDeviceEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A valid entry.
  ///
  /// - Parameters:
  ///   - eventBits: 1 to 32.
  ///   - table: the interrupt translation table, 256-byte aligned.
  @inlinable
  public init(eventBits: UInt8, table: PA) {
    rawValue = 1
    self[.size] = eventBits &- 1
    self[.table] = table.rawValue &>> 8
  }

  public static let fields: [FieldDescription<ITSDeviceEntry>] = [
    .init("Valid", .valid), .init("Size", .size), .init("ITTAddr", .table),
  ]

  /// The number of EventID bits, 1 to 32.
  @inlinable
  public var eventBits: UInt64 { UInt64(self[.size]) &+ 1 }
  /// The interrupt translation table.
  @inlinable
  public var table: PA { PA(self[.table] &<< 8) }
}

extension BitField where Record == ITSDeviceEntry, Value == Bool {
  /// `[0]`: the device is mapped.
  @inlinable public static var valid: Self { .init(bit: 0) }
}
extension BitField where Record == ITSDeviceEntry, Value == UInt8 {
  /// `[5:1]`: number of EventID bits minus one.
  @inlinable public static var size: Self { .init(5, 1) }
}
extension BitField where Record == ITSDeviceEntry, Value == UInt64 {
  /// `[49:6]`: address of the interrupt translation table, in units of 256 bytes.
  @inlinable public static var table: Self { .init(49, 6) }
}

/// An entry of the collection table: 8 bytes.
@frozen
public struct ITSCollectionEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// A valid entry for redistributor `target`.
  @inlinable
  public init(target: UInt16) { rawValue = 1 | UInt64(target) &<< 1 }

  public static let fields: [FieldDescription<ITSCollectionEntry>] = [
    .init("Valid", .valid), .init("RDbase", .target),
  ]
}

extension BitField where Record == ITSCollectionEntry, Value == Bool {
  /// `[0]`: the collection is mapped.
  @inlinable public static var valid: Self { .init(bit: 0) }
}
extension BitField where Record == ITSCollectionEntry, Value == UInt16 {
  /// `[16:1]`: the processor number of the redistributor.
  @inlinable public static var target: Self { .init(16, 1) }
}

/// An entry of an interrupt translation table: 12 bytes, the low 32 bits of word 1 last.
@frozen
public struct ITSInterruptEntry: WordRecord, BitwiseCopyable {
  public var low: UInt64
  public var high: UInt64
  @inlinable @inline(__always)
  public init() {
    low = 0
    high = 0
  }
  @inlinable @inline(__always)
  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }
  @inlinable
  public static var wordCount: Int { 2 }
  /// Bytes of an entry in memory.
  @inlinable
  public static var byteCount: UInt64 { 12 }
  @inlinable @inline(__always)
  public subscript(word index: Int) -> UInt64 {
    get { index == 0 ? low : high }
    set { if index == 0 { low = newValue } else { high = newValue } }
  }

  /// A valid entry for a physical LPI.
  @inlinable
  public init(lpi: UInt32, collection: UInt16) {
    low = 3 | UInt64(lpi & 0xff_ffff) &<< 2 | UInt64(collection) &<< 32
    high = 1023
  }

  /// A valid entry for a virtual LPI.
  @inlinable
  public init(virtualLPI: UInt32, virtualPE: UInt16, doorbell: UInt32) {
    low = 1 | UInt64(virtualLPI & 0xff_ffff) &<< 2 | UInt64(virtualPE) &<< 48
    high = UInt64(doorbell & 0xff_ffff)
  }

  public static let fields: [FieldDescription<ITSInterruptEntry>] = [
    .init("Valid", .valid), .init("Physical", .physical), .init("INTID", .intid),
    .init("ICID", .collectionID), .init("vPEID", .virtualPE), .init("Doorbell", .doorbell),
  ]
}

extension BitField where Record == ITSInterruptEntry, Value == Bool {
  /// `[0]`: the event is mapped.
  @inlinable public static var valid: Self { .init(bit: 0) }
  /// `[1]`: a physical LPI rather than a virtual one.
  @inlinable public static var physical: Self { .init(bit: 1) }
}
extension BitField where Record == ITSInterruptEntry, Value == UInt32 {
  /// `[25:2]`: the LPI or virtual LPI.
  @inlinable public static var intid: Self { .init(25, 2) }
  /// `[87:64]`: virtual: the doorbell LPI; 1023 for none.
  @inlinable public static var doorbell: Self { .init(word: 1, 23, 0) }
}
extension BitField where Record == ITSInterruptEntry, Value == UInt16 {
  /// `[47:32]`: physical: the collection.
  @inlinable public static var collectionID: Self { .init(47, 32) }
  /// `[63:48]`: virtual: the vPE.
  @inlinable public static var virtualPE: Self { .init(63, 48) }
}

/// An entry of the vPE table: 8 bytes in GICv4.0, 32 bytes in GICv4.1.
///
/// Word 0 is QEMU's format. Words 1 to 3 are this model's own: what VMAPP carries since v4.1.
@frozen
public struct ITSVirtualPEEntry: InlineRecord {
  public var storage: InlineArray<4, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<4, UInt64>) { self.storage = storage }
  public static let fields: [FieldDescription<ITSVirtualPEEntry>] = [
    .init("Valid", .valid), .init("VPTSize", .tableSize), .init("VPTAddr", .table),
    .init("RDbase", .target), .init("DefaultDoorbell", .defaultDoorbell),
    .init("VCONFAddr", .configuration),
  ]

  /// The virtual pending table, 64 KiB aligned.
  @inlinable
  public var table: PA { PA(self[.table] &<< 16) }
  /// v4.1: the virtual configuration table, 64 KiB aligned.
  @inlinable
  public var configuration: PA { PA(self[.configuration] &<< 16) }
}

extension BitField where Record == ITSVirtualPEEntry, Value == Bool {
  /// `[0]`: the vPE is mapped.
  @inlinable public static var valid: Self { .init(bit: 0) }
}
extension BitField where Record == ITSVirtualPEEntry, Value == UInt8 {
  /// `[5:1]`: number of vINTID bits minus one.
  @inlinable public static var tableSize: Self { .init(5, 1) }
}
extension BitField where Record == ITSVirtualPEEntry, Value == UInt16 {
  /// `[57:42]`: the processor number of the redistributor.
  @inlinable public static var target: Self { .init(57, 42) }
}
extension BitField where Record == ITSVirtualPEEntry, Value == UInt64 {
  /// `[41:6]`: address of the virtual pending table, in units of 64 KiB.
  @inlinable public static var table: Self { .init(41, 6) }
  /// `[163:128]`: v4.1: address of the virtual configuration table, in units of 64 KiB.
  @inlinable public static var configuration: Self { .init(word: 2, 35, 0) }
}
extension BitField where Record == ITSVirtualPEEntry, Value == UInt32 {
  /// `[95:64]`: v4.1: the default doorbell LPI.
  @inlinable public static var defaultDoorbell: Self { .init(word: 1, 31, 0) }
}
