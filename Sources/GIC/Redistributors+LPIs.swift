public import ArmFormats
internal import Bits
public import Memory

// What ITSs and CPU interfaces ask of redistributors.
extension Redistributors {
  /// Makes an LPI pending.
  ///
  /// - Parameters:
  ///   - index: a redistributor; one that does not exist ignores the request.
  @inline(__always)
  public mutating func setPending(
    _ intid: UInt32, at index: Int, memory: PhysicalMemory
  ) -> LPIEffect {
    guard all.indices.contains(index), all[index].lpisEnabled else { return .lpisDisabled }
    guard isLPI(intid, at: index) else { return .intidOutOfRange }
    guard let configuration = configuration(of: intid, at: index, memory: memory),
      let wasPending = exchangePendingBit(of: intid, at: index, to: true, memory: memory)
    else { return .tableAbort }
    guard !wasPending else { return .alreadyPending }
    all[index].pendingCount &+= 1
    guard configuration[.enable] else { return .disabledButPending }
    all[index].lpis.push(PendingQueue.key(priority: configuration.priority, intid: intid))
    if all[index].lpis.isCrowded { compactQueue(at: index, memory: memory) }
    return .newlyPending
  }

  /// Clears the pending state of an LPI; `true` when it was pending.
  @discardableResult
  public mutating func clearPending(
    _ intid: UInt32, at index: Int, memory: PhysicalMemory
  ) -> Bool {
    guard lpisEnabled(at: index), isLPI(intid, at: index),
      exchangePendingBit(of: intid, at: index, to: false, memory: memory) == true
    else { return false }
    all[index].pendingCount = max(0, all[index].pendingCount &- 1)
    return true
  }

  /// Whether an LPI is pending.
  public func isPending(_ intid: UInt32, at index: Int, memory: PhysicalMemory) -> Bool {
    guard lpisEnabled(at: index), isLPI(intid, at: index) else { return false }
    return pendingBit(of: intid, at: index, memory: memory) == true
  }

  /// Moves the pending state of one LPI, as MOVI does.
  @discardableResult
  public mutating func movePending(
    _ intid: UInt32, from source: Int, to destination: Int, memory: PhysicalMemory
  ) -> Bool {
    guard source != destination, clearPending(intid, at: source, memory: memory) else {
      return false
    }
    _ = setPending(intid, at: destination, memory: memory)
    return true
  }

  /// Moves every pending LPI of one redistributor to another, as MOVALL does.
  public mutating func moveAllPending(
    from source: Int, to destination: Int, memory: PhysicalMemory
  ) {
    guard source != destination, lpisEnabled(at: source), lpisEnabled(at: destination) else {
      return
    }
    for intid in pendingLPIs(at: source, memory: memory) {
      movePending(intid, from: source, to: destination, memory: memory)
    }
  }

  /// Every pending LPI of redistributor `index`, enabled or not, in order.
  public func pendingLPIs(at index: Int, memory: PhysicalMemory) -> [UInt32] {
    guard lpisEnabled(at: index), all[index].pendingCount > 0 else { return [] }
    var pending: [UInt32] = []
    forEachPending(at: index, memory: memory) { pending.append($0) }
    return pending
  }

  /// The configuration that counts for an LPI; `nil` where LPIs are off or it is no LPI.
  public mutating func currentConfiguration(
    of intid: UInt32, at index: Int, memory: PhysicalMemory
  ) -> LPIConfiguration? {
    guard lpisEnabled(at: index), isLPI(intid, at: index) else { return nil }
    return configuration(of: intid, at: index, memory: memory)
  }

  /// Reads the configuration of one LPI again: INV, `GICR_INVLPIR`.
  public mutating func invalidate(_ intid: UInt32, at index: Int, memory: PhysicalMemory) {
    guard lpisEnabled(at: index), isLPI(intid, at: index) else { return }
    let slot = Int(intid &- INTID.firstLPI)
    if slot < configurationCache.count { configurationCache[slot] = 0 }
    guard pendingBit(of: intid, at: index, memory: memory) == true else { return }
    enqueueIfEnabled(intid, at: index, memory: memory)
  }

  /// Reads the configuration of every LPI again: INVALL, `GICR_INVALLR`.
  public mutating func invalidateAll(at index: Int, memory: PhysicalMemory) {
    guard lpisEnabled(at: index) else { return }
    if cacheIsUsed {
      for slot in configurationCache.indices { configurationCache[slot] = 0 }
      cacheIsUsed = false
    }
    if all[index].pendingCount > 0 { rescan(at: index, memory: memory) }
  }

  /// The most urgent enabled pending LPI.
  public mutating func highestPendingLPI(
    at index: Int, memory: PhysicalMemory
  ) -> (intid: UInt32, priority: UInt8)? {
    guard lpisEnabled(at: index) else { return nil }
    while let key = all[index].lpis.first {
      let intid = PendingQueue.intid(of: key)
      let live = liveKey(of: intid, at: index, memory: memory)
      if live == key { return (intid, PendingQueue.priority(of: key)) }
      all[index].lpis.removeFirst()
      if let live { all[index].lpis.push(live) }
    }
    return nil
  }

  /// Takes an LPI out of the pending state, as an acknowledge does: LPIs have no active state.
  public mutating func acknowledgeLPI(_ intid: UInt32, at index: Int, memory: PhysicalMemory) {
    clearPending(intid, at: index, memory: memory)
  }
}
