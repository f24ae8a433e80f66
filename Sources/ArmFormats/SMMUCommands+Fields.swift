public import Bits

// Positions: IHI 0070, chapter 4, as bits of each 64-bit word. Fields of different commands
// overlap.

extension BitField where Record == SMMUCommand, Value == SMMUOpcode {
  /// The opcode.
  @inlinable @inline(__always)
  public static var opcode: Self { .init(7, 0) }
}

extension BitField where Record == SMMUCommand, Value == Bool {
  /// `SSec`: must be clear on the Non-secure queue.
  @inlinable @inline(__always)
  public static var secure: Self { .init(bit: 10) }

  /// `SSV`.
  @inlinable @inline(__always)
  public static var substreamValid: Self { .init(bit: 11) }

  /// `Leaf`: walk caches, or L1 configuration descriptors, are left alone.
  @inlinable @inline(__always)
  public static var leaf: Self { .init(word: 1, bit: 0) }

  /// `G` of ATC_INV: all substreams.
  @inlinable @inline(__always)
  public static var global: Self { .init(bit: 9) }

  /// `Ac` of RESUME: set retries, clear terminates.
  @inlinable @inline(__always)
  public static var resumeRetry: Self { .init(bit: 12) }

  /// `Ab` of RESUME: a terminated transaction is aborted, not RAZ/WI.
  @inlinable @inline(__always)
  public static var resumeAbort: Self { .init(bit: 13) }
}

extension BitField where Record == SMMUCommand, Value == UInt32 {
  /// `SubstreamID`.
  @inlinable @inline(__always)
  public static var substream: Self { .init(31, 12) }

  /// `StreamID`.
  @inlinable @inline(__always)
  public static var stream: Self { .init(63, 32) }

  /// `MSIData` of SYNC.
  @inlinable @inline(__always)
  public static var messageData: Self { .init(63, 32) }
}

extension BitField where Record == SMMUCommand, Value == UInt8 {
  /// `Range` of CFGI_STE_RANGE: 2^(Range+1) StreamIDs; 31 is all.
  @inlinable @inline(__always)
  public static var streamRange: Self { .init(word: 1, 4, 0) }

  /// `NUM` of a range invalidation.
  @inlinable @inline(__always)
  public static var rangeCount: Self { .init(16, 12) }

  /// `SCALE` of a range invalidation.
  @inlinable @inline(__always)
  public static var rangeScale: Self { .init(24, 20) }

  /// `TTL`: the level of the leaf, a hint; 0 is any.
  @inlinable @inline(__always)
  public static var level: Self { .init(word: 1, 9, 8) }

  /// `TG`: 0 no range, 1 4 KiB, 2 16 KiB, 3 64 KiB.
  @inlinable @inline(__always)
  public static var granule: Self { .init(word: 1, 11, 10) }

  /// `Size` of ATC_INV: 2^Size pages of 4 KiB; 52 is all.
  @inlinable @inline(__always)
  public static var size: Self { .init(word: 1, 5, 0) }

  /// `Resp` of PRI_RESP: 0 failure, 1 invalid request, 2 success.
  @inlinable @inline(__always)
  public static var pageResponse: Self { .init(word: 1, 13, 12) }

  /// `CS` of SYNC: 0 none, 1 interrupt, 2 event (SEV).
  @inlinable @inline(__always)
  public static var completion: Self { .init(13, 12) }

  /// `MSH` of SYNC.
  @inlinable @inline(__always)
  public static var messageShareability: Self { .init(23, 22) }

  /// `MSIAttr` of SYNC.
  @inlinable @inline(__always)
  public static var messageAttributes: Self { .init(27, 24) }
}

extension BitField where Record == SMMUCommand, Value == UInt16 {
  /// `VMID`.
  @inlinable @inline(__always)
  public static var vmid: Self { .init(47, 32) }

  /// `ASID`.
  @inlinable @inline(__always)
  public static var asid: Self { .init(63, 48) }

  /// `PRGIndex` of PRI_RESP.
  @inlinable @inline(__always)
  public static var groupIndex: Self { .init(word: 1, 8, 0) }

  /// `STAG` of RESUME.
  @inlinable @inline(__always)
  public static var stallTag: Self { .init(word: 1, 15, 0) }
}

extension BitField where Record == SMMUCommand, Value == UInt64 {
  /// `Address` bits [63:12].
  @inlinable @inline(__always)
  public static var page: Self { .init(word: 1, 63, 12) }

  /// `MSIAddress` bits [55:2] of SYNC; zero sends no message.
  @inlinable @inline(__always)
  public static var messagePointer: Self { .init(word: 1, 55, 2) }
}
