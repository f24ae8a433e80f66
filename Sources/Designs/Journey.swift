public import Simulation

/// The life of one MSI, from the device's write to the guest handler's end.
public struct Journey: Sendable {
  /// A place that the MSI passes: one descriptor read, one table look-up, one hand-over.
  public struct Station: Equatable, Sendable {
    public let time: SimulatedTime
    /// Which part of the machine: `device`, `STE`, `CD`, `S1 L0` ..., `S2 L3`, `doorbell`, `DTE`,
    /// `ITE`, `CTE`, `LPI`, `host IRQ`, `eventfd`, `vITS DTE` ..., `list register`, `handler`.
    public let name: String
    /// The address that was read or written, where there is one.
    public let address: UInt64?
    /// The words that were read or written.
    public let words: [UInt64]
    /// What it means for the MSI.
    public let meaning: String

    public init(
      time: SimulatedTime, name: String, address: UInt64?, words: [UInt64], meaning: String
    ) {
      self.time = time
      self.name = name
      self.address = address
      self.words = words
      self.meaning = meaning
    }
  }

  /// The MSI's number in the run, from 0.
  public let index: Int
  /// The MSI-X vector.
  public let vector: Int
  public let stations: [Station]
  public let verdict: Verdict
  /// Why it ended so, in one sentence.
  public let reason: String
  /// Whether the device sent it, or keeps it pending: otherwise the function was not allowed to send.
  public let isSent: Bool

  public init(
    index: Int, vector: Int, stations: [Station], verdict: Verdict, reason: String,
    isSent: Bool = true
  ) {
    self.isSent = isSent
    self.index = index
    self.vector = vector
    self.stations = stations
    self.verdict = verdict
    self.reason = reason
  }
}
