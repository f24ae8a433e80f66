package import Files

/// Sink that receives the events of a log, in order.
package protocol TraceSink {
  /// Type of the log's events.
  associatedtype Event
  /// An event: when it happened in microseconds, if the log says so, and the number of its line.
  mutating func take(_ event: Event, at time: Int?, line: Int)
}

/// Result of reading a line of a log.
package enum LogLine<Event> {
  case event(Event)
  /// An event that tells nothing more than others do, or that is not known.
  case other
  /// A known event whose fields are missing or damaged.
  case garbled
  /// Not a line of such a log.
  case unreadable
}

/// Format in which one kind of log writes its events.
package protocol LogFormat {
  associatedtype Event

  init()
  /// Time of the line read last, in microseconds; `nil` if lines have no time.
  var time: Int? { get }
  /// Each event seen so far, by name.
  var counts: [TraceCounts.EventCount] { get }
  /// Reads one line, without its newline.
  mutating func parse(_ line: borrowing Span<UInt8>) -> LogLine<Event>
}

/// Reads QEMU's traces.
package typealias TraceReader = LogReader<TraceParser>

/// Number of lines of each sort in a trace.
package struct TraceCounts: Equatable, Sendable {
  package var lines = 0
  /// Lines that were understood.
  package var understood = 0
  /// Lines of events that are not interpreted.
  package var other = 0
  /// Lines of known events that were damaged.
  package var garbled = 0
  /// Lines that are no trace events at all.
  package var unreadable = 0
  /// Reason why the log could not be read to its end, if it could not.
  package var damage: String?
  /// Each event that occurs, by name.
  package var events: [EventCount] = []

  /// One event's name and count.
  package struct EventCount: Equatable, Sendable {
    package var name: String
    package var count: Int
    /// Whether the event is one that is interpreted.
    package var isKnown: Bool
  }

  package init() {}

  /// The counts of two parts of a log together.
  package static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.lines += right.lines
    sum.understood += right.understood
    sum.other += right.other
    sum.garbled += right.garbled
    sum.unreadable += right.unreadable
    sum.damage = left.damage ?? right.damage
    for event in right.events {
      if let place = sum.events.firstIndex(where: { $0.name == event.name }) {
        sum.events[place].count += event.count
      } else {
        sum.events.append(event)
      }
    }
    sum.events.sort { $0.name < $1.name }
    return sum
  }
}

/// Reads the lines of a log one after the other; a log of any length takes the same memory.
package struct LogReader<Format: LogFormat> {
  private(set) var format = Format()
  package private(set) var counts = TraceCounts()
  /// Beginning of a line whose end is in the next block.
  private var rest: [UInt8] = []
  private var isTooLong = false
  /// A longer line is no trace line.
  private static var longestLine: Int { 1 << 16 }

  package init() {}

  /// Reads all of `path`, plain or gzip'd.
  ///
  /// - Parameter progress: called with the number of lines so far, every block.
  /// A compressed log that ends too early, as that of a machine that was killed, is read as far
  /// as it goes; `counts.damage` says so.
  ///
  /// - Throws: `InputError` when nothing of the file can be read.
  package mutating func read<Sink: TraceSink>(
    _ path: String, into sink: inout Sink, progress: (Int) -> Void = { _ in }
  ) throws(InputError) where Sink.Event == Format.Event {
    do {
      try CompressedFile(path: path).forEachBlock { block in
        take(block, into: &sink)
        progress(counts.lines)
      }
    } catch {
      guard counts.lines > 0 else { throw InputError("\(error)", at: Place(file: path)) }
      counts.damage = "\(error)"
    }
    finish(into: &sink)
  }

  /// Reads a part of a log, which may end anywhere; `finish` takes what is left at the end.
  package mutating func take<Sink: TraceSink>(
    _ block: borrowing Span<UInt8>, into sink: inout Sink
  ) where Sink.Event == Format.Event {
    var start = 0
    for place in 0..<block.count where block[place] == 0x0a {
      if rest.isEmpty && !isTooLong {
        line(block.extracting(start..<place), into: &sink)
      } else {
        keep(block.extracting(start..<place))
        endKeptLine(into: &sink)
      }
      start = place + 1
    }
    keep(block.extracting(start..<block.count))
  }

  /// Ends the log: a last line without a newline counts.
  package mutating func finish<Sink: TraceSink>(into sink: inout Sink)
  where Sink.Event == Format.Event {
    if !rest.isEmpty || isTooLong { endKeptLine(into: &sink) }
    counts.events = format.counts
  }

  private mutating func keep(_ part: borrowing Span<UInt8>) {
    guard rest.count + part.count <= Self.longestLine else {
      isTooLong = true
      rest = []
      return
    }
    for place in 0..<part.count { rest.append(part[place]) }
  }

  private mutating func endKeptLine<Sink: TraceSink>(into sink: inout Sink)
  where Sink.Event == Format.Event {
    if isTooLong {
      counts.lines += 1
      counts.unreadable += 1
    } else {
      let kept = rest
      line(kept.span, into: &sink)
    }
    rest.removeAll(keepingCapacity: true)
    isTooLong = false
  }

  private mutating func line<Sink: TraceSink>(
    _ line: borrowing Span<UInt8>, into sink: inout Sink
  ) where Sink.Event == Format.Event {
    counts.lines += 1
    switch format.parse(line) {
    case .event(let event):
      counts.understood += 1
      sink.take(event, at: format.time, line: counts.lines)
    case .other: counts.other += 1
    case .garbled: counts.garbled += 1
    case .unreadable: counts.unreadable += 1
    }
  }
}
