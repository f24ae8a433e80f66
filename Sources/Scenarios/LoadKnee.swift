package import Timing

/// From which of the measured loads on more load brings no more.
package enum LoadKnee: Sendable {
  /// More load still brings more.
  case none
  /// The rates are not known well enough to tell.
  case uncertain
  /// Already the second load brings no more than the first.
  case beforeFirst(LoadStudy.Step)
  case at(LoadStudy.Step)

  /// The measured load at the knee; `nil` where there is none among them.
  package var step: LoadStudy.Step? { if case .at(let step) = self { step } else { nil } }
}

extension LoadStudy.Row {
  /// The last load that still brought what more load should: a tenth of its share at least, with no
  /// more than a hundredth of the events dropped.
  ///
  /// Rates are made to rise first: where one is above the next, both are taken for their mean.
  package var knee: LoadKnee {
    let rates = ramp.map(\.summary.rate)
    let rising = Self.rising(rates.map(\.mean))
    for (place, step) in ramp.enumerated().dropLast() {
      let next = ramp[place + 1]
      let gain = rising[place + 1] - rising[place]
      let expected = rising[place] * (next.factor / step.factor - 1)
      let noise = [rates[place], rates[place + 1]].compactMap(\.halfWidth).reduce(0, +)
      let drops = next.summary.estimate {
        $0.offered == 0 ? 0 : Double($0.dropped) / Double($0.offered)
      }
      if drops.mean > 0.01 || gain < expected / 10 {
        // It could be more, and it could be nothing.
        if drops.mean <= 0.01, gain + noise > expected / 2 { return .uncertain }
        return place == 0 && drops.mean <= 0.01 ? .beforeFirst(step) : .at(step)
      }
    }
    return .none
  }

  /// The nearest series that never falls (pool adjacent violators).
  static func rising(_ values: [Double]) -> [Double] {
    var pools: [(mean: Double, count: Int)] = []
    for value in values {
      pools.append((value, 1))
      while pools.count > 1, pools[pools.count - 2].mean > pools[pools.count - 1].mean {
        let last = pools.removeLast()
        let before = pools.removeLast()
        let count = before.count + last.count
        let sum = before.mean * Double(before.count) + last.mean * Double(last.count)
        pools.append((sum / Double(count), count))
      }
    }
    return pools.flatMap { Array(repeating: $0.mean, count: $0.count) }
  }
}
