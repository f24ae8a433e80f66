/// What one MSI does on its way under one design, as a run of the hardware and software models
/// showed it.
public struct DeliveryPath: Equatable, Sendable {
  /// Whether the ITS reaches the virtual CPU without the host's interrupt handler.
  public var isDirect: Bool
  /// Table reads of a translation with empty caches, and of one whose walk caches hit.
  public var coldWalkReads: UInt64
  public var cachedWalkReads: UInt64
  /// Table reads of the ITS with empty caches, and with its route cached.
  public var coldTableReads: UInt64
  public var warmTableReads: UInt64
  /// Whether the guest's writes to the MSI-X table, and its SMMU commands, go to the VMM.
  public var trapsMask: Bool
  public var trapsInvalidation: Bool

  public init(
    isDirect: Bool, coldWalkReads: UInt64, cachedWalkReads: UInt64, coldTableReads: UInt64,
    warmTableReads: UInt64, trapsMask: Bool, trapsInvalidation: Bool
  ) {
    self.isDirect = isDirect
    self.coldWalkReads = coldWalkReads
    self.cachedWalkReads = cachedWalkReads
    self.coldTableReads = coldTableReads
    self.warmTableReads = warmTableReads
    self.trapsMask = trapsMask
    self.trapsInvalidation = trapsInvalidation
  }
}
