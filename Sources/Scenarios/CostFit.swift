package import Files
import Simulation
package import Timing

/// What a trace says of one cost.
package struct FittedCost: Equatable, Sendable {
  package let item: CostModel.Item
  package let count: Int
  /// Nanoseconds.
  package let median: Double
  /// Where a tenth of the times lie below, and above.
  package let low: Double
  package let high: Double

  /// - Parameter times: nanoseconds; `nil` for fewer than ten, which say nothing of a median.
  package init?(_ item: CostModel.Item, _ times: [Double]) {
    guard times.count >= 10 else { return nil }
    let sorted = times.sorted()
    func quantile(_ share: Double) -> Double {
      sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
    self.item = item
    count = times.count
    (median, low, high) = (quantile(0.5), quantile(0.1), quantile(0.9))
  }
}

extension CostModel {
  /// A cost file: this model with what was measured in the place of its own numbers, which keep their
  /// sources.
  ///
  /// - Parameters:
  ///   - fitted: what was measured.
  ///   - platform: the machine that was measured.
  ///   - traces: where.
  package func file(
    with fitted: [FittedCost], platform: String, traces: [String]
  ) -> String {
    var text = "platform: \(JSONValue.string(platform).compactText)\ncosts:\n"
    for item in Item.allCases {
      guard let cost = costs[item] else { continue }
      text += "  \(item.name):\n"
      if let found = fitted.first(where: { $0.item == item }) {
        let source =
          "the median of \(found.count) in \(traces.joined(separator: ", ")); a tenth below "
          + "\(found.low) ns, a tenth above \(found.high) ns"
        text += "    value: \(found.median)\n    unit: ns\n    status: measured\n"
        text += "    source: \(JSONValue.string(source).compactText)\n"
        continue
      }
      func number(_ time: SimulatedTime) -> String { String(Double(time.picoseconds) / 1000) }
      text +=
        cost.status == .range
        ? "    range: { low: \(number(cost.time)), high: \(number(cost.high)) }\n"
        : "    value: \(number(cost.time))\n"
      text += "    unit: ns\n    status: \(cost.status.rawValue)\n"
      text += "    platform: \(JSONValue.string(cost.platform ?? self.platform).compactText)\n"
      text += "    source: \(JSONValue.string(cost.source).compactText)\n"
    }
    return text
  }
}
