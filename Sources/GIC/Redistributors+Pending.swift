internal import ArmFormats
internal import Bits
internal import Memory

// The two tables behind every LPI. An index here has been checked by the caller.
extension Redistributors {
  /// The configuration of an LPI of redistributor `index`, from the cache or from memory.
  @inline(__always)
  mutating func configuration(
    of intid: UInt32, at index: Int, memory: PhysicalMemory
  ) -> LPIConfiguration? {
    let table = all[index].configurationTable
    let slot = Int(intid &- INTID.firstLPI)
    let cacheable = table == cachedTable && slot < configurationCache.count
    if cacheable && configurationCache[slot] & 2 != 0 {
      return LPIConfiguration(rawValue: UInt64(configurationCache[slot]))
    }
    guard let byte = memory.load8(PA(table &+ UInt64(slot))) else { return nil }
    if cacheable {
      configurationCache[slot] = byte | 2
      cacheIsUsed = true
    }
    return LPIConfiguration(rawValue: UInt64(byte))
  }

  /// Whether the pending bit of an LPI is set; `nil` when the table cannot be read.
  @inline(__always)
  func pendingBit(of intid: UInt32, at index: Int, memory: PhysicalMemory) -> Bool? {
    if !profile.keepsPendingInMemory {
      return isSet(frames[index].privatePending[privateWord(intid)], bit: UInt64(intid & 63))
    }
    let place = PA(all[index].pendingTable &+ UInt64(intid &>> 3))
    guard let byte = memory.load8(place) else { return nil }
    return byte & (1 &<< UInt8(truncatingIfNeeded: intid & 7)) != 0
  }

  /// Sets or clears the pending bit of an LPI and says what it was; `nil` on an abort.
  @inline(__always)
  mutating func exchangePendingBit(
    of intid: UInt32, at index: Int, to value: Bool, memory: PhysicalMemory
  ) -> Bool? {
    if !profile.keepsPendingInMemory {
      let word = privateWord(intid)
      let mask: UInt64 = 1 &<< UInt64(intid & 63)
      let old = frames[index].privatePending[word]
      frames[index].privatePending[word] = value ? old | mask : old & ~mask
      return old & mask != 0
    }
    let place = PA(all[index].pendingTable &+ UInt64(intid &>> 3))
    return Self.exchangeBit(Int(intid & 7), at: place, to: value, memory: memory)
  }

  /// Sets or clears one bit of a byte in memory and says what it was; `nil` on an abort.
  @inline(__always)
  static func exchangeBit(
    _ bit: Int, at place: PA, to value: Bool, memory: PhysicalMemory
  ) -> Bool? {
    guard let byte = memory.load8(place) else { return nil }
    let mask: UInt8 = 1 &<< UInt8(truncatingIfNeeded: bit)
    if (byte & mask != 0) != value { memory.store8(place, byte ^ mask) }
    return byte & mask != 0
  }

  @inline(__always)
  private func privateWord(_ intid: UInt32) -> Int { Int((intid &- INTID.firstLPI) &>> 6) }

  /// Calls `body` with every pending LPI of redistributor `index`, in order.
  func forEachPending(at index: Int, memory: PhysicalMemory, _ body: (UInt32) -> Void) {
    let limit = all[index].intidLimit
    var base = INTID.firstLPI
    while base < limit {
      var word =
        profile.keepsPendingInMemory
        ? memory.load64(PA(all[index].pendingTable &+ UInt64(base &>> 3))) ?? 0
        : frames[index].privatePending[privateWord(base)]
      while word != 0 {
        let intid = base &+ UInt32(word.trailingZeroBitCount)
        word &= word &- 1
        if intid < limit { body(intid) }
      }
      base &+= 64
    }
  }

  /// Queues an LPI whose pending bit is set, if its configuration enables it.
  mutating func enqueueIfEnabled(_ intid: UInt32, at index: Int, memory: PhysicalMemory) {
    guard let configuration = configuration(of: intid, at: index, memory: memory),
      configuration[.enable]
    else { return }
    all[index].lpis.push(
      PendingQueue.key(priority: configuration.priority, intid: intid))
    if all[index].lpis.isCrowded { compactQueue(at: index, memory: memory) }
  }

  mutating func compactQueue(at index: Int, memory: PhysicalMemory) {
    var queue = PendingQueue()
    swap(&queue, &all[index].lpis)
    queue.compact { liveKey(of: $0, at: index, memory: memory) }
    all[index].lpis = queue
  }

  /// The key that an LPI should be queued under now; `nil` when it should not be.
  mutating func liveKey(of intid: UInt32, at index: Int, memory: PhysicalMemory) -> UInt32? {
    guard isLPI(intid, at: index),
      pendingBit(of: intid, at: index, memory: memory) == true,
      let configuration = configuration(of: intid, at: index, memory: memory),
      configuration[.enable]
    else { return nil }
    return PendingQueue.key(priority: configuration.priority, intid: intid)
  }

  /// Counts the pending LPIs of redistributor `index` and queues the enabled ones anew.
  mutating func rescan(at index: Int, memory: PhysicalMemory) {
    var pending: [UInt32] = []
    forEachPending(at: index, memory: memory) { pending.append($0) }
    all[index].lpis.removeAll()
    all[index].pendingCount = pending.count
    for intid in pending { enqueueIfEnabled(intid, at: index, memory: memory) }
  }
}
