import Designs
package import Files
package import Scenarios
import Simulation
import Software
import Timing

/// Runs as a trace for Perfetto (https://ui.perfetto.dev) and `chrome://tracing`: a process for each
/// design, a track for each party and each unit of hardware, a slice for each step and each stay of an
/// MSI, flow arrows that follow each MSI, and counters of how many MSIs are where.
///
/// The format is Chrome's JSON trace event format. Times are simulated.
package struct TraceReport: Sendable {
  private let scenario: Scenario
  private let processes: [TracedProcess]

  package init(_ comparison: Comparison) {
    scenario = comparison.scenario
    processes = comparison.results.enumerated().map {
      TracedProcess(scenario: comparison.scenario, result: $1, number: $0 + 1)
    }
  }

  package var json: JSONValue {
    let names = processes.map(\.result.design.name).joined(separator: ", ")
    return [
      "displayTimeUnit": "ns",
      "otherData": [
        "scenario": .string(scenario.name), "design": .string(names),
        "seed": .integer(Int(scenario.seed)), "costs": .string(scenario.costs.name),
        "time": "simulated",
      ],
      "traceEvents": .array(processes.flatMap(\.events)),
    ]
  }
}

/// One run in a trace.
private struct TracedProcess: Sendable {
  let scenario: Scenario
  let result: RunResult
  /// From 1 on.
  let number: Int

  var events: [JSONValue] {
    let lanes = Lanes(slices: steps + stays)
    return metadata(lanes) + lanes.slices.map { event($0.slice, lane: $0.lane) } + flows(lanes)
      + ends + counters
  }

  // MARK: Slices

  private var steps: [Slice] {
    result.steps.map { step in
      Slice(
        track: .software(step.agent), name: step.function, start: step.time,
        duration: step.duration, message: nil,
        arguments: [.init("does", .string(step.text))]
          + (step.belief.map { [.init("believes", .string($0.description))] } ?? []))
    }
  }

  private var stays: [Slice] {
    var hasLeft: Set<Int> = []
    return (result.timeline?.stays ?? []).compactMap { stay in
      let isFirst = hasLeft.insert(stay.message).inserted
      guard stay.duration > .zero,
        let track = isFirst
          ? .device(device(of: stay.message))
          : Slice.Track(of: stay.station, units(of: stay.message))
      else { return nil }
      return Slice(
        track: track, name: "MSI \(stay.message): \(isFirst ? "write" : stay.station.name)",
        start: stay.start, duration: stay.duration, message: stay.message,
        arguments: [.init("vector", .integer(vector(of: stay.message)))])
    }
  }

  private func message(_ index: Int) -> Timeline.Message? {
    guard let messages = result.timeline?.messages, messages.indices.contains(index) else {
      return nil
    }
    return messages[index]
  }

  private func vector(of message: Int) -> Int { self.message(message)?.vector ?? 0 }
  private func device(of message: Int) -> Int { self.message(message)?.device ?? 0 }

  /// The SMMU and the ITS that a message's device has, and its virtual CPU.
  private func units(of message: Int) -> (smmu: Int, its: Int, virtualCPU: Int?) {
    let device = device(of: message)
    let virtualCPU = self.message(message)?.virtualCPU
    guard result.devices.indices.contains(device) else { return (0, 0, virtualCPU) }
    return (result.devices[device].smmu, result.devices[device].its, virtualCPU)
  }

  // MARK: Counters

