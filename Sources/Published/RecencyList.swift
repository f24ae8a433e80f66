/// Which of `0..<keys` a cache of so many entries holds, the least recently used one out first.
struct RecencyList {
  private var older: [Int32]
  private var newer: [Int32]
  private var isHeld: [Bool]
  private var newest: Int32 = -1
  private var oldest: Int32 = -1
  private(set) var count = 0

  init(keys: Int) {
    older = Array(repeating: -1, count: keys)
    newer = older
    isHeld = Array(repeating: false, count: keys)
  }

  /// Whether `key` is held; if so it is now the most recently used one.
  mutating func use(_ key: Int) -> Bool {
    guard isHeld[key] else { return false }
    if Int32(truncatingIfNeeded: key) != newest {
      unlink(key)
      link(key)
    }
    return true
  }

  /// Brings `key` in, which is not held.
  mutating func insert(_ key: Int) {
    guard !isHeld[key] else { return }
    isHeld[key] = true
    count += 1
    link(key)
  }

  /// Drops the least recently used key.
  mutating func evict() {
    guard oldest >= 0 else { return }
    let key = Int(oldest)
    unlink(key)
    isHeld[key] = false
    count -= 1
  }

  private mutating func link(_ key: Int) {
    let index = Int32(truncatingIfNeeded: key)
    older[key] = newest
    newer[key] = -1
    if newest >= 0 { newer[Int(newest)] = index }
    newest = index
    if oldest < 0 { oldest = index }
  }

  private mutating func unlink(_ key: Int) {
    let (before, after) = (older[key], newer[key])
    if before >= 0 { newer[Int(before)] = after } else { oldest = after }
    if after >= 0 { older[Int(after)] = before } else { newest = before }
  }
}
