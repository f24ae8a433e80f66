public import ArmFormats
public import Bits

/// IRTE: an entry of the interrupt remapping table, remapped or posted (VT-d 4.1, 9.9 and 9.10).
@frozen
public struct InterruptEntry: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("P", .present), .init("FPD", .disablesFaults), .init("DM", .isLogical),
    .init("RH", .redirects), .init("TM", .isLevel), .init("DLM", .deliveryMode),
    .init("AVAIL", .available), .init("URG", .isUrgent), .init("IM", .isPosted),
    .init("V", .vector), .init("DST", .destination), .init("SID", .source),
    .init("SQ", .sourceQualifier), .init("SVT", .sourceValidation),
  ]

  /// The posted-interrupt descriptor of a posted entry: PDA[63:32] and PDA[31:6].
  @inlinable
  public var descriptor: UInt64 { self[word: 1] & ~lowBits(32) | (self[word: 0] &>> 38) &<< 6 }
}

extension BitField where Record == InterruptEntry, Value == Bool {
  @inlinable public static var present: Self { .init(bit: 0) }
  /// `FPD`: faults are not recorded.
  @inlinable public static var disablesFaults: Self { .init(bit: 1) }
  /// `DM`: the destination is logical.
  @inlinable public static var isLogical: Self { .init(bit: 2) }
  /// `RH`: one of several processors is chosen.
  @inlinable public static var redirects: Self { .init(bit: 3) }
  /// `TM`: level-triggered.
  @inlinable public static var isLevel: Self { .init(bit: 4) }
  /// `URG`, of a posted entry: the notification is sent at once.
  @inlinable public static var isUrgent: Self { .init(bit: 14) }
  /// `IM`: posted.
  @inlinable public static var isPosted: Self { .init(bit: 15) }
}

extension BitField where Record == InterruptEntry, Value == UInt8 {
  /// `DLM`: fixed 0, lowest priority 1, SMI 2, NMI 4, INIT 5, ExtINT 7.
  @inlinable public static var deliveryMode: Self { .init(7, 5) }
  @inlinable public static var available: Self { .init(11, 8) }
  /// `V`: the vector; of a posted entry, the guest's.
  @inlinable public static var vector: Self { .init(23, 16) }
  /// `SQ`: which bits of the function number are not compared.
  @inlinable public static var sourceQualifier: Self { .init(word: 1, 17, 16) }
  /// `SVT`: 0 no check, 1 SID and SQ, 2 a range of buses.
  @inlinable public static var sourceValidation: Self { .init(word: 1, 19, 18) }
}

extension BitField where Record == InterruptEntry, Value == UInt32 {
  /// `DST`: in xAPIC mode in bits [15:8] of the field.
  @inlinable public static var destination: Self { .init(63, 32) }
}

extension BitField where Record == InterruptEntry, Value == UInt16 {
  /// `SID`: the requester, or the first (bits [15:8]) and the last bus.
  @inlinable public static var source: Self { .init(word: 1, 15, 0) }
}

/// A posted-interrupt descriptor (VT-d 4.1, 9.11): 64 bytes, of which the first 32 are the requests.
@frozen
public struct PostedDescriptor: InlineRecord {
  public var storage: InlineArray<8, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<8, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("ON", .outstanding), .init("SN", .suppressed), .init("NV", .notificationVector),
    .init("NDST", .notificationDestination),
  ]
}

extension BitField where Record == PostedDescriptor, Value == Bool {
  /// `ON`: a notification is on its way.
  @inlinable public static var outstanding: Self { .init(word: 4, bit: 0) }
  /// `SN`: notifications of requests that are not urgent are not sent.
  @inlinable public static var suppressed: Self { .init(word: 4, bit: 1) }
}

extension BitField where Record == PostedDescriptor, Value == UInt8 {
  @inlinable public static var notificationVector: Self { .init(word: 4, 23, 16) }
}

extension BitField where Record == PostedDescriptor, Value == UInt32 {
  @inlinable public static var notificationDestination: Self { .init(word: 4, 63, 32) }
}

