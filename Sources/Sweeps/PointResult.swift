/// What one point of a sweep came to.
public struct PointResult: Equatable, Sendable {
  /// The numbers of one seed, in the order of the sweep's quantities; `nil` where there is none,
  /// such as the latency of what never arrived.
  public struct Sample: Equatable, Sendable {
    public let seed: UInt32
    public let low: [Double?]
    /// With every range of the cost model read at its high end.
    public let high: [Double?]

    public init(seed: UInt32, low: [Double?], high: [Double?]) {
      self.seed = seed
      self.low = low
      self.high = high
    }
  }

  /// A verdict; or `impossible`, where the point's values cannot stand together.
  public let outcome: String
  /// One sentence: why it came out so.
  public let why: String
  /// One for each seed; none where nothing ran.
  public let samples: [Sample]

  public init(outcome: String, why: String, samples: [Sample]) {
    self.outcome = outcome
    self.why = why
    self.samples = samples
  }

  /// The outcome of a point that cannot run.
  public static let impossible = "impossible"
}
