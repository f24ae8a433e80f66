/// A small seeded generator for tests (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014).
package struct SplitMix: RandomNumberGenerator {
  package var state: UInt64

  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }

  /// A number below `limit`.
  package mutating func below(_ limit: UInt64) -> UInt64 { next() % limit }

  /// True once in `count` times.
  package mutating func oneIn(_ count: UInt64) -> Bool { next() % count == 0 }

  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int(next() % UInt64(elements.count))]
  }
}
