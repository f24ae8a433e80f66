public import ArmFormats
public import Bits

/// A record of the fault queue (RISC-V IOMMU 1.0, 3.2). 32 bytes.
@frozen
public struct FaultRecord: InlineRecord {
  public var storage: InlineArray<4, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<4, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("CAUSE", .cause),
    .init("PID", .process),
    .init("PV", .processValid),
    .init("PRIV", .isPrivileged),
    .init("TTYP", .transaction),
    .init("DID", .device),
    .init("custom", .custom),
    .init("iotval", .value),
    .init("iotval2", .value2),
  ]
}

extension BitField where Record == FaultRecord, Value == FaultCause {
  /// `CAUSE`: why.
  @inlinable @inline(__always)
  public static var cause: Self { .init(11, 0) }
}

extension BitField where Record == FaultRecord, Value == UInt32 {
  /// `PID`: process_id, with `PV`.
  @inlinable @inline(__always)
  public static var process: Self { .init(31, 12) }

  /// `DID`: device_id.
  @inlinable @inline(__always)
  public static var device: Self { .init(63, 40) }

  /// `custom`: for the implementation.
  @inlinable @inline(__always)
  public static var custom: Self { .init(word: 1, 31, 0) }
}

extension BitField where Record == FaultRecord, Value == Bool {
  /// `PV`: the transaction had a process_id.
  @inlinable @inline(__always)
  public static var processValid: Self { .init(bit: 32) }

  /// `PRIV`: it had supervisor privilege.
  @inlinable @inline(__always)
  public static var isPrivileged: Self { .init(bit: 33) }
}

extension BitField where Record == FaultRecord, Value == TransactionType {
  /// `TTYP`: what the transaction was.
  @inlinable @inline(__always)
  public static var transaction: Self { .init(39, 34) }
}

extension BitField where Record == FaultRecord, Value == UInt64 {
  /// `iotval`: the IOVA, or what the cause says.
  @inlinable @inline(__always)
  public static var value: Self { .init(word: 2, 63, 0) }

  /// `iotval2`: of a guest page fault: GPA [63:2], [0] on a first-stage table, [1] on writing it.
  @inlinable @inline(__always)
  public static var value2: Self { .init(word: 3, 63, 0) }
}

/// `TTYP`: the type of an inbound transaction (RISC-V IOMMU 1.0, 3.2).
@frozen
public struct TransactionType: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Not caused by an inbound transaction.
  @inlinable @inline(__always)
  public static var none: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var untranslatedExecute: Self { Self(rawValue: 1) }
  @inlinable @inline(__always)
  public static var untranslatedRead: Self { Self(rawValue: 2) }
  @inlinable @inline(__always)
  public static var untranslatedWrite: Self { Self(rawValue: 3) }
  @inlinable @inline(__always)
  public static var translatedExecute: Self { Self(rawValue: 5) }
  @inlinable @inline(__always)
  public static var translatedRead: Self { Self(rawValue: 6) }
  @inlinable @inline(__always)
  public static var translatedWrite: Self { Self(rawValue: 7) }
  /// A PCIe ATS translation request.
  @inlinable @inline(__always)
  public static var translationRequest: Self { Self(rawValue: 8) }
  /// A PCIe message.
  @inlinable @inline(__always)
  public static var message: Self { Self(rawValue: 9) }

  public var description: String {
    switch self {
    case .none: "none"
    case .untranslatedExecute: "untranslated read for execute"
    case .untranslatedRead: "untranslated read"
    case .untranslatedWrite: "untranslated write"
    case .translatedExecute: "translated read for execute"
    case .translatedRead: "translated read"
    case .translatedWrite: "translated write"
    case .translationRequest: "ATS translation request"
    case .message: "PCIe message"
    default: "type \(rawValue)"
    }
  }
}
