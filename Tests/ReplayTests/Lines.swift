import Files
import Foundation
import Testing

@testable import Replay

/// Traces for tests.
enum Fixture {
  /// The names of the recorded cases in a folder of fixtures.
  static func cases(_ folder: String) -> [String] {
    let url = Bundle.module.url(forResource: "Fixtures/\(folder)", withExtension: nil)
    let names = url.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) }
    return (names ?? []).filter { $0.hasSuffix(".log.gz") }.map { String($0.dropLast(7)) }.sorted()
  }

  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)).path
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    try CompressedFile(path: try path(name)).rest(limit: 1 << 28)
  }
}

/// Reads `bytes` as a log, in blocks of `block` bytes.
func read<Sink: TraceSink>(
  _ bytes: [UInt8], block: Int = 1 << 16, into sink: inout Sink
) -> TraceCounts where Sink.Event == TraceEvent {
  var reader = TraceReader()
  var start = 0
  while start < bytes.count {
    let end = min(start + block, bytes.count)
    reader.take(bytes.span.extracting(start..<end), into: &sink)
    start = end
  }
  reader.finish(into: &sink)
  return reader.counts
}

/// The story of a log that is given as text.
func story(_ lines: String...) -> (MachineStory, TraceCounts) {
  var story = MachineStory()
  let counts = read(Array(lines.joined(separator: "\n").utf8), into: &story)
  return (story, counts)
}

/// Keeps the events as text.
struct EventList: TraceSink {
  var events: [String] = []
  var times: [Int?] = []
  mutating func take(_ event: TraceEvent, at time: Int?, line: Int) {
    events.append("\(event)")
    times.append(time)
  }
}

extension Fixture {
  /// The recorded counts of a case.
  static func summary(_ name: String) throws -> JSONCursor {
    try InputFile(try path("summaries/\(name).json")).json()
  }
}