  /// Counters of the MSIs on their way, at each unit, and held back or waiting, whenever they
  /// change.
  private var counters: [JSONValue] {
    var changes: [String: [(time: SimulatedTime, by: Int)]] = [:]
    func add(_ name: String, from start: SimulatedTime, to end: SimulatedTime) {
      guard end > start else { return }
      changes[name, default: []] += [(start, 1), (end, -1)]
    }
    for message in result.timeline?.messages ?? [] {
      add("MSIs on their way", from: message.sent, to: message.ended)
    }
    for stay in result.timeline?.stays ?? [] {
      let end = stay.start + stay.duration
      if let track = Slice.Track(of: stay.station, units(of: stay.message)) {
        add("MSIs at \(track.name)", from: stay.start, to: end)
      } else {
        add("MSIs \(stay.station.name)", from: stay.start, to: end)
      }
    }
    return changes.sorted { $0.key < $1.key }.flatMap { name, changes in
      var count = 0
      var last: SimulatedTime?
      var events: [JSONValue] = []
      for change in changes.sorted(by: { ($0.time, $0.by) < ($1.time, $1.by) }) {
        count += change.by
        if last == change.time { events.removeLast() }
        last = change.time
        events.append(
          .object(header("C", name, change.time, 0) + [.init("args", ["MSIs": .integer(count)])]))
      }
      return events
    }
  }

  private func event(_ slice: Slice, lane: Int) -> JSONValue {
    .object(
      header("X", slice.name, slice.start, lane) + [
        .init("cat", .string(slice.message == nil ? "software" : "msi")),
        .init("dur", Self.microseconds(slice.duration)), .init("args", .object(slice.arguments)),
      ])
  }

  // MARK: Flows

  /// An arrow from each slice of an MSI to the next: `s`, `t` and `f`.
  private func flows(_ lanes: Lanes) -> [JSONValue] {
    let ways = Dictionary(grouping: lanes.slices.filter { $0.slice.message != nil }) {
      $0.slice.message ?? 0
    }
    return ways.keys.sorted().flatMap { message -> [JSONValue] in
      let way = (ways[message] ?? []).sorted { $0.slice.start < $1.slice.start }
      guard way.count > 1 else { return [] }
      return way.enumerated().map { step, place in
        let isLast = step == way.count - 1
        return .object(
          header(step == 0 ? "s" : isLast ? "f" : "t", "MSI", place.slice.start, place.lane)
            + [.init("cat", "msi"), .init("id", .integer((number - 1) << 32 | (message + 1)))]
            + (isLast ? [.init("bp", "e")] : []))
      }
    }
  }

  /// Verdict on each MSI, as an instant of the whole process.
  private var ends: [JSONValue] {
    (result.timeline?.messages ?? []).enumerated().map { number, message in
      let verdict = message.verdict?.rawValue ?? "on its way at the end"
      return .object(
        header("i", "MSI \(number): \(verdict)", message.ended, 1)
          + [.init("cat", "verdict"), .init("s", "p")])
    }
  }

  // MARK: Format

  private func metadata(_ lanes: Lanes) -> [JSONValue] {
    let process: JSONValue = [
      "ph": "M", "name": "process_name", "pid": .integer(number), "tid": 0,
      "args": ["name": .string("\(scenario.name), \(result.design.name)")],
    ]
    return [process]
      + zip(1..., lanes.names).flatMap { lane, name -> [JSONValue] in
        [
          [
            "ph": "M", "name": "thread_name", "pid": .integer(number), "tid": .integer(lane),
            "args": ["name": .string(name)],
          ],
          [
            "ph": "M", "name": "thread_sort_index", "pid": .integer(number), "tid": .integer(lane),
            "args": ["sort_index": .integer(lane)],
          ],
        ]
      }
  }

  private func header(
    _ phase: String, _ name: String, _ time: SimulatedTime, _ lane: Int
  ) -> [JSONValue.Member] {
    [
      .init("ph", .string(phase)), .init("name", .string(name)),
      .init("ts", Self.microseconds(time)),
      .init("pid", .integer(number)), .init("tid", .integer(lane)),
    ]
  }

  /// The format's unit; picoseconds are its sixth decimal.
  private static func microseconds(_ time: SimulatedTime) -> JSONValue {
    .number(Double(time.picoseconds) / 1_000_000)
  }
}
