import Designs
import Reports
import Scenarios
import Timing

/// A number that each point of a sweep has for each seed, at both ends of the costs' ranges.
package struct SweepQuantity: Hashable, Sendable {
  package let section: String
  package let name: String
  package let unit: String

  package init(section: String, name: String, unit: String) {
    self.section = section
    self.name = name
    self.unit = unit
  }

  /// `p99 us`.
  package var title: String { unit.isEmpty ? name : "\(name) \(unit)" }

  /// Returns the quantities that a sweep of this kind measures, in order.
  package static func all(of kind: SweepPlan.Kind) -> [SweepQuantity] {
    switch kind {
    case .load:
      LoadReport.sections.flatMap { section, quantities in
        quantities.map { SweepQuantity(section: section, name: $0.name, unit: $0.unit) }
      }
    case .compare: ComparedQuantity.all.map(\.quantity)
    }
  }
}

/// A number of a run of the machine's models.
struct ComparedQuantity: Sendable {
  let quantity: SweepQuantity
  let value: @Sendable (RunResult, CostModel.End) -> Double?

  private init(
    _ section: String, _ name: String, _ unit: String,
    _ value: @escaping @Sendable (RunResult, CostModel.End) -> Double?
  ) {
    quantity = SweepQuantity(section: section, name: name, unit: unit)
    self.value = value
  }

  private static func latency(
    _ name: String, _ part: @escaping @Sendable (Latency) -> UInt64
  ) -> ComparedQuantity {
    ComparedQuantity("run", name, "us") { result, end in
      (end == .low ? result.latency : result.latencyAtHighEnd).map { Double(part($0)) / 1000 }
    }
  }

  static let all =
    [
      ComparedQuantity("run", "MSIs", "") { result, _ in Double(result.verdicts.count) },
      ComparedQuantity("run", "exits at set-up", "") { result, _ in Double(result.exits.setup) },
      ComparedQuantity("run", "exits", "/MSI") { result, _ in result.exitsPerInterrupt },
      latency("p50") { $0.p50 }, latency("p99") { $0.p99 }, latency("max") { $0.max },
    ]
    + Verdict.allCases.map { verdict in
      ComparedQuantity("verdicts", verdict.rawValue, "") { result, _ in
        Double(result.verdicts.count { $0 == verdict })
      }
    }
    + Station.allCases.map { station in
      ComparedQuantity("mean time of an MSI", station.name, "ns") { result, end in
        end == .low && result.breakdown.count > 0 ? result.breakdown.mean(station) : nil
      }
    }
}
