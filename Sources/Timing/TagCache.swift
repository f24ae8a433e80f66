/// Which tags a set-associative cache holds, with the least recently used one replaced: a TLB, a
/// walk cache, the route cache of an ITS, as far as time is concerned.
public struct TagCache: Sendable {
  /// Tags of each set, most recently used first; 0 for an empty way.
  private var tags: ContiguousArray<UInt64>
  private let ways: Int
  private let setMask: UInt64

  /// - Parameters:
  ///   - entries: rounded up to a power of two of sets; none turns the cache off.
  ///   - ways: 1 at least.
  public init(entries: Int, ways: Int) {
    self.ways = max(1, ways)
    var sets = 1
    while sets * self.ways < entries { sets *= 2 }
    setMask = UInt64(sets - 1)
    tags = entries <= 0 ? [] : ContiguousArray(repeating: 0, count: sets * self.ways)
  }

  private func base(of tag: UInt64) -> Int {
    let mixed = (tag &* 0x9e37_79b9_7f4a_7c15) &>> 32
    return Int(truncatingIfNeeded: mixed & setMask) &* ways
  }

  /// Looks `tag` up and brings it in; whether it was there.
  public mutating func access(_ tag: UInt64) -> Bool {
    guard !tags.isEmpty else { return false }
    let stored = tag &+ 1
    let base = base(of: stored)
    var carried = stored
    for way in base..<base + ways {
      let old = tags[way]
      tags[way] = carried
      if old == stored { return true }
      carried = old
    }
    return false
  }

  /// Forgets `tag`.
  public mutating func invalidate(_ tag: UInt64) {
    guard !tags.isEmpty else { return }
    let stored = tag &+ 1
    let base = base(of: stored)
    for way in base..<base + ways where tags[way] == stored { tags[way] = 0 }
  }
}
