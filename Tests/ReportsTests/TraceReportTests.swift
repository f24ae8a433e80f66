import Bits
import Designs
import Files
import Reports
import ResultFixtures
import Scenarios
import Simulation
import Software
import Testing
import Timing

@Suite("TraceReport")
struct TraceReportTests {
  /// Two MSIs that are in the SMMU at one time, and a step of the host.
  private static func events() throws -> [JSONValue] {
    var result = Fixtures.result(steps: [Fixtures.step])
    func stay(_ message: Int, _ station: Station, _ start: UInt64, _ length: UInt64)
      -> Timeline.Stay
    {
      .init(
        message: message, station: station, start: .nanoseconds(start),
        duration: .nanoseconds(length))
    }
    result.timeline = Timeline(
      messages: [
        .init(vector: 0, sent: .zero, ended: .nanoseconds(90), verdict: .delivered),
        .init(
          vector: 1, device: 1, sent: .nanoseconds(1), ended: .nanoseconds(60), verdict: .fault),
      ],
      stays: [
        stay(0, .interconnect, 0, 10), stay(0, .translation, 10, 50), stay(0, .its, 60, 0),
        stay(0, .handler, 60, 30), stay(1, .interconnect, 1, 10), stay(1, .translation, 11, 49),
      ])
    let json = TraceReport(Comparison(scenario: Fixtures.scenario(), results: [result])).json
    guard case .array(let events) = json["traceEvents"] else { return [] }
    return events
  }

  private static func number(_ value: JSONValue?) -> Double {
    switch value {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: .nan
    }
  }

  @Test("each party has a track, and what overlaps on one goes to a second lane of it")
  func tracks() throws {
    let names = try Self.events().filter { $0["name"] == "thread_name" }
      .compactMap { $0["args"]?["name"] }
    #expect(
      names == [
        "host kernel", "device 0", "device 1", "SMMU 0", "SMMU 0, 2 at once",
        "virtual CPU: interrupts",
      ])
  }

  @Test("counters rise and fall with what is where, and end at none")
  func counters() throws {
    let events = try Self.events().filter { $0["ph"] == "C" }
    func counts(_ name: String) -> [Double] {
      events.filter { $0["name"] == .string(name) }.map { Self.number($0["args"]?["MSIs"]) }
    }
    #expect(counts("MSIs on their way") == [1, 2, 1, 0])
    #expect(counts("MSIs at SMMU 0") == [1, 2, 0])
  }

  @Test("times are microseconds, and an empty stay has no slice")
  func slices() throws {
    let slices = try Self.events().filter { $0["ph"] == "X" }
    #expect(slices.count == 6)
    let walk = try #require(slices.first { $0["name"] == "MSI 0: walks" })
    #expect(Self.number(walk["ts"]) == 0.01)
    #expect(Self.number(walk["dur"]) == 0.05)
    let step = try #require(slices.first { $0["cat"] == "software" })
    #expect(step["name"] == "iommufd_sw_msi")
    #expect(step["args"]?["does"] == "maps the doorbell page at 0x8000000")
  }

  @Test("slices of one lane never overlap")
  func nesting() throws {
    var ends: [Double: Double] = [:]
    for slice in try Self.events().filter({ $0["ph"] == "X" }) {
      let lane = Self.number(slice["tid"])
      let start = Self.number(slice["ts"])
      #expect(start >= ends[lane, default: 0])
      ends[lane] = start + Self.number(slice["dur"])
    }
  }

  @Test("each MSI has one arrow, from its first slice through each to its last")
  func flows() throws {
    let flows = try Self.events().filter { $0["id"] != nil }
    #expect(flows.map { $0["ph"] } == ["s", "t", "f", "s", "f"])
    #expect(flows.map { $0["id"] } == [1, 1, 1, 2, 2])
    let starts = try Set(
      Self.events().filter { $0["ph"] == "X" }.map {
        [Self.number($0["tid"]), Self.number($0["ts"])]
      })
    for flow in flows {
      #expect(starts.contains([Self.number(flow["tid"]), Self.number(flow["ts"])]))
    }
  }

  @Test("what became of each MSI is an instant")
  func ends() throws {
    let ends = try Self.events().filter { $0["ph"] == "i" }
    #expect(ends.map { $0["name"] } == ["MSI 0: delivered", "MSI 1: fault"])
    #expect(ends.map { Self.number($0["ts"]) } == [0.09, 0.06])
  }
}
