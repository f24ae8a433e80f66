import Designs
import Engine
import Simulation
import Testing
import Timing

@Suite("Timeline")
struct TimelineTests {
  @Test("an MSI is at one station at a time, from its write to its handler", arguments: [1, 40])
  func stays(messages: Int) throws {
    var specification = Fixtures.specification(
      Fixtures.rmr, Fixtures.messages(Array(repeating: 0, count: messages)),
      costs: [
        .interconnectHop: .nanoseconds(100), .tableRead: .nanoseconds(20),
        .hostInterruptEntry: .nanoseconds(500), .guestHandler: .nanoseconds(3000),
      ])
    #expect(try specification.run().timeline == nil)
    specification.wantsTimeline = true
    let result = try specification.run()
    let timeline = try #require(result.timeline)
    #expect(timeline.messages.map(\.verdict) == result.verdicts.map { $0 })
    for (number, message) in timeline.messages.enumerated() {
      var time = message.sent
      for stay in timeline.stays where stay.message == number {
        #expect(stay.start >= time)
        time = stay.start + stay.duration
      }
      #expect(time <= message.ended)
    }
    // The first waits for nothing.
    let first = timeline.stays.filter { $0.message == 0 }
    #expect(first.reduce(SimulatedTime.zero) { $0 + $1.duration } == result.latencies.first)
    #expect(first.first?.station == .interconnect && first.last?.station == .handler)
  }
}
