import TestRandom
import Testing

@testable import Timing

@Suite("Settling")
struct SettlingTests {
  static func noise(_ count: Int, seed: UInt64) -> [Double] {
    var random = SplitMix(state: seed)
    return (0..<count).map { _ in
      // About normal: the sum of twelve even ones.
      (0..<12).reduce(-6.0) { sum, _ in sum + Double(random.next() >> 11) / 0x1p53 }
    }
  }

  @Test("a series of noise is settled from its start", arguments: 1...40)
  func noise(seed: UInt64) {
    let found = Settling.judge(Self.noise(100, seed: seed).map { 100 + 5 * $0 })
    #expect(found.settling == .settled)
    #expect(found.cut <= 50)
  }

  @Test("what rises at first and then lasts is cut where it lasts", arguments: 1...20)
  func transient(seed: UInt64) {
    let series = Self.noise(100, seed: seed).enumerated().map { place, noise in
      100 + noise - (place < 20 ? Double(20 - place) * 5 : 0)
    }
    let found = Settling.judge(series)
    #expect((15...45).contains(found.cut), "\(found.cut)")
    #expect(found.settling == .settled)
  }

  @Test("what grows to the end has not settled", arguments: 1...20)
  func growth(seed: UInt64) {
    let series = Self.noise(100, seed: seed).enumerated().map { place, noise in
      Double(place) + noise
    }
    #expect(Settling.judge(series).settling == .moving)
    #expect(Settling.judge(series.map { 200 - $0 }).settling == .moving)
  }

  @Test("a few points tell nothing, and equal ones are settled")
  func edges() {
    #expect(Settling.judge([]).settling == .tooFew)
    #expect(Settling.judge(Self.noise(19, seed: 1)).settling == .tooFew)
    let flat = Settling.judge(Array(repeating: 7, count: 50))
    #expect(flat.settling == .settled && flat.cut == 0)
  }
}
