public import Bits

/// A command of the SMMU's Command queue (IHI 0070, chapter 4). 16 bytes.
///
/// Fields beyond the opcode depend on the command: `layout` names those of a command.
@frozen
public struct SMMUCommand: InlineRecord {
  public var storage: InlineArray<2, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<2, UInt64>) { self.storage = storage }

  /// A command with `opcode` and nothing else.
  @inlinable
  public init(_ opcode: SMMUOpcode) {
    self.init()
    self[.opcode] = opcode
  }

  /// The fields of every command.
  public static let fields: [FieldDescription<Self>] = [
    .init("Opcode", .opcode), .init("SSec", .secure),
  ]

  /// The address of a TLB or ATC invalidation.
  @inlinable
  public var address: UInt64 { self[.page] &<< 12 }
  /// The address of a SYNC's message.
  @inlinable
  public var messageAddress: UInt64 { self[.messagePointer] &<< 2 }

  /// The fields that this command defines, in the manual's order.
  public var layout: [FieldDescription<Self>] {
    Self.fields + (Self.operands[self[.opcode].rawValue] ?? [])
  }

  /// Whether a bit is set that no field of the command has.
  public var hasUnnamedBits: Bool {
    let fields = layout
    return (0..<Self.wordCount).contains { word in
      let named = fields.filter { $0.word == word }.reduce(0) { $0 | $1.mask }
      return self[word: word] & ~named != 0
    }
  }

  private static let operands: [UInt8: [FieldDescription<Self>]] = {
    let stream: [FieldDescription<Self>] = [.init("StreamID", .stream)]
    let substream: [FieldDescription<Self>] = [
      .init("SSV", .substreamValid), .init("SubstreamID", .substream), .init("StreamID", .stream),
    ]
    let leaf: [FieldDescription<Self>] = [.init("Leaf", .leaf)]
    let range: [FieldDescription<Self>] = [.init("NUM", .rangeCount), .init("SCALE", .rangeScale)]
    let vmid: [FieldDescription<Self>] = [.init("VMID", .vmid)]
    let asid: [FieldDescription<Self>] = [.init("ASID", .asid)]
    let address: [FieldDescription<Self>] = [
      .init("Leaf", .leaf), .init("TTL", .level), .init("TG", .granule), .init("Address", .page),
    ]
    return [
      0x01: substream, 0x02: substream + [.init("Address", .page)],
      0x03: stream + leaf, 0x04: stream + [.init("Range", .streamRange)],
      0x05: substream + leaf, 0x06: stream,
      0x10: vmid, 0x11: vmid + asid, 0x12: range + vmid + asid + address,
      0x13: range + vmid + address, 0x20: [], 0x21: asid, 0x22: range + asid + address,
      0x23: range + address, 0x28: vmid, 0x2a: range + vmid + address, 0x30: [],
      0x40: substream + [.init("G", .global), .init("Size", .size), .init("Address", .page)],
      0x41: substream + [.init("PRGIndex", .groupIndex), .init("Resp", .pageResponse)],
      0x44: stream + [
        .init("Ac", .resumeRetry), .init("Ab", .resumeAbort), .init("STAG", .stallTag),
      ],
      0x45: stream,
      0x46: [
        .init("CS", .completion), .init("MSH", .messageShareability),
        .init("MSIAttr", .messageAttributes), .init("MSIData", .messageData),
        .init("MSIAddress", .messagePointer),
      ],
    ]
  }()
}

