/// A mean over runs with different seeds, and how far the true one may lie from it.
package struct Estimate: Equatable, Sendable {
  package let mean: Double
  /// Half the width of the 95 % confidence interval; `nil` for a single run.
  package let halfWidth: Double?

  package init(mean: Double, halfWidth: Double?) {
    self.mean = mean
    self.halfWidth = halfWidth
  }

  /// - Parameter samples: one for each seed, one at least.
  package init(_ samples: [Double]) {
    let count = Double(max(samples.count, 1))
    let mean = samples.reduce(0, +) / count
    self.mean = mean
    guard samples.count > 1 else {
      halfWidth = nil
      return
    }
    let variance = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    halfWidth = Self.studentT(degrees: samples.count - 1) * (variance / count).squareRoot()
  }

  /// The 97.5 % quantile of Student's distribution.
  static func studentT(degrees: Int) -> Double {
    let table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
      2.052, 2.048, 2.045, 2.042,
    ]
    return degrees < 1 ? .infinity : degrees <= table.count ? table[degrees - 1] : 1.96
  }
}
