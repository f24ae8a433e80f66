import Simulation
import TestRandom
import Testing

@testable import Timing

@Suite("Times at stations")
struct StationTimesTests {
  @Test("a completed account sums up to the latency, whatever was spent", arguments: 0..<50)
  func conservation(seed: UInt64) {
    var random = SplitMix(state: seed)
    var brief = BriefTimes()
    var spent: UInt64 = 0
    for _ in 0..<20 {
      let station = Station.allCases[Int(random.next() % UInt64(Station.allCases.count))]
      let time = random.next() % 1_000_000
      brief.add(SimulatedTime(picoseconds: time), at: station)
      spent += time
    }
    let waited = random.next() % 1_000_000
    let latency = SimulatedTime(picoseconds: spent + waited)
    #expect(brief.completed(after: latency).total == latency)
  }

  @Test("a time beyond 32 bits saturates and counts as queueing")
  func saturation() {
    var brief = BriefTimes()
    brief.add(SimulatedTime(picoseconds: 1 << 40), at: .held)
    let times = brief.completed(after: SimulatedTime(picoseconds: 1 << 40))
    #expect(times[.held].picoseconds == UInt64(UInt32.max))
    #expect(times.total.picoseconds == 1 << 40)
  }

  @Test("each station has a place and a name of its own")
  func places() {
    #expect(Station.allCases.map(\.place) == Array(0..<Station.allCases.count))
    #expect(Set(Station.allCases.map(\.name)).count == Station.allCases.count)
  }
}
