/// The result of one point of a sweep.
package struct PointResult: Equatable, Sendable {
  /// The numbers of one seed, in the order of the sweep's quantities; `nil` where there is none,
  /// such as the latency of what never arrived.
  package struct Sample: Equatable, Sendable {
    package let seed: UInt32
    package let low: [Double?]
    /// With every range of the cost model read at its high end.
    package let high: [Double?]

    package init(seed: UInt32, low: [Double?], high: [Double?]) {
      self.seed = seed
      self.low = low
      self.high = high
    }
  }

  /// A verdict; or `impossible`, where the point's values cannot stand together.
  package let outcome: String
  /// One sentence: why it came out so.
  package let why: String
  /// One for each seed; none where nothing ran.
  package let samples: [Sample]

  package init(outcome: String, why: String, samples: [Sample]) {
    self.outcome = outcome
    self.why = why
    self.samples = samples
  }

  /// The outcome of a point that cannot run.
  package static let impossible = "impossible"
}
