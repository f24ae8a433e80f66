public import ArmFormats
public import Bits

/// DTE: what the IOMMU does with one function (AMD I/O Virtualization 3.08, 2.2.2). 32 bytes.
@frozen
public struct DeviceTableEntry: InlineRecord {
  public var storage: InlineArray<4, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<4, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("V", .valid), .init("TV", .translates), .init("Mode", .mode), .init("HPTRP", .table),
    .init("GV", .guestValid), .init("GLX", .guestLevels), .init("GCR3[14:12]", .guestTableLow),
    .init("IR", .reads), .init("IW", .writes), .init("DomainID", .domain),
    .init("GCR3[30:15]", .guestTableMiddle), .init("SE", .suppressesEvents),
    .init("SA", .suppressesAllEvents), .init("GCR3[51:31]", .guestTableHigh),
    .init("IV", .interruptValid), .init("IntTabLen", .interruptTableLength),
    .init("IG", .ignoresUnmapped), .init("IntTblPtr", .interruptTable),
    .init("InitPass", .passesINIT), .init("EIntPass", .passesExtINT), .init("NMIPass", .passesNMI),
    .init("IntCtl", .interruptControl), .init("Lint0Pass", .passesLINT0),
    .init("Lint1Pass", .passesLINT1),
  ]

  /// The guest CR3 table.
  @inlinable
  public var guestTable: UInt64 {
    self[.guestTableLow] &<< 12 | self[.guestTableMiddle] &<< 15 | self[.guestTableHigh] &<< 31
  }
}

extension BitField where Record == DeviceTableEntry, Value == Bool {
  @inlinable public static var valid: Self { .init(bit: 0) }
  /// `TV`: mode, table and permissions are valid.
  @inlinable public static var translates: Self { .init(bit: 1) }
  /// `GV`: requests with a PASID use the guest's tables.
  @inlinable public static var guestValid: Self { .init(bit: 55) }
  /// `IR`: reads are allowed.
  @inlinable public static var reads: Self { .init(bit: 61) }
  /// `IW`: writes are allowed.
  @inlinable public static var writes: Self { .init(bit: 62) }
  /// `SE`: one page fault is logged, and no more.
  @inlinable public static var suppressesEvents: Self { .init(word: 1, bit: 33) }
  /// `SA`: no page fault is logged.
  @inlinable public static var suppressesAllEvents: Self { .init(word: 1, bit: 34) }
  /// `IV`: the interrupt fields are valid.
  @inlinable public static var interruptValid: Self { .init(word: 2, bit: 0) }
  /// `IG`: interrupts that are not mapped are not logged.
  @inlinable public static var ignoresUnmapped: Self { .init(word: 2, bit: 5) }
  @inlinable public static var passesINIT: Self { .init(word: 2, bit: 56) }
  @inlinable public static var passesExtINT: Self { .init(word: 2, bit: 57) }
  @inlinable public static var passesNMI: Self { .init(word: 2, bit: 58) }
  @inlinable public static var passesLINT0: Self { .init(word: 2, bit: 62) }
  @inlinable public static var passesLINT1: Self { .init(word: 2, bit: 63) }
}

extension BitField where Record == DeviceTableEntry, Value == UInt8 {
  /// `Mode`: levels of the host table, 0 none, 7 reserved.
  @inlinable public static var mode: Self { .init(11, 9) }
  /// `GLX`: levels of the guest CR3 table, minus 1.
  @inlinable public static var guestLevels: Self { .init(57, 56) }
  /// `IntTabLen`: log2 of the entries of the interrupt table, to 11.
  @inlinable public static var interruptTableLength: Self { .init(word: 2, 4, 1) }
  /// `IntCtl`: of fixed and arbitrated interrupts: 0 abort, 1 pass, 2 remap, 3 reserved.
  @inlinable public static var interruptControl: Self { .init(word: 2, 61, 60) }
}

extension BitField where Record == DeviceTableEntry, Value == UInt64 {
  /// `HPTRP`: page number of the host root table.
  @inlinable public static var table: Self { .init(51, 12) }
  @inlinable public static var guestTableLow: Self { .init(60, 58) }
  @inlinable public static var guestTableMiddle: Self { .init(word: 1, 31, 16) }
  @inlinable public static var guestTableHigh: Self { .init(word: 1, 63, 43) }
  /// `IntTblPtr`: address bits [51:6] of the interrupt table.
  @inlinable public static var interruptTable: Self { .init(word: 2, 51, 6) }
}

extension BitField where Record == DeviceTableEntry, Value == UInt16 {
  /// `DomainID`, which tags cached translations.
  @inlinable public static var domain: Self { .init(word: 1, 15, 0) }
}

/// An entry of a host page table (2.2.3).
@frozen
public struct HostTableEntry: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("PR", .present), .init("NextLevel", .nextLevel), .init("Address", .page),
    .init("IR", .reads), .init("IW", .writes),
  ]

  @inlinable public var address: UInt64 { self[.page] &<< 12 }
}

extension BitField where Record == HostTableEntry, Value == Bool {
  @inlinable public static var present: Self { .init(bit: 0) }
  @inlinable public static var reads: Self { .init(bit: 61) }
  @inlinable public static var writes: Self { .init(bit: 62) }
}

