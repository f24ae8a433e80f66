package import Designs
import Histogram
package import Simulation

/// Latency of MSIs, from the device's write to the start of the guest's handler, in nanoseconds.
package struct Latency: Equatable, Sendable {
  package let p50: UInt64
  package let p99: UInt64
  package let p999: UInt64
  package let max: UInt64

  /// `nil` when there are none. Percentiles are exact to three decimal digits.
  package init?(_ times: [SimulatedTime]) {
    guard let longest = times.max() else { return nil }
    var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    for time in times { _ = histogram.record(time.nanoseconds) }
    p50 = Swift.min(histogram.valueAtPercentile(50), longest.nanoseconds)
    p99 = Swift.min(histogram.valueAtPercentile(99), longest.nanoseconds)
    p999 = Swift.min(histogram.valueAtPercentile(99.9), longest.nanoseconds)
    max = longest.nanoseconds
  }
}

extension RunResult {
  /// `nil` when no MSI was delivered. Where it rests on a range, with the range's low end.
  package var latency: Latency? { Latency(latencies) }

  /// The same with the high end of every range; equal to `latency` where it rests on none.
  package var latencyAtHighEnd: Latency? { Latency(latenciesAtHighEnd ?? latencies) }

  /// Exits that deliveries caused, for each MSI that was sent; zero when none was.
  package var exitsPerInterrupt: Double {
    let sent = verdicts.count { $0 != .refused }
    return sent == 0 ? 0 : (Double(exits.delivery) / Double(sent) * 1000).rounded() / 1000
  }
}
