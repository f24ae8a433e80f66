import GLibSupport
import TestRandom
import Testing

@Suite("RangeMap")
struct RangeMapTests {
  /// The same operations on a map and on a plain array of ranges.
  @Test(
    "agrees with a list that is searched from end to end", arguments: 1...8 as ClosedRange<UInt64>)
  func agreesWithList(seed: UInt64) {
    var random = SplitMix(state: seed)
    let map = RangeMap<Int>()
    var list: [(range: ClosedRange<UInt64>, value: Int)] = []
    for step in 0..<2000 {
      let first = UInt64.random(in: 0...400, using: &random)
      let range = first...first + UInt64.random(in: 0...12, using: &random)
      if Bool.random(using: &random) {
        let isFree = !list.contains { $0.range.overlaps(range) }
        #expect(map.insert(range, step) == isFree)
        if isFree { list.append((range, step)) }
      } else {
        let known = list.firstIndex { $0.range.lowerBound == first }
        #expect(map.remove(from: first)?.value == known.map { list[$0].value })
        if let known { list.remove(at: known) }
      }
      let expected = list.filter { $0.range.overlaps(range) }
        .sorted { $0.range.lowerBound < $1.range.lowerBound }.map(\.value)
      #expect(map.entries(intersecting: range).map(\.value) == expected)
    }
    #expect(
      map.entries.map(\.range)
        == list.map(\.range).sorted { $0.lowerBound < $1.lowerBound })
    #expect(map.count == list.count)
  }

  @Test("has a place for the first and the last address")
  func limits() {
    let map = RangeMap<String>()
    #expect(map.insert(0...0, "first"))
    #expect(map.insert(UInt64.max...UInt64.max, "last"))
    #expect(map.entry(at: 0)?.value == "first")
    #expect(map.entry(at: .max)?.value == "last")
    #expect(map.entry(at: 1) == nil)
    #expect(map.entries(intersecting: 0...UInt64.max).map(\.value) == ["first", "last"])
  }
}
