import GLibSupport
import Testing

@testable import Simulation

@Suite("Exponential gaps")
struct ExponentialTests {
  @Test("the same seed draws the same gaps, another seed draws others")
  func seeded() {
    func gaps(_ seed: UInt32) -> [UInt64] {
      let random = SeededRandom(seed: seed)
      return (0..<100).map { _ in random.exponential(mean: .nanoseconds(1000)).picoseconds }
    }
    #expect(gaps(1) == gaps(1))
    #expect(gaps(1) != gaps(2))
    #expect(gaps(1).prefix(3) == [417_021, 720_324, 114])
  }

  @Test("mean and tail are those of the distribution")
  func distribution() {
    let random = SeededRandom(seed: 3)
    let count = 100_000
    let gaps = (0..<count).map { _ in
      Double(random.exponential(mean: .nanoseconds(1000)).picoseconds) / 1e6
    }
    let mean = gaps.reduce(0, +) / Double(count)
    // Three standard errors of the mean, and of the share above the mean, which is 1/e.
    #expect(abs(mean - 1) < 0.01)
    let above = Double(gaps.count { $0 > 1 }) / Double(count)
    #expect(abs(above - 0.36788) < 0.005)
  }

  @Test("a mean near the end of time does not overflow")
  func extremes() {
    let random = SeededRandom(seed: 4)
    for _ in 0..<1000 { _ = random.exponential(mean: SimulatedTime(picoseconds: .max)) }
    #expect(random.exponential(mean: .zero) == .zero)
  }
}
