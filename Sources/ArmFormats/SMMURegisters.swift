/// Offsets of the SMMU's registers in its first 64 KiB page, unless said otherwise
/// (IHI 0070, 6.2).
public enum SMMURegister {
  public static let idr0: UInt64 = 0x00
  public static let idr1: UInt64 = 0x04
  public static let idr2: UInt64 = 0x08
  public static let idr3: UInt64 = 0x0c
  public static let idr4: UInt64 = 0x10
  public static let idr5: UInt64 = 0x14
  public static let iidr: UInt64 = 0x18
  public static let aidr: UInt64 = 0x1c
  public static let cr0: UInt64 = 0x20
  public static let cr0Acknowledge: UInt64 = 0x24
  public static let cr1: UInt64 = 0x28
  public static let cr2: UInt64 = 0x2c
  public static let globalBypass: UInt64 = 0x44
  public static let implementationBypass: UInt64 = 0x48
  public static let interruptControl: UInt64 = 0x50
  public static let interruptControlAcknowledge: UInt64 = 0x54
  public static let globalError: UInt64 = 0x60
  public static let globalErrorAcknowledge: UInt64 = 0x64
  public static let globalErrorMessage: UInt64 = 0x68
  public static let globalErrorMessageData: UInt64 = 0x70
  public static let globalErrorMessageAttributes: UInt64 = 0x74
  public static let streamTableBase: UInt64 = 0x80
  public static let streamTableConfig: UInt64 = 0x88
  public static let commandQueueBase: UInt64 = 0x90
  public static let commandQueueProducer: UInt64 = 0x98
  public static let commandQueueConsumer: UInt64 = 0x9c
  public static let eventQueueBase: UInt64 = 0xa0
  public static let eventQueueMessage: UInt64 = 0xb0
  public static let eventQueueMessageData: UInt64 = 0xb8
  public static let eventQueueMessageAttributes: UInt64 = 0xbc
  public static let pageQueueBase: UInt64 = 0xc0
  public static let pageQueueMessage: UInt64 = 0xd0
  public static let pageQueueMessageData: UInt64 = 0xd8
  public static let pageQueueMessageAttributes: UInt64 = 0xdc

  /// Offset of the second page.
  public static let page1: UInt64 = 0x10000
  /// In page 1.
  public static let eventQueueProducer: UInt64 = page1 + 0xa8
  /// In page 1.
  public static let eventQueueConsumer: UInt64 = page1 + 0xac
  /// In page 1.
  public static let pageQueueProducer: UInt64 = page1 + 0xc8
  /// In page 1.
  public static let pageQueueConsumer: UInt64 = page1 + 0xcc
}

/// `SMMU_CR0` and `SMMU_CR0ACK` (IHI 0070, 6.3.9).
@frozen
public struct SMMUControl: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `SMMUEN`: clear sends transactions through `GBPA`.
  @inlinable @inline(__always)
  public static var enabled: Self { Self(rawValue: 1 << 0) }
  /// `PRIQEN`.
  @inlinable @inline(__always)
  public static var pageQueue: Self { Self(rawValue: 1 << 1) }
  /// `EVENTQEN`.
  @inlinable @inline(__always)
  public static var eventQueue: Self { Self(rawValue: 1 << 2) }
  /// `CMDQEN`.
  @inlinable @inline(__always)
  public static var commandQueue: Self { Self(rawValue: 1 << 3) }
  /// `ATSCHK`: translated transactions are checked against the STE.
  @inlinable @inline(__always)
  public static var checksTranslated: Self { Self(rawValue: 1 << 4) }
}

/// `SMMU_CR2` (IHI 0070, 6.3.12).
@frozen
public struct SMMUControl2: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `E2H`: EL2 streams use the EL2-E2H regime.
  @inlinable @inline(__always)
  public static var hostExtensions: Self { Self(rawValue: 1 << 0) }
  /// `RECINVSID`: C_BAD_STREAMID is recorded.
  @inlinable @inline(__always)
  public static var recordsBadStreams: Self { Self(rawValue: 1 << 1) }
  /// `PTM`: broadcast invalidation is ignored.
  @inlinable @inline(__always)
  public static var privateMaintenance: Self { Self(rawValue: 1 << 2) }
  /// `REC_CFG_ATS`: configuration errors of ATS traffic are recorded.
  @inlinable @inline(__always)
  public static var recordsATSErrors: Self { Self(rawValue: 1 << 3) }
}

/// `SMMU_GERROR` and `SMMU_GERRORN`: an error is active where the two differ (IHI 0070, 6.3.17).
@frozen
public struct SMMUGlobalErrors: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The Command queue stopped; `CMDQ_CONS.ERR` says why.
  @inlinable @inline(__always)
  public static var commandQueue: Self { Self(rawValue: 1 << 0) }
  /// A write to the Event queue aborted.
  @inlinable @inline(__always)
  public static var eventQueueAbort: Self { Self(rawValue: 1 << 2) }
  /// A write to the PRI queue aborted.
  @inlinable @inline(__always)
  public static var pageQueueAbort: Self { Self(rawValue: 1 << 3) }
  /// The message of a CMD_SYNC aborted.
  @inlinable @inline(__always)
  public static var commandMessageAbort: Self { Self(rawValue: 1 << 4) }
  @inlinable @inline(__always)
  public static var eventMessageAbort: Self { Self(rawValue: 1 << 5) }
  @inlinable @inline(__always)
  public static var pageMessageAbort: Self { Self(rawValue: 1 << 6) }
  @inlinable @inline(__always)
  public static var errorMessageAbort: Self { Self(rawValue: 1 << 7) }
  /// Service failure mode.
  @inlinable @inline(__always)
  public static var serviceFailure: Self { Self(rawValue: 1 << 8) }
}

/// `SMMU_IRQ_CTRL` (IHI 0070, 6.3.15).
@frozen
public struct SMMUInterruptControl: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var globalError: Self { Self(rawValue: 1 << 0) }
  @inlinable @inline(__always)
  public static var pageQueue: Self { Self(rawValue: 1 << 1) }
  @inlinable @inline(__always)
  public static var eventQueue: Self { Self(rawValue: 1 << 2) }
}
