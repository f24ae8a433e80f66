/// The enabled pending LPIs of one PE, the most urgent first.
///
/// It is a binary heap of 32-bit keys, priority above INTID, so that equal priorities leave in
/// order of INTID. The pending table in memory stays the truth: an entry may be stale, its owner
/// checks the head when it looks, and `compact` throws stale entries out when they pile up.
struct PendingQueue {
  private var keys: [UInt32] = []
  /// The number of keys at which the owner should compact.
  private(set) var compactionPoint = 128

  var count: Int { keys.count }
  var isEmpty: Bool { keys.isEmpty }
  /// Whether so many keys have been added that stale ones are worth removing.
  var isCrowded: Bool { keys.count >= compactionPoint }

  static func key(priority: UInt8, intid: UInt32) -> UInt32 {
    UInt32(priority) &<< 24 | (intid & 0xff_ffff)
  }
  static func priority(of key: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: key &>> 24) }
  static func intid(of key: UInt32) -> UInt32 { key & 0xff_ffff }

  /// The most urgent key.
  var first: UInt32? { keys.first }

  mutating func push(_ key: UInt32) {
    keys.append(key)
    var child = keys.count &- 1
    while child > 0 {
      let parent = (child &- 1) &>> 1
      let above = keys[parent]
      if above <= key { break }
      keys[child] = above
      child = parent
    }
    keys[child] = key
  }

  mutating func removeFirst() {
    guard let last = keys.popLast(), !keys.isEmpty else { return }
    let count = keys.count
    var hole = 0
    while true {
      var child = 2 &* hole &+ 1
      if child >= count { break }
      if child &+ 1 < count && keys[child &+ 1] < keys[child] { child &+= 1 }
      if keys[child] >= last { break }
      keys[hole] = keys[child]
      hole = child
    }
    keys[hole] = last
  }

  mutating func removeAll() {
    keys.removeAll(keepingCapacity: true)
    compactionPoint = 128
  }

  /// Keeps one key for each INTID that is still live, with the priority that it then has.
  mutating func compact(_ liveKey: (_ intid: UInt32) -> UInt32?) {
    // In place: messages make it necessary, and they allocate nothing.
    var kept = 0
    for place in keys.indices {
      guard let key = liveKey(Self.intid(of: keys[place])) else { continue }
      keys[kept] = key
      kept &+= 1
    }
    keys.removeLast(keys.count &- kept)
    // A sorted array is a heap; in it, the keys of one INTID stand together.
    keys.sort()
    kept = min(1, keys.count)
    for place in keys.indices.dropFirst() where keys[place] != keys[place &- 1] {
      keys[kept] = keys[place]
      kept &+= 1
    }
    keys.removeLast(keys.count &- kept)
    markCompacted()
  }

  /// Says that every key is live, so that the next compaction can wait.
  mutating func markCompacted() { compactionPoint = max(128, 2 * keys.count) }

  func checkInvariants() -> Bool {
    keys.indices.dropFirst().allSatisfy { keys[($0 - 1) / 2] <= keys[$0] }
  }
}
