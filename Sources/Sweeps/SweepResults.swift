package import Scenarios

/// The results of a sweep: its points, those of them that have run, and their numbers.
package struct SweepResults: Sendable {
  /// A point that has run.
  package struct Row: Equatable, Sendable {
    /// Counted from 1, in the order of the plan.
    package let number: Int
    package let hash: String
    package let fields: [SweepPoint.Field]
    package let result: PointResult

    package init(number: Int, hash: String, fields: [SweepPoint.Field], result: PointResult) {
      self.number = number
      self.hash = hash
      self.fields = fields
      self.result = result
    }

    /// The mean of a quantity over the seeds, at the low and the high end of the costs' ranges.
    package func estimate(_ quantity: Int) -> (low: Estimate, high: Estimate)? {
      let low = result.samples.compactMap {
        $0.low.indices.contains(quantity) ? $0.low[quantity] : nil
      }
      let high = result.samples.compactMap {
        $0.high.indices.contains(quantity) ? $0.high[quantity] : nil
      }
      guard !low.isEmpty, low.count == result.samples.count else { return nil }
      return (Estimate(low), Estimate(high.count == low.count ? high : low))
    }
  }

  package let purpose: String
  package let kind: SweepPlan.Kind
  /// The digest of the plan that the results belong to.
  package let digest: String
  /// Number of points in the plan.
  package let pointCount: Int
  package let seeds: [UInt32]
  package let quantities: [SweepQuantity]
  /// In the order of the plan.
  package let rows: [Row]

  package init(
    purpose: String, kind: SweepPlan.Kind, digest: String, pointCount: Int, seeds: [UInt32],
    quantities: [SweepQuantity], rows: [Row]
  ) {
    self.purpose = purpose
    self.kind = kind
    self.digest = digest
    self.pointCount = pointCount
    self.seeds = seeds
    self.quantities = quantities
    self.rows = rows.sorted { $0.number < $1.number }
  }

  /// The results of a plan of which nothing has run.
  package init(of plan: SweepPlan) {
    self.init(
      purpose: plan.purpose, kind: plan.kind, digest: plan.digest, pointCount: plan.points.count,
      seeds: plan.seeds, quantities: SweepQuantity.all(of: plan.kind), rows: [])
  }

  /// The numbers of the points that have not run.
  package var missing: [Int] {
    let known = Set(rows.map(\.number))
    return pointCount < 1 ? [] : (1...pointCount).filter { !known.contains($0) }
  }

  /// The first of them, for a message.
  package var missingText: String {
    let missing = missing
    let first = missing.prefix(10).map(String.init).joined(separator: ", ")
    return missing.count > 10 ? "\(first) and \(missing.count - 10) more" : first
  }
}
