public import ArmFormats
public import Bits

/// `ddtp`: the mode of the IOMMU and its device directory table (RISC-V IOMMU 1.0, 5.5).
@frozen
public struct DirectoryPointer: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("iommu_mode", .mode),
    .init("busy", .busy),
    .init("PPN", .page),
  ]

  /// The address of the root table.
  @inlinable @inline(__always)
  public var table: UInt64 { self[.page] &<< 12 }
}

extension BitField where Record == DirectoryPointer, Value == DirectoryMode {
  /// `iommu_mode`: off, bare, or the levels of the table.
  @inlinable @inline(__always)
  public static var mode: Self { .init(3, 0) }
}

extension BitField where Record == DirectoryPointer, Value == Bool {
  /// `busy`: a write is still at work; always 0 here.
  @inlinable @inline(__always)
  public static var busy: Self { .init(bit: 4) }
}

extension BitField where Record == DirectoryPointer, Value == UInt64 {
  /// `PPN`: page number of the root table.
  @inlinable @inline(__always)
  public static var page: Self { .init(53, 10) }
}

/// `cqb`, `fqb` and `pqb`: where a queue is (RISC-V IOMMU 1.0, 5.6).
@frozen
public struct QueueBase: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("LOG2SZ-1", .sizeBitsMinus1),
    .init("PPN", .page),
  ]

  /// The address of the first entry.
  @inlinable @inline(__always)
  public var address: UInt64 { self[.page] &<< 12 }
  /// The bits of an index: the number of entries, minus 1.
  @inlinable @inline(__always)
  public var indexMask: UInt32 { ~0 &>> (31 &- UInt32(self[.sizeBitsMinus1])) }
}

extension BitField where Record == QueueBase, Value == UInt8 {
  /// `LOG2SZ-1`: log2 of the number of entries, minus 1.
  @inlinable @inline(__always)
  public static var sizeBitsMinus1: Self { .init(4, 0) }
}

extension BitField where Record == QueueBase, Value == UInt64 {
  /// `PPN`: page number of the queue.
  @inlinable @inline(__always)
  public static var page: Self { .init(53, 10) }
}

/// `cqcsr`, `fqcsr` and `pqcsr`: control and state of a queue (RISC-V IOMMU 1.0, 5.15 to 5.17).
/// Bits [11:9] mean different things to the command queue and to the others.
@frozen
public struct QueueControl: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("en", .enable),
    .init("ie", .interruptEnable),
    .init("mf", .memoryFault),
    .init("of", .overflow),
    .init("cmd_to", .timeout),
    .init("cmd_ill", .illegal),
    .init("fence_w_ip", .fenceInterrupt),
    .init("on", .isOn),
    .init("busy", .busy),
  ]
}

extension BitField where Record == QueueControl, Value == Bool {
  /// `en`: software wants the queue on.
  @inlinable @inline(__always)
  public static var enable: Self { .init(bit: 0) }

  /// `ie`: the queue interrupts.
  @inlinable @inline(__always)
  public static var interruptEnable: Self { .init(bit: 1) }

  /// `mf`: an access to memory failed; write 1 to clear.
  @inlinable @inline(__always)
  public static var memoryFault: Self { .init(bit: 8) }

  /// `of`: a record was lost since the queue was full; write 1 to clear.
  @inlinable @inline(__always)
  public static var overflow: Self { .init(bit: 9) }

  /// `cmd_to`: a command timed out; write 1 to clear.
  @inlinable @inline(__always)
  public static var timeout: Self { .init(bit: 9) }

  /// `cmd_ill`: a command is illegal; write 1 to clear.
  @inlinable @inline(__always)
  public static var illegal: Self { .init(bit: 10) }

  /// `fence_w_ip`: an IOFENCE.C asked for a wired interrupt; write 1 to clear.
  @inlinable @inline(__always)
  public static var fenceInterrupt: Self { .init(bit: 11) }

  /// `on`: the queue is on.
  @inlinable @inline(__always)
  public static var isOn: Self { .init(bit: 16) }

  /// `busy`: a write is still at work.
  @inlinable @inline(__always)
  public static var busy: Self { .init(bit: 17) }
}

/// `fctl`: features that software chooses (RISC-V IOMMU 1.0, 5.4).
@frozen
public struct FeatureControl: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("BE", .bigEndian),
    .init("WSI", .wiredInterrupts),
    .init("GXL", .guest32),
  ]
}

extension BitField where Record == FeatureControl, Value == Bool {
  /// `BE`: the structures in memory are big-endian.
  @inlinable @inline(__always)
  public static var bigEndian: Self { .init(bit: 0) }

  /// `WSI`: interrupts are wires and not messages.
  @inlinable @inline(__always)
  public static var wiredInterrupts: Self { .init(bit: 1) }

  /// `GXL`: second-stage modes are those of 32-bit harts.
  @inlinable @inline(__always)
  public static var guest32: Self { .init(bit: 2) }
}

/// `icvec`: which vector each cause of interrupts uses (RISC-V IOMMU 1.0, 5.28).
@frozen
public struct InterruptVectors: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("civ", .command),
    .init("fiv", .fault),
    .init("pmiv", .counters),
    .init("piv", .pageRequest),
  ]
}