/// The opcode of a command (IHI 0070, 4.1.3).
@frozen
public struct SMMUOpcode: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// CMD_PREFETCH_CONFIG.
  @inlinable @inline(__always)
  public static var prefetchConfiguration: Self { Self(rawValue: 0x01) }
  /// CMD_PREFETCH_ADDR.
  @inlinable @inline(__always)
  public static var prefetchAddress: Self { Self(rawValue: 0x02) }
  /// CMD_CFGI_STE.
  @inlinable @inline(__always)
  public static var invalidateStream: Self { Self(rawValue: 0x03) }
  /// CMD_CFGI_STE_RANGE; with range 31 it is CMD_CFGI_ALL.
  @inlinable @inline(__always)
  public static var invalidateStreamRange: Self { Self(rawValue: 0x04) }
  /// CMD_CFGI_CD.
  @inlinable @inline(__always)
  public static var invalidateContext: Self { Self(rawValue: 0x05) }
  /// CMD_CFGI_CD_ALL.
  @inlinable @inline(__always)
  public static var invalidateContexts: Self { Self(rawValue: 0x06) }
  /// CMD_TLBI_NH_ALL.
  @inlinable @inline(__always)
  public static var tlbiNHAll: Self { Self(rawValue: 0x10) }
  /// CMD_TLBI_NH_ASID.
  @inlinable @inline(__always)
  public static var tlbiNHASID: Self { Self(rawValue: 0x11) }
  /// CMD_TLBI_NH_VA.
  @inlinable @inline(__always)
  public static var tlbiNHVA: Self { Self(rawValue: 0x12) }
  /// CMD_TLBI_NH_VAA.
  @inlinable @inline(__always)
  public static var tlbiNHVAA: Self { Self(rawValue: 0x13) }
  /// CMD_TLBI_EL2_ALL.
  @inlinable @inline(__always)
  public static var tlbiEL2All: Self { Self(rawValue: 0x20) }
  /// CMD_TLBI_EL2_ASID.
  @inlinable @inline(__always)
  public static var tlbiEL2ASID: Self { Self(rawValue: 0x21) }
  /// CMD_TLBI_EL2_VA.
  @inlinable @inline(__always)
  public static var tlbiEL2VA: Self { Self(rawValue: 0x22) }
  /// CMD_TLBI_EL2_VAA.
  @inlinable @inline(__always)
  public static var tlbiEL2VAA: Self { Self(rawValue: 0x23) }
  /// CMD_TLBI_S12_VMALL.
  @inlinable @inline(__always)
  public static var tlbiS12VMAll: Self { Self(rawValue: 0x28) }
  /// CMD_TLBI_S2_IPA.
  @inlinable @inline(__always)
  public static var tlbiS2IPA: Self { Self(rawValue: 0x2a) }
  /// CMD_TLBI_NSNH_ALL.
  @inlinable @inline(__always)
  public static var tlbiNSNHAll: Self { Self(rawValue: 0x30) }
  /// CMD_ATC_INV.
  @inlinable @inline(__always)
  public static var invalidateDevice: Self { Self(rawValue: 0x40) }
  /// CMD_PRI_RESP.
  @inlinable @inline(__always)
  public static var pageResponse: Self { Self(rawValue: 0x41) }
  /// CMD_RESUME.
  @inlinable @inline(__always)
  public static var resume: Self { Self(rawValue: 0x44) }
  /// CMD_STALL_TERM.
  @inlinable @inline(__always)
  public static var terminateStalls: Self { Self(rawValue: 0x45) }
  /// CMD_SYNC.
  @inlinable @inline(__always)
  public static var sync: Self { Self(rawValue: 0x46) }

  /// The manual's name; `unknown` with the number for any other.
  public var description: String {
    Self.names[rawValue] ?? "unknown command \(hex(UInt64(rawValue)))"
  }

  private static let names: [UInt8: String] = [
    0x01: "CMD_PREFETCH_CONFIG", 0x02: "CMD_PREFETCH_ADDR", 0x03: "CMD_CFGI_STE",
    0x04: "CMD_CFGI_STE_RANGE", 0x05: "CMD_CFGI_CD", 0x06: "CMD_CFGI_CD_ALL",
    0x10: "CMD_TLBI_NH_ALL", 0x11: "CMD_TLBI_NH_ASID", 0x12: "CMD_TLBI_NH_VA",
    0x13: "CMD_TLBI_NH_VAA", 0x18: "CMD_TLBI_EL3_ALL", 0x1a: "CMD_TLBI_EL3_VA",
    0x20: "CMD_TLBI_EL2_ALL", 0x21: "CMD_TLBI_EL2_ASID", 0x22: "CMD_TLBI_EL2_VA",
    0x23: "CMD_TLBI_EL2_VAA", 0x28: "CMD_TLBI_S12_VMALL", 0x2a: "CMD_TLBI_S2_IPA",
    0x30: "CMD_TLBI_NSNH_ALL", 0x40: "CMD_ATC_INV", 0x41: "CMD_PRI_RESP", 0x44: "CMD_RESUME",
    0x45: "CMD_STALL_TERM", 0x46: "CMD_SYNC",
  ]
}

/// `CMDQ_CONS.ERR`: why the queue stopped (IHI 0070, 7.1).
@frozen
public enum CommandError: UInt8, Sendable, Hashable {
  case none = 0
  /// CERROR_ILL: the command at CONS is illegal.
  case illegal = 1
  /// CERROR_ABT: fetching the command aborted.
  case abort = 2
  /// CERROR_ATC_INV_SYNC: a device did not complete an invalidation in time.
  case deviceTimeout = 3
}
