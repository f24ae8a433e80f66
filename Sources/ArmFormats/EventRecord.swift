public import Bits

/// A record of the Event queue (IHI 0070, 7.3). 32 bytes.
///
/// Fields beyond the first 64 bits depend on the type: `layout` names those of a record.
@frozen
public struct EventRecord: InlineRecord {
  public var storage: InlineArray<4, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<4, UInt64>) { self.storage = storage }

  /// The fields of a translation-related fault, which are a superset of most others.
  public static let fields: [FieldDescription<Self>] =
    header + [
      .init("STAG", .stallTag), .init("Stall", .stall), .init("PnU", .privileged),
      .init("InD", .instruction), .init("RnW", .read), .init("NSIPA", .nonSecureIPA),
      .init("S2", .stage2), .init("CLASS", .faultClass), .init("TTRnW", .tableRead),
      .init("InputAddr", .inputAddress), .init("IPA", .ipa),
    ]

  private static let header: [FieldDescription<Self>] = [
    .init("Type", .kind), .init("SSV", .substreamValid), .init("SubstreamID", .substream),
    .init("StreamID", .stream),
  ]

  /// The fields that this record's type defines, in the manual's order.
  public var layout: [FieldDescription<Self>] {
    switch self[.kind] {
    case .translation, .addressSize, .access, .permission: Self.fields
    case .walkAbort:
      Self.header + [
        .init("Reason", .reason), .init("PnU", .privileged), .init("InD", .instruction),
        .init("RnW", .read), .init("S2", .stage2), .init("CLASS", .faultClass),
        .init("InputAddr", .inputAddress), .init("FetchAddr", .fetchAddress),
      ]
    case .streamEntryFetch, .contextFetch, .machineStructureFetch:
      Self.header + [.init("Reason", .reason), .init("FetchAddr", .fetchAddress)]
    case .unsupportedTransaction, .translationForbidden, .cacheConflict:
      Self.header + [
        .init("Reason", .reason), .init("PnU", .privileged), .init("InD", .instruction),
        .init("RnW", .read), .init("InputAddr", .inputAddress),
      ]
    case .badTranslationRequest:
      Self.header + [
        .init("Span", .requestSpan), .init("R", .requestRead), .init("W", .requestWrite),
        .init("X", .requestExecute), .init("PRIV", .requestPrivileged),
        .init("InputAddr", .inputAddress),
      ]
    default: Self.header
    }
  }
}

/// The type of an event record (IHI 0070, 7.3).
@frozen
public struct EventKind: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// F_UUT.
  @inlinable @inline(__always)
  public static var unsupportedTransaction: Self { Self(rawValue: 0x01) }
  /// C_BAD_STREAMID.
  @inlinable @inline(__always)
  public static var badStreamID: Self { Self(rawValue: 0x02) }
  /// F_STE_FETCH.
  @inlinable @inline(__always)
  public static var streamEntryFetch: Self { Self(rawValue: 0x03) }
  /// C_BAD_STE.
  @inlinable @inline(__always)
  public static var badStreamEntry: Self { Self(rawValue: 0x04) }
  /// F_BAD_ATS_TREQ.
  @inlinable @inline(__always)
  public static var badTranslationRequest: Self { Self(rawValue: 0x05) }
  /// F_STREAM_DISABLED.
  @inlinable @inline(__always)
  public static var streamDisabled: Self { Self(rawValue: 0x06) }
  /// F_TRANSL_FORBIDDEN.
  @inlinable @inline(__always)
  public static var translationForbidden: Self { Self(rawValue: 0x07) }
  /// C_BAD_SUBSTREAMID.
  @inlinable @inline(__always)
  public static var badSubstreamID: Self { Self(rawValue: 0x08) }
  /// F_CD_FETCH.
  @inlinable @inline(__always)
  public static var contextFetch: Self { Self(rawValue: 0x09) }
  /// C_BAD_CD.
  @inlinable @inline(__always)
  public static var badContext: Self { Self(rawValue: 0x0a) }
  /// F_WALK_EABT.
  @inlinable @inline(__always)
  public static var walkAbort: Self { Self(rawValue: 0x0b) }
  /// F_TRANSLATION.
  @inlinable @inline(__always)
  public static var translation: Self { Self(rawValue: 0x10) }
  /// F_ADDR_SIZE.
  @inlinable @inline(__always)
  public static var addressSize: Self { Self(rawValue: 0x11) }
  /// F_ACCESS.
  @inlinable @inline(__always)
  public static var access: Self { Self(rawValue: 0x12) }
  /// F_PERMISSION.
  @inlinable @inline(__always)
  public static var permission: Self { Self(rawValue: 0x13) }
  /// F_TLB_CONFLICT.
  @inlinable @inline(__always)
  public static var cacheConflict: Self { Self(rawValue: 0x20) }
  /// F_CFG_CONFLICT.
  @inlinable @inline(__always)
  public static var configurationConflict: Self { Self(rawValue: 0x21) }
  /// E_PAGE_REQUEST.
  @inlinable @inline(__always)
  public static var pageRequest: Self { Self(rawValue: 0x24) }
  /// F_VMS_FETCH.
  @inlinable @inline(__always)
  public static var machineStructureFetch: Self { Self(rawValue: 0x25) }

  /// Whether it is one of the four translation-related faults that `R` suppresses and `S` stalls.
  @inlinable @inline(__always)
  public var isTranslationRelated: Bool { rawValue & 0xfc == 0x10 }

  /// The manual's name; `unknown` with the number for any other.
  public var description: String {
    Self.names[rawValue] ?? "unknown event \(hex(UInt64(rawValue)))"
  }

  private static let names: [UInt8: String] = [
    0x01: "F_UUT", 0x02: "C_BAD_STREAMID", 0x03: "F_STE_FETCH", 0x04: "C_BAD_STE",
    0x05: "F_BAD_ATS_TREQ", 0x06: "F_STREAM_DISABLED", 0x07: "F_TRANSL_FORBIDDEN",
    0x08: "C_BAD_SUBSTREAMID", 0x09: "F_CD_FETCH", 0x0a: "C_BAD_CD", 0x0b: "F_WALK_EABT",
    0x10: "F_TRANSLATION", 0x11: "F_ADDR_SIZE", 0x12: "F_ACCESS", 0x13: "F_PERMISSION",
    0x20: "F_TLB_CONFLICT", 0x21: "F_CFG_CONFLICT", 0x24: "E_PAGE_REQUEST", 0x25: "F_VMS_FETCH",
  ]
}

/// `CLASS`: what the faulting address was for (IHI 0070, 7.3).
@frozen
public struct FaultClass: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The fetch of a CD.
  @inlinable @inline(__always)
  public static var context: Self { Self(rawValue: 0) }
  /// The fetch of a stage 1 translation table descriptor.
  @inlinable @inline(__always)
  public static var table: Self { Self(rawValue: 1) }
  /// The input address, or its image after stage 1.
  @inlinable @inline(__always)
  public static var input: Self { Self(rawValue: 2) }

  public var description: String {
    switch rawValue {
    case 0: "CD"
    case 1: "TT"
    case 2: "IN"
    default: "reserved"
    }
  }
}
