import Scenarios
import TestRandom
import Testing

@Suite("Pareto fronts")
struct ParetoFrontTests {
  /// Candidates with some numbers each, of which less is better.
  static func candidates(_ seed: UInt64) -> [[UInt64]] {
    var random = SplitMix(state: seed)
    let respects = 1 + random.below(4)
    let range = 1 + random.below(6)
    return (0..<random.below(60)).map { _ in (0..<respects).map { _ in random.below(range) } }
  }

  static func isBetter(_ left: [UInt64], _ right: [UInt64]) -> Bool {
    zip(left, right).allSatisfy { $0 <= $1 } && left != right
  }

  static func front(_ candidates: [[UInt64]]) -> ParetoFront {
    ParetoFront(count: candidates.count) { isBetter(candidates[$0], candidates[$1]) }
  }

  @Test("no member of the front is better than another", arguments: 0..<200 as Range<UInt64>)
  func members(seed: UInt64) {
    let candidates = Self.candidates(seed)
    let members = Self.front(candidates).members
    for member in members {
      #expect(members.allSatisfy { !Self.isBetter(candidates[$0], candidates[member]) })
    }
    #expect(candidates.isEmpty == members.isEmpty)
  }

  @Test(
    "every candidate is on the front, or a member of it is better",
    arguments: 0..<200 as Range<UInt64>)
  func eliminated(seed: UInt64) {
    let candidates = Self.candidates(seed)
    let front = Self.front(candidates)
    for (number, better) in front.betterMember.enumerated() {
      if let better {
        #expect(front.members.contains(better))
        #expect(!front.members.contains(number))
        #expect(Self.isBetter(candidates[better], candidates[number]))
      } else {
        #expect(front.members.contains(number))
      }
    }
  }

  @Test("candidates that are equal share the fate of all")
  func equals() {
    #expect(Self.front([[1, 2], [2, 1], [1, 2], [2, 2]]).members == [0, 1, 2])
    #expect(Self.front([[1, 2], [2, 1], [1, 2], [2, 2]]).betterMember == [nil, nil, nil, 0])
    #expect(Self.front([]).members.isEmpty)
  }
}
