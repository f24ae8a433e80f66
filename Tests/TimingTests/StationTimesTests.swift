import Simulation
import TestRandom
import Testing

@testable import Timing

@Suite("Times at stations")
struct StationTimesTests {
  @Test("a completed account sums up to the latency, whatever was spent", arguments: 0..<50)
  func conservation(seed: UInt64) {
    var random = SplitMix(state: seed)
    var times = StationTimes()
    var spent: UInt64 = 0
    for _ in 0..<20 {
      let station = Station.allCases[Int(random.next() % UInt64(Station.allCases.count))]
      let time = random.next() % (1 << 40)
      times.add(SimulatedTime(picoseconds: time), at: station)
      spent += time
    }
    let waited = random.next() % 1_000_000
    let latency = SimulatedTime(picoseconds: spent + waited)
    #expect(times.completed(after: latency).total == latency)
  }

  @Test("a second at one station counts there, and not as queueing")
  func longStay() {
    var times = StationTimes()
    times.add(.nanoseconds(1_000_000_000), at: .held)
    let completed = times.completed(after: .nanoseconds(1_000_000_100))
    #expect(completed[.held] == .nanoseconds(1_000_000_000))
    #expect(completed[.queueing] == .nanoseconds(100))
  }

  @Test("each station has a place and a name of its own")
  func places() {
    #expect(Station.allCases.map(\.place) == Array(0..<Station.allCases.count))
    #expect(Set(Station.allCases.map(\.name)).count == Station.allCases.count)
  }

  @Test("each cause of an exit has a place and a name of its own")
  func causes() {
    #expect(ExitCause.allCases.map(\.place) == Array(0..<ExitCause.allCases.count))
    #expect(Set(ExitCause.allCases.map(\.name)).count == ExitCause.allCases.count)
  }
}
