public import Simulation

/// When the queues of a real device had events.
public struct RecordedTiming: Equatable, Sendable {
  /// An event of the recording.
  public struct Event: Equatable, BitwiseCopyable, Sendable {
    /// Since the recording's first event.
    public let time: SimulatedTime
    /// The queue that has it; one that the device lacks stands for the rest of its division.
    public let queue: Int

    public init(time: SimulatedTime, queue: Int) {
      self.time = time
      self.queue = queue
    }
  }

  /// In order of time.
  public let events: [Event]
  /// From the first event to its repetition.
  public let period: SimulatedTime

  /// - Parameter events: in order of time, two at least at different times; the repetition follows
  ///   the last one after the mean gap.
  public init?(_ events: [Event]) {
    guard let first = events.first?.time, let last = events.last?.time, first < last,
      zip(events, events.dropFirst()).allSatisfy({ $0.time <= $1.time })
    else { return nil }
    self.events = events.map { Event(time: $0.time - first, queue: $0.queue) }
    let span = last - first
    let gap = span.picoseconds / UInt64(events.count - 1)
    period = span + SimulatedTime(picoseconds: max(1, gap))
  }

  private init(events: [Event], period: SimulatedTime) {
    self.events = events
    self.period = period
  }

  /// The same, `speed` times as fast.
  public func played(at speed: Double) -> RecordedTiming {
    func scaled(_ time: SimulatedTime) -> SimulatedTime {
      let picoseconds = (Double(time.picoseconds) / speed).rounded()
      return SimulatedTime(picoseconds: UInt64(min(max(picoseconds, 0), 1e18)))
    }
    return RecordedTiming(
      events: events.map { Event(time: scaled($0.time), queue: $0.queue) },
      period: max(scaled(period), SimulatedTime(picoseconds: UInt64(events.count))))
  }
}