extension BitField where Record == HostTableEntry, Value == UInt8 {
  /// `NextLevel`: 0 a page of the level's size, 7 a page whose size the address gives.
  @inlinable public static var nextLevel: Self { .init(11, 9) }
}

extension BitField where Record == HostTableEntry, Value == UInt64 {
  @inlinable public static var page: Self { .init(51, 12) }
}

/// IRTE in its 32-bit format, in the low half of the word (2.2.5.1), or with `CONTROL.GAEn` in its 128-bit
/// format (2.2.5.2).
@frozen
public struct InterruptTableEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("RemapEn", .isEnabled), .init("SupIOPF", .suppressesEvents), .init("IntType", .type),
    .init("RqEoi", .requestsEOI), .init("DM", .isLogical), .init("GuestMode", .isOfGuest),
    .init("Destination[23:0]", .destinationLow), .init("GATag", .tag),
    .init("Vector", .wideVector), .init("GATableRoot", .guestPage),
    .init("Destination[31:24]", .destinationHigh),
  ]
}

extension BitField where Record == InterruptTableEntry, Value == Bool {
  @inlinable public static var isEnabled: Self { .init(bit: 0) }
  /// `SupIOPF`: an interrupt that is blocked is not logged.
  @inlinable public static var suppressesEvents: Self { .init(bit: 1) }
  @inlinable public static var requestsEOI: Self { .init(bit: 5) }
  /// `DM`; of a guest's entry `IsRun`.
  @inlinable public static var isLogical: Self { .init(bit: 6) }
  /// `GuestMode`.
  @inlinable public static var isOfGuest: Self { .init(bit: 7) }
  /// `GALogIntr`, of a guest's entry.
  @inlinable public static var logs: Self { .init(bit: 2) }
}

extension BitField where Record == InterruptTableEntry, Value == UInt8 {
  /// `IntType`: 0 fixed, 1 arbitrated.
  @inlinable public static var type: Self { .init(4, 2) }
  /// `Vector` of the 32-bit format.
  @inlinable public static var vector: Self { .init(23, 16) }
  /// `Vector` of the 128-bit format.
  @inlinable public static var wideVector: Self { .init(word: 1, 7, 0) }
}

extension BitField where Record == InterruptTableEntry, Value == UInt32 {
  @inlinable public static var destinationLow: Self { .init(31, 8) }
  @inlinable public static var destinationHigh: Self { .init(word: 1, 63, 56) }
  /// `GATag`, of a guest's entry.
  @inlinable public static var tag: Self { .init(63, 32) }
}

extension BitField where Record == InterruptTableEntry, Value == UInt64 {
  /// `GATableRoot`: page number of the guest's virtual APIC, of a guest's entry.
  @inlinable public static var guestPage: Self { .init(word: 1, 51, 12) }
}

/// An entry of the event log (2.5).
@frozen
public struct EventLogEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("DeviceID", .device), .init("DomainID", .domain), .init("I", .isInterrupt),
    .init("PR", .isPresent), .init("RW", .isWrite), .init("TR", .isTranslation),
    .init("EventCode", .code), .init("Address", .address),
  ]
}

extension BitField where Record == EventLogEntry, Value == UInt16 {
  @inlinable public static var device: Self { .init(15, 0) }
  @inlinable public static var domain: Self { .init(47, 32) }
}

extension BitField where Record == EventLogEntry, Value == Bool {
  /// `I`: of an interrupt request.
  @inlinable public static var isInterrupt: Self { .init(bit: 51) }
  /// `PR`: the entry is present, and does not allow it.
  @inlinable public static var isPresent: Self { .init(bit: 52) }
  @inlinable public static var isWrite: Self { .init(bit: 53) }
  @inlinable public static var isTranslation: Self { .init(bit: 56) }
}

extension BitField where Record == EventLogEntry, Value == EventCode {
  @inlinable public static var code: Self { .init(63, 60) }
}

extension BitField where Record == EventLogEntry, Value == UInt64 {
  @inlinable public static var address: Self { .init(word: 1, 63, 0) }
}

/// `EventCode` (2.5.1).
@frozen
public struct EventCode: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let illegalDeviceEntry = Self(rawValue: 1)
  public static let pageFault = Self(rawValue: 2)
  public static let deviceTableError = Self(rawValue: 3)
  public static let pageTableError = Self(rawValue: 4)
  public static let illegalCommand = Self(rawValue: 5)
  public static let commandError = Self(rawValue: 6)

  public var description: String {
    switch rawValue {
    case 1: "ILLEGAL_DEV_TABLE_ENTRY"
    case 2: "IO_PAGE_FAULT"
    case 3: "DEV_TAB_HARDWARE_ERROR"
    case 4: "PAGE_TAB_HARDWARE_ERROR"
    case 5: "ILLEGAL_COMMAND_ERROR"
    case 6: "COMMAND_HARDWARE_ERROR"
    case 7: "IOTLB_INV_TIMEOUT"
    case 8: "INVALID_DEVICE_REQUEST"
    case 9: "INVALID_PPR_REQUEST"
    default: "event \(rawValue)"
    }
  }
}
