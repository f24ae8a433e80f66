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
  public static let enabled = Self(rawValue: 1 << 0)
  /// `PRIQEN`.
  public static let pageQueue = Self(rawValue: 1 << 1)
  /// `EVENTQEN`.
  public static let eventQueue = Self(rawValue: 1 << 2)
  /// `CMDQEN`.
  public static let commandQueue = Self(rawValue: 1 << 3)
  /// `ATSCHK`: translated transactions are checked against the STE.
  public static let checksTranslated = Self(rawValue: 1 << 4)
}

/// `SMMU_CR2` (IHI 0070, 6.3.12).
@frozen
public struct SMMUControl2: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `E2H`: EL2 streams use the EL2-E2H regime.
  public static let hostExtensions = Self(rawValue: 1 << 0)
  /// `RECINVSID`: C_BAD_STREAMID is recorded.
  public static let recordsBadStreams = Self(rawValue: 1 << 1)
  /// `PTM`: broadcast invalidation is ignored.
  public static let privateMaintenance = Self(rawValue: 1 << 2)
  /// `REC_CFG_ATS`: configuration errors of ATS traffic are recorded.
  public static let recordsATSErrors = Self(rawValue: 1 << 3)
}

/// `SMMU_GERROR` and `SMMU_GERRORN`: an error is active where the two differ (IHI 0070, 6.3.17).
@frozen
public struct SMMUGlobalErrors: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The Command queue stopped; `CMDQ_CONS.ERR` says why.
  public static let commandQueue = Self(rawValue: 1 << 0)
  /// A write to the Event queue aborted.
  public static let eventQueueAbort = Self(rawValue: 1 << 2)
  /// A write to the PRI queue aborted.
  public static let pageQueueAbort = Self(rawValue: 1 << 3)
  /// The message of a CMD_SYNC aborted.
  public static let commandMessageAbort = Self(rawValue: 1 << 4)
  public static let eventMessageAbort = Self(rawValue: 1 << 5)
  public static let pageMessageAbort = Self(rawValue: 1 << 6)
  public static let errorMessageAbort = Self(rawValue: 1 << 7)
  /// Service failure mode.
  public static let serviceFailure = Self(rawValue: 1 << 8)
}

/// `SMMU_IRQ_CTRL` (IHI 0070, 6.3.15).
@frozen
public struct SMMUInterruptControl: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let globalError = Self(rawValue: 1 << 0)
  public static let pageQueue = Self(rawValue: 1 << 1)
  public static let eventQueue = Self(rawValue: 1 << 2)
}
