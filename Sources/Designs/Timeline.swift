public import Simulation
public import Timing

/// Times at which each MSI of a run was at each station.
public struct Timeline: Sendable {
  /// A stay of one MSI at one station.
  public struct Stay: Equatable, Sendable {
    /// The MSI's number in the run, from 0.
    public let message: Int
    public let station: Station
    public let start: SimulatedTime
    public let duration: SimulatedTime

    public init(message: Int, station: Station, start: SimulatedTime, duration: SimulatedTime) {
      self.message = message
      self.station = station
      self.start = start
      self.duration = duration
    }
  }

  /// One MSI from the device's write to its end.
  public struct Message: Equatable, Sendable {
    /// The MSI-X vector.
    public let vector: Int
    /// The device that sent it, counted from 0.
    public let device: Int
    /// The virtual CPU that takes its interrupt; `nil` where there is one.
    public let virtualCPU: Int?
    public let sent: SimulatedTime
    /// Time at which it was handled, or became lost for good.
    public internal(set) var ended: SimulatedTime
    public internal(set) var verdict: Verdict?

    public init(
      vector: Int, device: Int = 0, virtualCPU: Int? = nil, sent: SimulatedTime,
      ended: SimulatedTime, verdict: Verdict?
    ) {
      self.vector = vector
      self.device = device
      self.virtualCPU = virtualCPU
      self.sent = sent
      self.ended = ended
      self.verdict = verdict
    }
  }

  /// In the order in which they were sent.
  public internal(set) var messages: [Message] = []
  /// In the order in which they began to be known; of one MSI in the order of time.
  public internal(set) var stays: [Stay] = []
  /// End of each message's last stay.
  private var free: [SimulatedTime] = []

  package init() {}

  public init(messages: [Message], stays: [Stay]) {
    self.messages = messages
    self.stays = stays
  }

  package mutating func send(vector: Int, device: Int, at time: SimulatedTime) {
    messages.append(Message(vector: vector, device: device, sent: time, ended: time, verdict: nil))
    free.append(time)
  }

  /// Adds a stay that begins now, or after the message's last where that ends later.
  package mutating func stay(
    _ message: Int, at station: Station, for duration: SimulatedTime, now: SimulatedTime
  ) {
    guard free.indices.contains(message) else { return }
    let start = max(now, free[message])
    free[message] = start + duration
    stays.append(Stay(message: message, station: station, start: start, duration: duration))
  }

  package mutating func end(_ message: Int, _ verdict: Verdict, at time: SimulatedTime) {
    guard messages.indices.contains(message) else { return }
    messages[message].verdict = verdict
    messages[message].ended = max(time, messages[message].ended)
  }
}
