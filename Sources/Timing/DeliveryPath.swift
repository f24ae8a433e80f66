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
  /// What each of the guest's works does; one that is missing does nothing.
  public var works: [GuestWork: WorkPath]

  public init(
    isDirect: Bool, coldWalkReads: UInt64, cachedWalkReads: UInt64, coldTableReads: UInt64,
    warmTableReads: UInt64, works: [GuestWork: WorkPath]
  ) {
    self.isDirect = isDirect
    self.coldWalkReads = coldWalkReads
    self.cachedWalkReads = cachedWalkReads
    self.coldTableReads = coldTableReads
    self.warmTableReads = warmTableReads
    self.works = works
  }

  /// A path whose guest masks and invalidates as Linux does: a mask is read back
  /// (`pci_msix_mask`), and QEMU moves the vector to an eventfd of its own for it, which is INV,
  /// DISCARD, MAPTI and INV for the host (`vfio_msix_vector_release`); an invalidation is one write of the queue's tail and a read of its head
  /// (`arm_smmu_cmdq_issue_cmdlist`), and a move is a write of the virtual ITS' tail and four reads of
  /// its head (`its_send_single_command`).
  ///
  /// - Parameters:
  ///   - trapsMask: whether accesses to the MSI-X table go to the VMM.
  ///   - trapsInvalidation: whether those to the SMMU do.
  public init(
    isDirect: Bool, coldWalkReads: UInt64, cachedWalkReads: UInt64, coldTableReads: UInt64,
    warmTableReads: UInt64, trapsMask: Bool, trapsInvalidation: Bool
  ) {
    func accesses(
      _ cause: ExitCause, _ reads: Int, _ writes: Int, trapped: Bool, commands: Int = 0
    ) -> WorkPath {
      guard trapped else { return WorkPath(untrapped: reads + writes) }
      let exits = [(false, writes), (true, reads)].filter { $0.1 > 0 }
      return WorkPath(
        exits: exits.map { WorkPath.Exit(cause, isRead: $0.0, count: $0.1) },
        hostCommands: commands)
    }
    self.init(
      isDirect: isDirect, coldWalkReads: coldWalkReads, cachedWalkReads: cachedWalkReads,
      coldTableReads: coldTableReads, warmTableReads: warmTableReads,
      works: [
        .mask: accesses(.msixTable, 1, 1, trapped: trapsMask, commands: 4),
        .unmask: accesses(.msixTable, 0, 1, trapped: trapsMask),
        .unmap: accesses(.virtualSMMU, 1, 1, trapped: trapsInvalidation),
        .move: accesses(.virtualITS, 4, 1, trapped: true),
      ])
  }

  /// What the guest's work does.
  public subscript(_ work: GuestWork) -> WorkPath { works[work] ?? WorkPath() }

  /// Whether a write that masks a vector leaves the guest.
  public var trapsMask: Bool { !self[.mask].exits.isEmpty }
  /// Whether an invalidation leaves the guest.
  public var trapsInvalidation: Bool { !self[.unmap].exits.isEmpty }
}