/// A fault recording register (VT-d 4.1, 11.4.14).
@frozen
public struct FaultRecord: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("FI", .information), .init("SID", .source), .init("T2", .type2), .init("FR", .reason),
    .init("T1", .type1), .init("F", .isValid),
  ]
}

extension BitField where Record == FaultRecord, Value == UInt64 {
  /// `FI`: the page of a DMA request; the index of an interrupt in its bits [63:48].
  @inlinable public static var information: Self { .init(63, 12) }
}

extension BitField where Record == FaultRecord, Value == UInt16 {
  @inlinable public static var source: Self { .init(word: 1, 15, 0) }
}

extension BitField where Record == FaultRecord, Value == Bool {
  @inlinable public static var type2: Self { .init(word: 1, bit: 28) }
  /// `T1`: with `T2` 0, 0 a write and 1 a read.
  @inlinable public static var type1: Self { .init(word: 1, bit: 62) }
  /// `F`: the record holds a fault; write 1 to clear.
  @inlinable public static var isValid: Self { .init(word: 1, bit: 63) }
}

extension BitField where Record == FaultRecord, Value == FaultReason {
  @inlinable public static var reason: Self { .init(word: 1, 39, 32) }
}

/// `FR`: why a request was blocked (VT-d 4.1, 5.1.4.1 and 7.1.3; names as Linux, dmar.c, has them).
@frozen
public struct FaultReason: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  // Legacy mode
  public static let rootNotPresent = Self(rawValue: 0x1)
  public static let contextNotPresent = Self(rawValue: 0x2)
  public static let contextInvalid = Self(rawValue: 0x3)
  public static let beyondWidth = Self(rawValue: 0x4)
  public static let writeNotPermitted = Self(rawValue: 0x5)
  public static let readNotPermitted = Self(rawValue: 0x6)
  public static let pagingAccess = Self(rawValue: 0x7)
  public static let rootAccess = Self(rawValue: 0x8)
  public static let contextAccess = Self(rawValue: 0x9)
  public static let rootReserved = Self(rawValue: 0xa)
  public static let contextReserved = Self(rawValue: 0xb)
  public static let pagingReserved = Self(rawValue: 0xc)

  // Interrupts
  public static let requestReserved = Self(rawValue: 0x20)
  public static let indexBeyondTable = Self(rawValue: 0x21)
  public static let entryNotPresent = Self(rawValue: 0x22)
  public static let entryAccess = Self(rawValue: 0x23)
  public static let entryReserved = Self(rawValue: 0x24)
  public static let compatibilityBlocked = Self(rawValue: 0x25)
  public static let sourceMismatch = Self(rawValue: 0x26)
  public static let descriptorAccess = Self(rawValue: 0x27)
  public static let descriptorReserved = Self(rawValue: 0x28)

  // Scalable mode
  public static let scalableRootAccess = Self(rawValue: 0x38)
  public static let scalableRootNotPresent = Self(rawValue: 0x39)
  public static let scalableRootReserved = Self(rawValue: 0x3a)
  public static let scalableContextAccess = Self(rawValue: 0x40)
  public static let scalableContextNotPresent = Self(rawValue: 0x41)
  public static let scalableContextReserved = Self(rawValue: 0x42)
  public static let requesterPASIDError = Self(rawValue: 0x48)
  public static let directoryAccess = Self(rawValue: 0x50)
  public static let directoryNotPresent = Self(rawValue: 0x51)
  public static let directoryReserved = Self(rawValue: 0x52)
  public static let pasidAccess = Self(rawValue: 0x58)
  public static let pasidNotPresent = Self(rawValue: 0x59)
  public static let pasidReserved = Self(rawValue: 0x5a)
  public static let pasidInvalid = Self(rawValue: 0x5b)
  public static let firstStageAccess = Self(rawValue: 0x70)
  public static let firstStageNotPresent = Self(rawValue: 0x71)
  public static let firstStageReserved = Self(rawValue: 0x72)
  public static let nestedRootAccess = Self(rawValue: 0x73)
  public static let nestedBeyondWidth = Self(rawValue: 0x74)
  public static let nestedRootPermission = Self(rawValue: 0x75)
  public static let nestedReadPermission = Self(rawValue: 0x76)
  public static let nestedWritePermission = Self(rawValue: 0x77)
  public static let secondStageAccess = Self(rawValue: 0x78)
  public static let secondStagePermission = Self(rawValue: 0x79)
  public static let secondStageReserved = Self(rawValue: 0x7a)
  public static let notCanonical = Self(rawValue: 0x80)
  public static let userNotPermitted = Self(rawValue: 0x81)
  public static let secondStageBeyondWidth = Self(rawValue: 0x84)
  public static let scalableWriteNotPermitted = Self(rawValue: 0x85)
  public static let scalableReadNotPermitted = Self(rawValue: 0x86)

  public var description: String {
    switch rawValue {
    case 0x1: "Present bit in root entry is clear"
    case 0x2: "Present bit in context entry is clear"
    case 0x3: "Invalid context entry"
    case 0x4: "Access beyond MGAW"
    case 0x5: "PTE Write access is not set"
    case 0x6: "PTE Read access is not set"
    case 0x7: "Next page table ptr is invalid"
    case 0x8: "Root table address invalid"
    case 0x9: "Context table ptr is invalid"
    case 0xa: "non-zero reserved fields in RTP"
    case 0xb: "non-zero reserved fields in CTP"
    case 0xc: "non-zero reserved fields in PTE"
    case 0x20: "Detected reserved fields in the decoded interrupt-remapped request"
    case 0x21: "Interrupt index exceeded the interrupt-remapping table size"
    case 0x22: "Present field in the IRTE entry is clear"
    case 0x23: "Error accessing interrupt-remapping table pointed by IRTA_REG"
    case 0x24: "Detected reserved fields in the IRTE entry"
    case 0x25: "Blocked a compatibility format interrupt request"
    case 0x26: "Blocked an interrupt request due to source-id verification failure"
    case 0x27: "Error accessing the posted-interrupt descriptor"
    case 0x28: "Detected reserved fields in the posted-interrupt descriptor"
    default: "fault reason \(hex(UInt64(rawValue)))"
    }
  }

  /// Whether it is one of interrupt remapping.
  public var isOfInterrupt: Bool { rawValue &>> 4 == 2 }
}

