import Files

/// An event with its time and its line.
struct LoggedEvent: BitwiseCopyable, Sendable {
  let event: TraceEvent
  /// Microseconds; of a log without times, the number of the line.
  let time: Int
  let line: Int
}

/// The events of a trace that say something of a device, kept in order.
///
/// A story and a check forget each event at once. A recording is made by looking at the same events
/// several times, so its trace is kept: all but timer interrupts, wake-ups and register writes of
/// the interrupt controller, which are most of a log.
struct EventLog: TraceSink {
  private(set) var events: [LoggedEvent] = []
  private(set) var hasTimes = false
  /// Events beyond `limit`.
  private(set) var left = 0
  private static let limit = 8 << 20

  mutating func take(_ event: TraceEvent, at time: Int?, line: Int) {
    switch event {
    case .acknowledge(_, let intid) where intid < 8192: return
    case .redistributorWrite(_, let offset, _, _) where offset != 0x70: return
    case .cacheInsert: return
    default: break
    }
    guard events.count < Self.limit else {
      left += 1
      return
    }
    if time != nil { hasTimes = true }
    events.append(LoggedEvent(event: event, time: time ?? line, line: line))
  }
}

/// A case that does not hold what a part of a recording is made from.
struct RecordingGap: Error, Equatable {
  let text: String

  init(_ text: String) { self.text = text }

  /// Fails with `text` unless `condition` holds.
  static func check(_ condition: Bool, _ text: @autoclosure () -> String) throws(RecordingGap) {
    if !condition { throw RecordingGap(text()) }
  }
}
