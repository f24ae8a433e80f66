package import Simulation
import Timing

/// Number of MSIs by latency, in steps of 1, 2 and 5 of each decade.
package struct LatencyHistogram: Equatable, Sendable {
  /// The MSIs that took up to so many nanoseconds, and longer than the bucket before.
  package struct Bucket: Equatable, Sendable {
    package let nanoseconds: UInt64
    package var count: Int
  }

  /// From the first bucket that is not empty to the last.
  package private(set) var buckets: [Bucket] = []

  package init(_ times: some Sequence<SimulatedTime>) {
    let bounds = Self.bounds
    var counts = [Int](repeating: 0, count: bounds.count)
    for time in times {
      // Few buckets, so that most are found after a few steps.
      let place = bounds.firstIndex { time <= .nanoseconds($0) } ?? bounds.count - 1
      counts[place] += 1
    }
    guard let first = counts.firstIndex(where: { $0 > 0 }),
      let last = counts.lastIndex(where: { $0 > 0 })
    else { return }
    buckets = (first...last).map { Bucket(nanoseconds: bounds[$0], count: counts[$0]) }
  }

  /// 100 ns, 200 ns, 500 ns, and so on to 1000 s.
  private static let bounds: [UInt64] = {
    var bounds: [UInt64] = []
    var decade: UInt64 = 100
    while decade <= 1_000_000_000_000 {
      bounds += [decade, 2 * decade, 5 * decade]
      decade *= 10
    }
    return bounds
  }()
}

extension LoadSummary {
  /// The latencies of all seeds.
  package var histogram: LatencyHistogram {
    LatencyHistogram(results.lazy.flatMap(\.latencies))
  }
}
