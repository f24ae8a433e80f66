package import Designs
package import Engine
package import Files
package import Simulation
package import Timing

/// How much each number of the cost model that was not measured moves the results of a load under one
/// design.
package struct LoadSensitivity: Sendable {
  /// One cost, and the results at both ends of what it may be.
  package struct Row: Sendable {
    package let item: CostModel.Item
    package let status: CostModel.Status
    package let low: SimulatedTime
    package let high: SimulatedTime
    package let atLow: Numbers
    package let atHigh: Numbers

    /// How far the median moves, in nanoseconds.
    package var swing: Double { abs(atHigh.p50 - atLow.p50) }
  }

  /// What a load comes to.
  package struct Numbers: Equatable, Sendable {
    /// Nanoseconds.
    package let p50: Double
    /// Events in a second.
    package let throughput: Double
  }

  package let design: Design
  /// `nil` where no MSI arrives.
  package let base: Numbers?
  /// The cost that moves the median most comes first.
  package let rows: [Row]
}

extension Scenario {
  /// Runs the scenario's load with one cost after the other at both its ends: those of its range, or
  /// half and twice an assumed number. All other ranges stand in their middle.
  ///
  /// - Parameter progress: told how many runs are done.
  package func sensitivity(
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws(InputError) -> [LoadSensitivity] {
    let setting = try requiredLoad()
    var found: [LoadSensitivity] = []
    var done = 0
    for specification in specifications() {
      let probe = loadProbe(of: specification)
      if let path = probe.path {
        found.append(await sensitivity(specification.design, path, setting))
      } else {
        found.append(LoadSensitivity(design: specification.design, base: nil, rows: []))
      }
      done += 1
      progress(done)
    }
    return found
  }

  private func sensitivity(
    _ design: Design, _ path: DeliveryPath, _ setting: LoadSetting
  ) async -> LoadSensitivity {
    let middle = conditions.costs.inTheMiddle
    let (seed, caches) = (conditions.seed, conditions.caches)
    @Sendable func run(_ costs: CostModel) -> (LoadSensitivity.Numbers, [CostModel.Item]) {
      let result = LoadEngine(
        path: path, costs: costs, setting: setting, seed: seed, caches: caches
      ).run()
      let latency = Latency(Array(result.latencies))
      return (
        .init(p50: Double(latency?.p50 ?? 0), throughput: result.throughput), result.usedCosts
      )
    }
    let (base, used) = run(middle)
    let original = conditions.costs
    let cases = used.compactMap { item -> (CostModel.Item, CostModel.Cost)? in
      guard let cost = original.costs[item], [.assumed, .range].contains(cost.status) else {
        return nil
      }
      return (item, cost)
    }
    let rows = await inParallel(cases.indices) { (place: Int) -> LoadSensitivity.Row in
      let (item, cost) = cases[place]
      let isRange = cost.status == .range
      let low = isRange ? cost.time : SimulatedTime(picoseconds: cost.time.picoseconds / 2)
      let high = isRange ? cost.high : cost.time + cost.time
      return LoadSensitivity.Row(
        item: item, status: cost.status, low: low, high: high,
        atLow: run(middle.replacing(item, with: low)).0,
        atHigh: run(middle.replacing(item, with: high)).0)
    }
    return LoadSensitivity(
      design: design, base: base,
      rows: rows.sorted {
        $0.swing == $1.swing ? $0.item.rawValue < $1.item.rawValue : $0.swing > $1.swing
      })
  }
}

extension CostModel {
  /// The same model with every range at its middle.
  fileprivate var inTheMiddle: CostModel {
    items(.range).reduce(self) { model, item in
      guard let cost = costs[item] else { return model }
      let half = (cost.time + cost.high).picoseconds / 2
      return model.replacing(item, with: SimulatedTime(picoseconds: half))
    }
  }
}
