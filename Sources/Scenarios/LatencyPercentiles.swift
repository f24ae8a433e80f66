package import Designs
import Histogram
import Simulation

/// A latency and how many MSIs in a hundred took no longer.
package struct LatencyPercentile: Equatable, Sendable {
  package let percentile: Double
  /// In nanoseconds, exact to three decimal digits.
  package let time: UInt64
}

extension RunResult {
  /// The percentiles that reports show, with the cost model's ranges at their low ends and at their
  /// high ends; both are empty when no MSI was delivered.
  package var latencyPercentiles: (low: [LatencyPercentile], high: [LatencyPercentile]) {
    let low = Self.percentiles(of: latencies)
    return (low, latenciesAtHighEnd.map(Self.percentiles) ?? low)
  }

  private static func percentiles(of times: [SimulatedTime]) -> [LatencyPercentile] {
    guard let longest = times.max()?.nanoseconds else { return [] }
    var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    for time in times { _ = histogram.record(time.nanoseconds) }
    return [50, 90, 99, 99.9, 100].map {
      .init(percentile: $0, time: min(histogram.valueAtPercentile($0), longest))
    }
  }
}
