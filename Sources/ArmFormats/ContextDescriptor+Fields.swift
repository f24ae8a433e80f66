public import Bits

// Positions: IHI 0070, 5.4, as bits of each 64-bit word.

extension BitField where Record == ContextDescriptor, Value == UInt8 {
  /// `T0SZ`: the low half is 2^(64 - T0SZ) bytes.
  @inlinable @inline(__always)
  public static var inputSize0: Self { .init(5, 0) }

  /// `IR0`: inner cacheability of walks of the low half.
  @inlinable @inline(__always)
  public static var innerCache0: Self { .init(9, 8) }

  /// `OR0`: outer cacheability of walks of the low half.
  @inlinable @inline(__always)
  public static var outerCache0: Self { .init(11, 10) }

  /// `SH0`: shareability of walks of the low half.
  @inlinable @inline(__always)
  public static var shareability0: Self { .init(13, 12) }

  /// `T1SZ`: the high half is 2^(64 - T1SZ) bytes.
  @inlinable @inline(__always)
  public static var inputSize1: Self { .init(21, 16) }

  /// `IR1`: inner cacheability of walks of the high half.
  @inlinable @inline(__always)
  public static var innerCache1: Self { .init(25, 24) }

  /// `OR1`: outer cacheability of walks of the high half.
  @inlinable @inline(__always)
  public static var outerCache1: Self { .init(27, 26) }

  /// `SH1`: shareability of walks of the high half.
  @inlinable @inline(__always)
  public static var shareability1: Self { .init(29, 28) }
}

extension BitField where Record == ContextDescriptor, Value == LowGranule {
  /// `TG0`: granule of the low half.
  @inlinable @inline(__always)
  public static var granule0: Self { .init(7, 6) }
}

extension BitField where Record == ContextDescriptor, Value == Bool {
  /// `EPD0`: the low half is not walked; its other fields are ignored.
  @inlinable @inline(__always)
  public static var walkDisabled0: Self { .init(bit: 14) }

  /// `ENDI`: stage 1 tables are big-endian.
  @inlinable @inline(__always)
  public static var bigEndian: Self { .init(bit: 15) }

  /// `EPD1`: the high half is not walked; its other fields are ignored.
  @inlinable @inline(__always)
  public static var walkDisabled1: Self { .init(bit: 30) }

  /// `V`: clear makes the CD illegal (C_BAD_CD).
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 31) }

  /// `AFFD`: a clear access flag does not fault.
  @inlinable @inline(__always)
  public static var accessFaultDisabled: Self { .init(bit: 35) }

  /// `WXN`: writable is not executable.
  @inlinable @inline(__always)
  public static var writeNeverExecute: Self { .init(bit: 36) }

  /// `UWXN`: writable unprivileged is not executable privileged.
  @inlinable @inline(__always)
  public static var unprivilegedWriteNeverExecute: Self { .init(bit: 37) }

  /// `TBI0`: bits [63:56] of a low address are ignored.
  @inlinable @inline(__always)
  public static var topByteIgnored0: Self { .init(bit: 38) }

  /// `TBI1`: bits [63:56] of a high address are ignored.
  @inlinable @inline(__always)
  public static var topByteIgnored1: Self { .init(bit: 39) }

  /// `PAN`: privileged data access to unprivileged pages faults.
  @inlinable @inline(__always)
  public static var privilegedAccessNever: Self { .init(bit: 40) }

  /// `AA64`: tables are VMSAv8-64.
  @inlinable @inline(__always)
  public static var aarch64: Self { .init(bit: 41) }

  /// `HD`: hardware updates the dirty state.
  @inlinable @inline(__always)
  public static var hardwareDirty: Self { .init(bit: 42) }

  /// `HA`: hardware updates the access flag.
  @inlinable @inline(__always)
  public static var hardwareAccess: Self { .init(bit: 43) }

  /// `S`: faults stall the transaction.
  @inlinable @inline(__always)
  public static var stall: Self { .init(bit: 44) }

  /// `R`: faults are recorded.
  @inlinable @inline(__always)
  public static var record: Self { .init(bit: 45) }

  /// `A`: a terminated transaction is aborted rather than RAZ/WI.
  @inlinable @inline(__always)
  public static var abort: Self { .init(bit: 46) }

  /// `ASET`: clear takes part in broadcast invalidation.
  @inlinable @inline(__always)
  public static var sharedASID: Self { .init(bit: 47) }

  /// `NSCFG0`: Secure streams only.
  @inlinable @inline(__always)
  public static var security0: Self { .init(word: 1, bit: 0) }

  /// `HAD0`: APTable, PXNTable and UXNTable of the low half are ignored.
  @inlinable @inline(__always)
  public static var hierarchyDisabled0: Self { .init(word: 1, bit: 1) }

  /// `E0PD0`: unprivileged access to the low half faults.
  @inlinable @inline(__always)
  public static var unprivilegedDisabled0: Self { .init(word: 1, bit: 2) }

  /// `NSCFG1`: Secure streams only.
  @inlinable @inline(__always)
  public static var security1: Self { .init(word: 2, bit: 0) }

  /// `HAD1`: APTable, PXNTable and UXNTable of the high half are ignored.
  @inlinable @inline(__always)
  public static var hierarchyDisabled1: Self { .init(word: 2, bit: 1) }

  /// `E0PD1`: unprivileged access to the high half faults.
  @inlinable @inline(__always)
  public static var unprivilegedDisabled1: Self { .init(word: 2, bit: 2) }
}

extension BitField where Record == ContextDescriptor, Value == HighGranule {
  /// `TG1`: granule of the high half.
  @inlinable @inline(__always)
  public static var granule1: Self { .init(23, 22) }
}

extension BitField where Record == ContextDescriptor, Value == AddressSizeField {
  /// `IPS`: size of the stage 1 output, capped to the OAS.
  @inlinable @inline(__always)
  public static var outputSize: Self { .init(34, 32) }
}

extension BitField where Record == ContextDescriptor, Value == UInt16 {
  /// `ASID`: tags the translations.
  @inlinable @inline(__always)
  public static var asid: Self { .init(63, 48) }
}

extension BitField where Record == ContextDescriptor, Value == UInt64 {
  /// `TTB0`, bits [51:4] of the address; see `table0Address`.
  @inlinable @inline(__always)
  public static var table0: Self { .init(word: 1, 51, 4) }

  /// `TTB1`, bits [51:4] of the address; see `table1Address`.
  @inlinable @inline(__always)
  public static var table1: Self { .init(word: 2, 51, 4) }

  /// `MAIR1:MAIR0`: eight memory types, indexed by AttrIndx.
  @inlinable @inline(__always)
  public static var memoryAttributes: Self { .init(word: 3, 63, 0) }
}