/// A descriptor of the invalidation queue (VT-d 4.1, 6.5.2). 16 bytes, or 32 with `IQA.DW`.
@frozen
public struct InvalidationDescriptor: InlineRecord {
  public var storage: InlineArray<4, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<4, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("type", .type), .init("granularity", .granularity), .init("DID", .domain),
    .init("IIDX", .index), .init("IM", .indexMask), .init("STATUS", .status),
    .init("ADDR", .page), .init("AM", .addressMask), .init("IH", .hint),
  ]

  /// `type[6:4]` in bits [11:9], `type[3:0]` in bits [3:0].
  @inlinable public var kind: UInt8 {
    UInt8(truncatingIfNeeded: self[word: 0] & 0xf | (self[word: 0] &>> 9 & 7) &<< 4)
  }
}

extension BitField where Record == InvalidationDescriptor, Value == UInt8 {
  @inlinable public static var type: Self { .init(3, 0) }
  @inlinable public static var granularity: Self { .init(5, 4) }
  @inlinable public static var indexMask: Self { .init(31, 27) }
  @inlinable public static var addressMask: Self { .init(word: 1, 5, 0) }
}

extension BitField where Record == InvalidationDescriptor, Value == UInt16 {
  @inlinable public static var domain: Self { .init(31, 16) }
  @inlinable public static var index: Self { .init(47, 32) }
}

extension BitField where Record == InvalidationDescriptor, Value == UInt32 {
  @inlinable public static var status: Self { .init(63, 32) }
  @inlinable public static var pasid: Self { .init(51, 32) }
}

extension BitField where Record == InvalidationDescriptor, Value == UInt64 {
  @inlinable public static var page: Self { .init(word: 1, 63, 12) }
}

extension BitField where Record == InvalidationDescriptor, Value == Bool {
  @inlinable public static var hint: Self { .init(word: 1, bit: 6) }
}
