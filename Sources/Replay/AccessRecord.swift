internal import Bits

/// Record of the trace between two accesses: the look-up and the walk of the access that follows.
struct AccessRecord {
  var streamTable: StreamTableRead?
  var streamEntry: UInt64?
  var context: UInt64?
  /// Address that stage 2 translated for the CD, and for each of its tables.
  var contextInput: UInt64?
  var tables: [(table: ContextTable, input: UInt64)] = []
  var outputBits: UInt64?
  var fetches: [DescriptorFetch] = []
  /// Of the translation, as the TLB knows them.
  var asid: UInt64?
  var vmid: UInt64?
  /// The last address that stage 2 was asked for.
  private var lastInput: UInt64?
  /// An access that QEMU's log gives up before it walks makes no more than this.
  private static let limit = 256

  var isEmpty: Bool { streamEntry == nil && fetches.isEmpty && asid == nil && vmid == nil }
  /// Whether stage 2 worked for anything.
  var usesStage2: Bool { vmid != nil && fetches.contains { $0.stage == 2 } || lastInput != nil }

  mutating func take(_ event: TraceEvent) {
    switch event {
    case .streamTable(let read): streamTable = read
    case .streamEntry(let address): streamEntry = address
    case .context(let address): (context, lastInput) = (address, nil)
    case .contextOutput(let bits): (outputBits, contextInput, lastInput) = (bits, lastInput, nil)
    case .contextTable(let table):
      if tables.count < 2 { tables.append((table, lastInput ?? table.table)) }
      lastInput = nil
    case .descriptor(let fetch):
      if fetches.count < Self.limit { fetches.append(fetch) }
      if fetch.stage == 2 { lastInput = fetch.input }
    case .cacheHit(let asid, let vmid, let address), .cacheInsert(let asid, let vmid, let address):
      note(asid, vmid, address)
    default: break
    }
  }

  private mutating func note(_ asid: UInt64, _ vmid: UInt64, _ address: UInt64) {
    self.vmid = vmid
    // Without an ASID it is an entry of stage 2.
    if asid == ~0 { lastInput = address } else { self.asid = asid }
  }
}

/// Facts about the stage 2 of a VMID.
struct StageTwoFacts: Equatable {
  var table: UInt64
  var level: UInt64
  var granuleBits: UInt64

  /// The facts that the first fetch of a walk gives; `nil` when no granule has such a level.
  init?(_ fetch: DescriptorFetch) {
    guard fetch.level <= 3 else { return nil }
    let above = 3 - fetch.level
    let granules: [UInt64] = [12, 14, 16]
    guard let bits = granules.first(where: { $0 + above * ($0 - 3) == fetch.entryBits })
    else { return nil }
    (table, level, granuleBits) = (fetch.base, fetch.level, bits)
  }

  /// The largest input that the start level allows without concatenated tables, at most the
  /// 44 bits of QEMU's SMMU: `S2T0SZ` itself is in no trace.
  var inputBits: UInt64 {
    min(44, granuleBits + (3 - level) * (granuleBits - 3) + granuleBits - 3)
  }

  /// `S2SL0` (IHI 0070, 5.2).
  var startField: UInt8 {
    UInt8((granuleBits == 12 ? 2 : 3) &- min(level, 2 + (granuleBits == 12 ? 0 : 1)))
  }
  /// `S2TG`, and `TG0` of a CD.
  var granuleField: UInt8 { Self.field(granuleBits) }

  static func field(_ granuleBits: UInt64) -> UInt8 {
    switch granuleBits {
    case 14: 2
    case 16: 1
    default: 0
    }
  }
}
