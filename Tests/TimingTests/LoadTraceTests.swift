import Simulation
import Testing

@testable import Timing

@Suite("Traces of loads")
struct LoadTraceTests {
  private static func traced(_ setting: LoadSetting, limit: Int = 100) -> LoadResult {
    LoadEngine(
      path: LoadEngineTests.path, costs: LoadEngineTests.costs(), setting: setting, seed: 1
    ).run(tracing: limit)
  }

  @Test(
    "the first MSIs are traced, without a gap from their write to their end",
    arguments: [LoadEngineTests.nvme(), LoadEngineTests.nic(gap: 5_000)])
  func stays(setting: LoadSetting) throws {
    let trace = try #require(Self.traced(setting).trace)
    #expect(trace.messages.count == 100)
    for (number, message) in trace.messages.enumerated() {
      var reached = message.sent
      for stay in trace.stays where stay.message == number {
        #expect(stay.start == reached)
        reached += stay.duration
      }
      if let ended = message.ended { #expect(ended >= reached) }
    }
    #expect(trace.messages.contains { $0.ended != nil })
    #expect(Set(trace.messages.map(\.device)) == Set(0..<setting.devices[0].count))
  }

  @Test("tracing changes no number of the run")
  func unchanged() {
    let plain = LoadEngineTests.run(LoadEngineTests.nvme())
    let traced = Self.traced(LoadEngineTests.nvme())
    #expect(plain.latencies == traced.latencies)
    for station in Station.allCases {
      #expect(plain.times.mean(station, over: 1) == traced.times.mean(station, over: 1))
    }
    #expect(plain.trace?.limit == nil)
  }
}
