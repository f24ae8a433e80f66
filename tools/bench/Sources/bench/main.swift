import Glibc

/// Prints nanoseconds per operation of what Doorbell does most, with the ratio to something plain
/// in the same run, and whether the bounds hold that the project set itself. Arguments choose:
/// 'marks' leaves translation out, 'message' runs single MSIs alone and
/// 'load' loads, for a profiler.
do {
  if CommandLine.arguments.dropFirst().contains("message") {
    for measurement in try MessageBenchmarks.run(relativeTo: nil) { print(measurement.line) }
    exit(0)
  }
  if CommandLine.arguments.dropFirst().contains("load") {
    for measurement in LoadBenchmarks.run(relativeTo: nil) { print(measurement.line) }
    exit(0)
  }
  let onlyMarks = CommandLine.arguments.dropFirst().contains("marks")
  var marks = try MemoryBenchmarks.marks()
  marks += try AllocationBenchmarks.marks()
  let queues = QueueBenchmarks.run()
  let messages = try MessageBenchmarks.run(relativeTo: queues.dropFirst().first)
  let loads = LoadBenchmarks.run(relativeTo: queues.dropFirst(3).first)
  let translations = onlyMarks ? [] : try TranslationBenchmarks.run()
  for measurement in translations + messages + loads + queues { print(measurement.line) }
  marks += timeMarks(messages, loads, queues)
  marks.append(
    Mark(
      name: "a million MSIs under each of five designs",
      value: try await MessageBenchmarks.million(),
      bound: 5, unit: "s"))
  for mark in marks { print(mark.line) }
  exit(marks.allSatisfy { $0.holds || !$0.isGate } ? 0 : 1)
} catch {
  print("bench: error: \(error)")
  exit(1)
}

/// The bounds on times.
func timeMarks(
  _ messages: [Measurement], _ loads: [Measurement], _ queues: [Measurement]
) -> [Mark] {
  func time(_ measurement: Measurement) -> Double { measurement.nanoseconds }
  var marks = messages.prefix(1).map {
    Mark(name: $0.name, value: time($0), bound: 600, unit: "ns")
  }
  marks += loads.prefix(1).map {
    Mark(
      name: "journeys a second on one core, under that load", value: 1000 / time($0), bound: 1.5,
      unit: "M/s", isFloor: true)
  }
  if let last = loads.last?.ratio?.value {
    marks.append(
      Mark(
        name: "time of an MSI in 1,000 times as many, against it", value: last, bound: 1.25,
        unit: "x"))
  }
  for (place, bound) in [(1, 60.0), (5, 200.0)] where queues.indices.contains(place) {
    marks.append(
      Mark(name: queues[place].name, value: time(queues[place]), bound: bound, unit: "ns"))
  }
  return marks
}
