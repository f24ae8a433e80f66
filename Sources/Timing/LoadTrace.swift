public import Simulation

/// Where the first MSIs of a load were when, for a trace.
public struct LoadTrace: Sendable {
  /// One MSI.
  public struct Message: Sendable {
    /// The device's queue, and the device, counted from 0 over the whole load.
    public let queue: Int
    public let device: Int
    /// The virtual CPU that takes its interrupt.
    public let virtualCPU: Int
    public let sent: SimulatedTime
    /// When its handler had run, or it arrived with an earlier one; `nil` where the run ended before.
    public internal(set) var ended: SimulatedTime?
  }

  /// A stay of one MSI at one station.
  public struct Stay: Sendable {
    public let message: Int
    public let station: Station
    public let start: SimulatedTime
    public let duration: SimulatedTime
  }

  /// How many MSIs are taken down.
  public let limit: Int
  public private(set) var messages: [Message] = []
  public private(set) var stays: [Stay] = []
  /// When each message's last stay ends.
  private var reached: [SimulatedTime] = []

  public init(limit: Int) { self.limit = limit }

  /// The message's number; `nil` beyond the limit.
  mutating func send(_ queue: Int32, _ state: QueueState, at time: SimulatedTime) -> Int32? {
    guard messages.count < limit else { return nil }
    messages.append(
      Message(
        queue: Int(queue), device: Int(state.device), virtualCPU: Int(state.virtualCPU), sent: time)
    )
    reached.append(time)
    return Int32(truncatingIfNeeded: messages.count - 1)
  }

  /// Adds a stay that follows the message's last one.
  mutating func stay(_ message: Int32, at station: Station, for duration: SimulatedTime) {
    let index = Int(message)
    guard duration > .zero, reached.indices.contains(index) else { return }
    stays.append(
      Stay(message: index, station: station, start: reached[index], duration: duration))
    reached[index] += duration
  }

  mutating func end(_ message: Int32, at time: SimulatedTime) {
    let index = Int(message)
    guard messages.indices.contains(index) else { return }
    messages[index].ended = max(time, reached[index])
  }
}
