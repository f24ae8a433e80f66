/// Receives what happens in a run, one fixed-size record at a time.
///
/// Generic code takes the sink as a type parameter; `NoTrace` then compiles to nothing.
public protocol TraceSink {
  associatedtype Record: BitwiseCopyable & Sendable
  /// Whether anything looks at the records: guard the work of making one with it.
  static var isOn: Bool { get }
  mutating func record(_ record: @autoclosure () -> Record, at time: SimulatedTime)
}

/// A sink that records nothing and costs nothing.
public struct NoTrace<Record: BitwiseCopyable & Sendable>: TraceSink {
  @inlinable
  public static var isOn: Bool { false }
  @inlinable
  public init() {}
  @inlinable @inline(__always)
  public mutating func record(_ record: @autoclosure () -> Record, at time: SimulatedTime) {}
}

/// A sink that keeps every record in order.
public struct TraceLog<Record: BitwiseCopyable & Sendable>: TraceSink {
  public static var isOn: Bool { true }
  public private(set) var entries: [(time: SimulatedTime, record: Record)] = []

  public init() {}

  public mutating func record(_ record: @autoclosure () -> Record, at time: SimulatedTime) {
    entries.append((time, record()))
  }
}
