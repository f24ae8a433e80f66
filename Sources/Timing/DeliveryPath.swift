public import Simulation

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

/// What each kind of work takes, as plain numbers.
public struct DeliveryTimes: Equatable, Sendable {
  public var exitToKernel, exitToVMM, hypercall, systemCall, hop: SimulatedTime
  public var translationHit, walkCacheHit, tableRead, smmuCommand, smmuSync: SimulatedTime
  public var itsLookup, itsCommand, itsMoveVPE: SimulatedTime
  public var hostEntry, injection, injectionLock, listRegister, kick: SimulatedTime
  public var contextSwitch, migration, directInjection, residency, handler: SimulatedTime

  /// Every kind of work takes what `time` says for its name.
  public init(_ time: (String) -> SimulatedTime) {
    exitToKernel = time("exit-to-kernel")
    exitToVMM = time("exit-to-vmm")
    hypercall = time("hypercall")
    systemCall = time("system-call")
    hop = time("interconnect-hop")
    translationHit = time("translation-hit")
    walkCacheHit = time("walk-cache-hit")
    tableRead = time("table-read")
    smmuCommand = time("smmu-command")
    smmuSync = time("smmu-sync")
    itsLookup = time("its-lookup")
    itsCommand = time("its-command")
    itsMoveVPE = time("its-vmovp")
    hostEntry = time("host-interrupt-entry")
    injection = time("irqfd-injection")
    injectionLock = time("injection-lock")
    listRegister = time("list-register")
    kick = time("kick")
    contextSwitch = time("context-switch")
    migration = time("migration")
    directInjection = time("direct-injection")
    residency = time("residency")
    handler = time("guest-handler")
  }
}
