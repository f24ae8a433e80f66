public import ArmFormats
public import Bits

/// An access of a device as it reaches the SMMU.
@frozen
public struct Transaction: BitwiseCopyable, Sendable, Equatable {
  /// Translation status of the access by PCIe ATS (IHI 0070, 3.9.1).
  @frozen
  public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case untranslated
    /// The device translated it before: the address is a PA, or an IPA in split-stage mode.
    case translated
    /// The device asks for a translation and accesses nothing.
    case translationRequest
  }

  public var streamID: UInt32
  /// The PASID, 20 bits; `nil` without one.
  public var substreamID: UInt32?
  public var address: IOVA
  public var isWrite: Bool
  /// An instruction fetch; of no effect on a write.
  public var isInstruction: Bool
  public var isPrivileged: Bool
  public var kind: Kind

  @inlinable
  public init(
    streamID: UInt32, substreamID: UInt32? = nil, address: IOVA, isWrite: Bool,
    isInstruction: Bool = false, isPrivileged: Bool = false, kind: Kind = .untranslated
  ) {
    self.streamID = streamID
    self.substreamID = substreamID
    self.address = address
    self.isWrite = isWrite
    self.isInstruction = isInstruction
    self.isPrivileged = isPrivileged
    self.kind = kind
  }
}

/// Permissions of a page, by stage, so that a refusal can be blamed on the right one.
@frozen
public struct TranslationPermissions: OptionSet, BitwiseCopyable, Sendable, Hashable {
  public let rawValue: UInt16
  @inlinable @inline(__always)
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var privilegedRead: Self { Self(rawValue: 1 << 0) }
  @inlinable @inline(__always)
  public static var privilegedWrite: Self { Self(rawValue: 1 << 1) }
  @inlinable @inline(__always)
  public static var privilegedExecute: Self { Self(rawValue: 1 << 2) }
  @inlinable @inline(__always)
  public static var unprivilegedRead: Self { Self(rawValue: 1 << 3) }
  @inlinable @inline(__always)
  public static var unprivilegedWrite: Self { Self(rawValue: 1 << 4) }
  @inlinable @inline(__always)
  public static var unprivilegedExecute: Self { Self(rawValue: 1 << 5) }
  @inlinable @inline(__always)
  public static var stage2Read: Self { Self(rawValue: 1 << 6) }
  @inlinable @inline(__always)
  public static var stage2Write: Self { Self(rawValue: 1 << 7) }
  @inlinable @inline(__always)
  public static var stage2PrivilegedExecute: Self { Self(rawValue: 1 << 8) }
  @inlinable @inline(__always)
  public static var stage2UnprivilegedExecute: Self { Self(rawValue: 1 << 9) }

  /// Everything that stage 1 can grant: what a bypassed stage 1 grants.
  @inlinable @inline(__always)
  public static var allStage1: Self { Self(rawValue: 0x3f) }
  /// Everything that stage 2 can grant: what a bypassed stage 2 grants.
  @inlinable @inline(__always)
  public static var allStage2: Self { Self(rawValue: 0x3c0) }
  @inlinable @inline(__always)
  public static var all: Self { Self(rawValue: 0x3ff) }
}

/// Memory type and shareability of an access after translation.
@frozen
public struct MemoryAttributes: BitwiseCopyable, Sendable, Hashable {
  /// In the format of a MAIR byte (Arm ARM, MAIR_EL1).
  public var type: UInt8
  /// 0 non-shareable, 2 outer, 3 inner.
  public var shareability: UInt8

  @inlinable @inline(__always)
  public init(type: UInt8, shareability: UInt8) {
    self.type = type
    self.shareability = shareability
  }

  /// Normal memory, write-back cacheable, inner shareable.
  public static let writeBack = Self(type: 0xff, shareability: 3)

  /// Whether it is any Device type.
  @inlinable @inline(__always)
  public var isDevice: Bool { type & 0xf0 == 0 }
}

/// A translated address and what is known of its page.
@frozen
public struct Translation: BitwiseCopyable, Sendable, Equatable {
  /// The output address of this access; an IPA for a split-stage ATS answer.
  public var address: PA
  /// log2 of the size of the translated page: the smaller of both stages' leaves.
  public var pageShift: UInt8
  public var permissions: TranslationPermissions
  public var attributes: MemoryAttributes

  @inlinable
  public init(
    address: PA, pageShift: UInt8, permissions: TranslationPermissions,
    attributes: MemoryAttributes
  ) {
    self.address = address
    self.pageShift = pageShift
    self.permissions = permissions
    self.attributes = attributes
  }
}

/// Outcome of recording a fault.
@frozen
public enum FaultRecording: UInt8, BitwiseCopyable, Sendable {
  case recorded
  /// `CD.R`, `STE.S2R`, `CR2.RECINVSID` or a merge kept it out of the queue.
  case suppressed
  /// The queue was off, full or aborted: the record is lost.
  case lost
}

/// The answer to a transaction.
@frozen
public enum TranslationResult: BitwiseCopyable, Sendable, Equatable {
  case translated(Translation)
  /// No stage translates: the address is used as it is.
  case bypassed(PA)
  /// Terminated with an abort and no event.
  case aborted
  /// Terminated; the record that the fault made, or would have made.
  case faulted(EventRecord, FaultRecording)
  /// As `faulted`, but `CD.A` is clear: writes are dropped and reads give zero, without an error.
  case ignored(EventRecord, FaultRecording)
  /// Held until a command resumes or terminates it; the tag is in the event.
  case stalled(tag: UInt16)
  /// No tag is free: held upstream, to be presented again later.
  case blocked
  /// A translation request answered Unsupported Request (`true`) or Completer Abort.
  case refused(unsupported: Bool)

  /// Output address; `nil` if the transaction aborted or stalled.
  @inlinable
  public var outputAddress: PA? {
    switch self {
    case .translated(let translation): translation.address
    case .bypassed(let address): address
    default: nil
    }
  }
}
