import Designs
import Files
import ResultFixtures
import Scenarios
import Simulation
import Testing

@Suite("Comparison")
struct ComparisonTests {
  @Test("results stand in the order of the designs, whichever ends first")
  func order() async throws {
    let comparison = await Fixtures.scenario().run { specification in
      Fixtures.result(specification.design)
    }
    #expect(comparison.results.map(\.design.name) == ["rmr-identity", "untrapped"])
  }

  @Test("a run that cannot be made is a row that says why, and the others are run")
  func failure() async throws {
    let comparison = await Fixtures.scenario().run { specification throws(RunFailure) in
      if specification.design.name == "untrapped" { throw RunFailure("too much") }
      return Fixtures.result(specification.design)
    }
    #expect(comparison.results.map(\.setup) == [.enabled, .notModelled("too much")])
    #expect(comparison.results.map(\.why).last == "too much")
  }

  @Test("percentiles are those of the sorted times")
  func latency() throws {
    let times = (1...100).map { SimulatedTime.nanoseconds($0) }
    let latency = try #require(Latency(times.reversed()))
    #expect(latency.p50 == 50)
    #expect(latency.p99 == 99)
    #expect(latency.max == 100)
    #expect(Latency([]) == nil)
    let long = try #require(Latency([SimulatedTime(picoseconds: .max)]))
    #expect(long.max == UInt64.max / 1000)
    #expect(long.p50 <= long.max)
  }

  @Test("exits for each interrupt count the MSIs that were sent")
  func exits() {
    #expect(Fixtures.result().exitsPerInterrupt == 1.5)
    #expect(Fixtures.refused().exitsPerInterrupt == 0)
    #expect(
      Fixtures.result(verdicts: [.delivered, .lost, .lost], deliveryExits: 1).exitsPerInterrupt
        == 0.333)
  }

  @Test("an MSI is found by its number and its vector")
  func messages() throws {
    let workload = Fixtures.scenario().workload
    #expect(try workload.messageIndex(vector: nil, number: 3) == 3)
    #expect(try workload.messageIndex(vector: 1, number: 1) == 3)
    #expect(throws: InputError("--vector: expected 0 to 1, found 2")) {
      try workload.messageIndex(vector: 2, number: 0)
    }
    #expect(throws: InputError("--message: expected 0 to 1 for the MSIs of vector 0, found 2")) {
      try workload.messageIndex(vector: 0, number: 2)
    }
    #expect(throws: InputError("--message: expected 0 to 3 for the MSIs of the device, found -1")) {
      try workload.messageIndex(vector: nil, number: -1)
    }
  }
}