extension BitField where Record == InterruptVectors, Value == UInt8 {
  /// `civ`: of the command queue.
  @inlinable @inline(__always)
  public static var command: Self { .init(3, 0) }

  /// `fiv`: of the fault queue.
  @inlinable @inline(__always)
  public static var fault: Self { .init(7, 4) }

  /// `pmiv`: of the performance counters.
  @inlinable @inline(__always)
  public static var counters: Self { .init(11, 8) }

  /// `piv`: of the page request queue.
  @inlinable @inline(__always)
  public static var pageRequest: Self { .init(15, 12) }
}

/// `tr_req_ctl`: a translation that software asks for (RISC-V IOMMU 1.0, 5.25).
@frozen
public struct DebugRequest: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("Go/Busy", .go),
    .init("Priv", .isPrivileged),
    .init("Exe", .execute),
    .init("NW", .readOnly),
    .init("PID", .process),
    .init("PV", .processValid),
    .init("DID", .device),
  ]
}

extension BitField where Record == DebugRequest, Value == Bool {
  /// `Go/Busy`: write 1 to start.
  @inlinable @inline(__always)
  public static var go: Self { .init(bit: 0) }

  /// `Priv`: supervisor privilege, with `PV`.
  @inlinable @inline(__always)
  public static var isPrivileged: Self { .init(bit: 1) }

  /// `Exe`: execute permission is wanted.
  @inlinable @inline(__always)
  public static var execute: Self { .init(bit: 2) }

  /// `NW`: only read permission is wanted.
  @inlinable @inline(__always)
  public static var readOnly: Self { .init(bit: 3) }

  /// `PV`: `PID` counts.
  @inlinable @inline(__always)
  public static var processValid: Self { .init(bit: 32) }
}

extension BitField where Record == DebugRequest, Value == UInt32 {
  /// `PID`: process_id, with `PV`.
  @inlinable @inline(__always)
  public static var process: Self { .init(31, 12) }

  /// `DID`: device_id.
  @inlinable @inline(__always)
  public static var device: Self { .init(63, 40) }
}

/// `tr_response`: how that translation ended (RISC-V IOMMU 1.0, 5.26).
@frozen
public struct DebugResponse: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("fault", .fault),
    .init("PBMT", .memoryType),
    .init("S", .isRange),
    .init("PPN", .page),
  ]
}

extension BitField where Record == DebugResponse, Value == Bool {
  /// `fault`: it faulted.
  @inlinable @inline(__always)
  public static var fault: Self { .init(bit: 0) }

  /// `S`: the page is larger than 4 KiB; its size is in `PPN`.
  @inlinable @inline(__always)
  public static var isRange: Self { .init(bit: 9) }
}

extension BitField where Record == DebugResponse, Value == UInt8 {
  /// `PBMT`: the memory type.
  @inlinable @inline(__always)
  public static var memoryType: Self { .init(8, 7) }
}

extension BitField where Record == DebugResponse, Value == UInt64 {
  /// `PPN`: the page number.
  @inlinable @inline(__always)
  public static var page: Self { .init(53, 10) }
}

/// `ddtp.iommu_mode` (RISC-V IOMMU 1.0, 5.5).
@frozen
public struct DirectoryMode: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// No transactions.
  @inlinable @inline(__always)
  public static var off: Self { Self(rawValue: 0) }
  /// Untranslated transactions pass as they are.
  @inlinable @inline(__always)
  public static var bare: Self { Self(rawValue: 1) }
  @inlinable @inline(__always)
  public static var oneLevel: Self { Self(rawValue: 2) }
  @inlinable @inline(__always)
  public static var twoLevels: Self { Self(rawValue: 3) }
  @inlinable @inline(__always)
  public static var threeLevels: Self { Self(rawValue: 4) }

  /// Whether devices have contexts.
  @inlinable @inline(__always)
  public var hasDirectory: Bool { rawValue >= 2 && rawValue <= 4 }

  public var description: String {
    switch rawValue {
    case 0: "Off"
    case 1: "Bare"
    case 2...4: "\(rawValue - 1)LVL"
    default: "mode \(rawValue)"
    }
  }
}

/// Offsets of the registers in their 4 KiB page (RISC-V IOMMU 1.0, 5.1).
public enum IOMMURegister {
  public static let capabilities: UInt64 = 0
  public static let fctl: UInt64 = 8
  public static let ddtp: UInt64 = 16
  public static let cqb: UInt64 = 24
  public static let cqh: UInt64 = 32
  public static let cqt: UInt64 = 36
  public static let fqb: UInt64 = 40
  public static let fqh: UInt64 = 48
  public static let fqt: UInt64 = 52
  public static let pqb: UInt64 = 56
  public static let pqh: UInt64 = 64
  public static let pqt: UInt64 = 68
  public static let cqcsr: UInt64 = 72
  public static let fqcsr: UInt64 = 76
  public static let pqcsr: UInt64 = 80
  public static let ipsr: UInt64 = 84
  public static let trReqIOVA: UInt64 = 600
  public static let trReqControl: UInt64 = 608
  public static let trResponse: UInt64 = 616
  public static let qosid: UInt64 = 624
  public static let icvec: UInt64 = 760
  /// Entry 0 of 16, 16 bytes each: address, data, vector control.
  public static let messageTable: UInt64 = 768
}
