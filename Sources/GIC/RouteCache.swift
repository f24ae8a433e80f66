/// Translation of an event.
struct Route: Equatable {
  var intid: UInt32
  /// Physical: the redistributor. Virtual: the vPE.
  var target: UInt16
  var isVirtual: Bool
  /// Virtual: the doorbell LPI; 1023 for none.
  var doorbell: UInt32
}

/// Translations that an ITS keeps in front of its tables: least recently used first out.
///
/// It shows staleness: a translation stays until a command drops it, whatever memory says.
public struct RouteCache {
  public enum Capacity: Equatable, Sendable {
    case none
    /// At least one entry.
    case limited(Int)
    case unlimited
  }

  private struct Slot {
    var key: UInt64
    var route: Route
    /// The next slot with the same hash, or the next free one.
    var chain: Int32
    var older: Int32
    var newer: Int32
  }

  /// Number of messages whose translation was cached, and of those whose was not.
  public private(set) var hits = 0
  public private(set) var misses = 0
  /// Number of translations that were evicted to make room for others.
  public private(set) var evictions = 0
  /// Translations that are held.
  public private(set) var count = 0

  private let capacity: Int
  private var buckets: [Int32]
  private var slots: [Slot] = []
  private var free: Int32 = -1
  private var newest: Int32 = -1
  private var oldest: Int32 = -1

  init(capacity: Capacity) {
    switch capacity {
    case .none: self.capacity = 0
    case .limited(let limit): self.capacity = max(limit, 1)
    case .unlimited: self.capacity = .max
    }
    let expected = min(self.capacity, 1024)
    buckets = Array(repeating: -1, count: Self.bucketCount(for: expected))
    slots.reserveCapacity(expected)
  }

  private static func bucketCount(for entries: Int) -> Int {
    var count = 16
    while count < 2 * entries { count *= 2 }
    return count
  }

  @inline(__always)
  package static func key(_ deviceID: UInt32, _ eventID: UInt32) -> UInt64 {
    UInt64(deviceID) &<< 32 | UInt64(eventID)
  }

  @inline(__always)
  private func bucket(of key: UInt64) -> Int {
    let mixed = key &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed &>> 32) & (buckets.count &- 1)
  }

  @inline(__always)
  mutating func lookup(_ key: UInt64) -> Route? {
    var slot = buckets[bucket(of: key)]
    while slot >= 0 {
      let index = Int(slot)
      if slots[index].key == key {
        hits &+= 1
        if slot != newest { renew(slot) }
        return slots[index].route
      }
      slot = slots[index].chain
    }
    misses &+= 1
    return nil
  }

  mutating func insert(_ key: UInt64, _ route: Route) {
    guard capacity > 0 else { return }
    remove(key)
    if count == capacity, oldest >= 0 {
      remove(slots[Int(oldest)].key)
      evictions &+= 1
    }
    if count &* 2 > buckets.count { grow() }
    let place = bucket(of: key)
    let slot = Slot(key: key, route: route, chain: buckets[place], older: newest, newer: -1)
    let index = take(slot)
    buckets[place] = index
    if newest >= 0 { slots[Int(newest)].newer = index }
    newest = index
    if oldest < 0 { oldest = index }
    count &+= 1
  }

  private mutating func take(_ slot: Slot) -> Int32 {
    guard free >= 0 else {
      slots.append(slot)
      return Int32(truncatingIfNeeded: slots.count &- 1)
    }
    let index = free
    free = slots[Int(index)].chain
    slots[Int(index)] = slot
    return index
  }

  package mutating func remove(_ key: UInt64) {
    let place = bucket(of: key)
    var previous: Int32 = -1
    var slot = buckets[place]
    while slot >= 0 && slots[Int(slot)].key != key {
      previous = slot
      slot = slots[Int(slot)].chain
    }
    guard slot >= 0 else { return }
    let next = slots[Int(slot)].chain
    if previous < 0 { buckets[place] = next } else { slots[Int(previous)].chain = next }
    unlink(slot)
    slots[Int(slot)].chain = free
    free = slot
    count &-= 1
  }

  /// Drops everything.
  package mutating func removeAll() {
    guard count > 0 else { return }
    for index in buckets.indices { buckets[index] = -1 }
    slots.removeAll(keepingCapacity: true)
    (free, newest, oldest, count) = (-1, -1, -1, 0)
  }

  private mutating func renew(_ slot: Int32) {
    unlink(slot)
    slots[Int(slot)].older = newest
    slots[Int(slot)].newer = -1
    if newest >= 0 { slots[Int(newest)].newer = slot }
    newest = slot
    if oldest < 0 { oldest = slot }
  }

  private mutating func unlink(_ slot: Int32) {
    let (older, newer) = (slots[Int(slot)].older, slots[Int(slot)].newer)
    if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
    if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
  }

  private mutating func grow() {
    buckets = Array(repeating: -1, count: buckets.count * 2)
    var slot = oldest
    while slot >= 0 {
      let place = bucket(of: slots[Int(slot)].key)
      slots[Int(slot)].chain = buckets[place]
      buckets[place] = slot
      slot = slots[Int(slot)].newer
    }
  }
}
