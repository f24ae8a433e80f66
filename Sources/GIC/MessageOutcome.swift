/// Reason why a message, or an interrupt that it names, was dropped. Nothing of it is visible to
/// the device that wrote.
public enum DropReason: Error, Equatable, Hashable, Sendable {
  /// `GITS_CTLR.Enabled` is 0.
  case itsDisabled
  /// The write carried no DeviceID, as one of a CPU.
  case noDeviceID
  /// Not a 16-bit or 32-bit write at `GITS_TRANSLATER`.
  case notADoorbell
  /// The DeviceID does not fit the device table.
  case deviceOutOfRange
  /// The device table entry is not valid.
  case deviceUnmapped
  /// The EventID does not fit the interrupt translation table.
  case eventOutOfRange
  /// The interrupt translation table entry is not valid.
  case eventUnmapped
  case collectionOutOfRange
  case collectionUnmapped
  case virtualPEOutOfRange
  case virtualPEUnmapped
  /// EnableLPIs is 0 at the redistributor.
  case lpisDisabled
  /// The INTID is not one that the redistributor, or the virtual pending table, holds.
  case intidOutOfRange
  /// Memory does not answer where a table should be.
  case tableAbort
}

/// Outcome of a message at the doorbell.
@frozen
public enum MessageOutcome: Equatable, Sendable {
  /// A physical LPI of a redistributor; `effect` is `newlyPending`, `alreadyPending` or
  /// `disabledButPending`.
  case delivered(intid: UInt32, redistributor: Int, effect: LPIEffect)
  /// A virtual LPI of a vPE.
  case deliveredVirtual(virtualPE: UInt16, vINTID: UInt32, redistributor: Int, VirtualEffect)
  case dropped(DropReason)
}
