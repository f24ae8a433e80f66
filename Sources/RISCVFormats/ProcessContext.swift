public import ArmFormats
public import Bits

/// PC: the first stage of one process of a device (RISC-V IOMMU 1.0, 2.2.2). 16 bytes.
@frozen
public struct ProcessContext: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("ta.V", .valid),
    .init("ta.ENS", .enablesSupervisor),
    .init("ta.SUM", .permitsUserMemory),
    .init("ta.PSCID", .processSoftContext),
    .init("fsc.PPN", .firstStagePage),
    .init("fsc.MODE", .firstStageMode),
  ]

  /// The address of the first-stage root table: a GPA where the second stage translates.
  @inlinable @inline(__always)
  public var firstStageTable: UInt64 { self[.firstStagePage] &<< 12 }

  /// Whether a bit that is reserved for future standard use is set.
  @inlinable @inline(__always)
  public var hasReservedBits: Bool {
    self[word: 0] & 0xffff_ffff_0000_0ff8 != 0 || self[word: 1] & 0x0fff_f000_0000_0000 != 0
  }
}

extension BitField where Record == ProcessContext, Value == Bool {
  /// `ta.V`: the context is valid.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }

  /// `ta.ENS`: requests with supervisor privilege are allowed.
  @inlinable @inline(__always)
  public static var enablesSupervisor: Self { .init(bit: 1) }

  /// `ta.SUM`: supervisor requests may use pages with U=1, save for execution.
  @inlinable @inline(__always)
  public static var permitsUserMemory: Self { .init(bit: 2) }
}

extension BitField where Record == ProcessContext, Value == UInt32 {
  /// `ta.PSCID`: PSCID, which tags cached translations.
  @inlinable @inline(__always)
  public static var processSoftContext: Self { .init(31, 12) }
}

extension BitField where Record == ProcessContext, Value == UInt64 {
  /// `fsc.PPN`: page number of the first-stage root table.
  @inlinable @inline(__always)
  public static var firstStagePage: Self { .init(word: 1, 43, 0) }
}

extension BitField where Record == ProcessContext, Value == FirstStageMode {
  /// `fsc.MODE`: the first-stage scheme.
  @inlinable @inline(__always)
  public static var firstStageMode: Self { .init(word: 1, 63, 60) }
}
