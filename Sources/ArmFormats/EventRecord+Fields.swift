public import Bits

// Positions: IHI 0070, 7.3, as bits of each 64-bit word. Fields of different types overlap.

extension BitField where Record == EventRecord, Value == EventKind {
  /// The event number.
  @inlinable @inline(__always)
  public static var kind: Self { .init(7, 0) }
}

extension BitField where Record == EventRecord, Value == Bool {
  /// `SSV`: the transaction had a SubstreamID.
  @inlinable @inline(__always)
  public static var substreamValid: Self { .init(bit: 11) }

  /// `Stall`: the transaction waits for CMD_RESUME or CMD_STALL_TERM.
  @inlinable @inline(__always)
  public static var stall: Self { .init(word: 1, bit: 31) }

  /// `PnU`, after the override by the STE.
  @inlinable @inline(__always)
  public static var privileged: Self { .init(word: 1, bit: 33) }

  /// `InD`, after the override by the STE; clear for writes.
  @inlinable @inline(__always)
  public static var instruction: Self { .init(word: 1, bit: 34) }

  /// `RnW` of the transaction.
  @inlinable @inline(__always)
  public static var read: Self { .init(word: 1, bit: 35) }

  /// `NSIPA`: Secure streams only.
  @inlinable @inline(__always)
  public static var nonSecureIPA: Self { .init(word: 1, bit: 36) }

  /// `S2`: stage 2 faulted.
  @inlinable @inline(__always)
  public static var stage2: Self { .init(word: 1, bit: 39) }

  /// `TTRnW`: the table access of `CLASS` TT at stage 2 was a read.
  @inlinable @inline(__always)
  public static var tableRead: Self { .init(word: 1, bit: 44) }

  /// `R` of a translation request.
  @inlinable @inline(__always)
  public static var requestRead: Self { .init(word: 1, bit: 35) }

  /// `W` of a translation request.
  @inlinable @inline(__always)
  public static var requestWrite: Self { .init(word: 1, bit: 34) }

  /// `X` of a translation request.
  @inlinable @inline(__always)
  public static var requestExecute: Self { .init(word: 1, bit: 33) }

  /// `PRIV` of a translation request.
  @inlinable @inline(__always)
  public static var requestPrivileged: Self { .init(word: 1, bit: 32) }
}

extension BitField where Record == EventRecord, Value == UInt32 {
  /// `SubstreamID`, valid with `SSV`.
  @inlinable @inline(__always)
  public static var substream: Self { .init(31, 12) }

  /// `StreamID`.
  @inlinable @inline(__always)
  public static var stream: Self { .init(63, 32) }
}

extension BitField where Record == EventRecord, Value == UInt16 {
  /// `STAG`: what CMD_RESUME names; valid with `Stall`.
  @inlinable @inline(__always)
  public static var stallTag: Self { .init(word: 1, 15, 0) }

  /// `Reason`, IMPLEMENTATION DEFINED.
  @inlinable @inline(__always)
  public static var reason: Self { .init(word: 1, 15, 0) }
}

extension BitField where Record == EventRecord, Value == FaultClass {
  /// `CLASS`.
  @inlinable @inline(__always)
  public static var faultClass: Self { .init(word: 1, 41, 40) }
}

extension BitField where Record == EventRecord, Value == UInt8 {
  /// `Span` of a translation request, in translation units.
  @inlinable @inline(__always)
  public static var requestSpan: Self { .init(word: 1, 7, 0) }
}

extension BitField where Record == EventRecord, Value == UInt64 {
  /// `InputAddr`, as the device sent it.
  @inlinable @inline(__always)
  public static var inputAddress: Self { .init(word: 2, 63, 0) }

  /// `IPA` bits [55:12], valid with `S2`.
  @inlinable @inline(__always)
  public static var ipa: Self { .init(word: 3, 55, 12) }

  /// `FetchAddr` bits [55:3]: the PA of the structure.
  @inlinable @inline(__always)
  public static var fetchAddress: Self { .init(word: 3, 55, 3) }
}
