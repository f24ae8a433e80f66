package import Designs
package import Engine
package import Files
import Simulation
package import Timing

/// A load under several designs: the results of each, over all seeds and at both ends of the costs'
/// ranges.
package struct LoadStudy: Sendable {
  /// The results of one design.
  package struct Row: Sendable {
    package let design: Design
    package let probe: DeliveryProbe
    /// At the low end of the costs' ranges; `nil` when MSIs are not delivered at all.
    package let low: LoadSummary?
    /// At the high end.
    package let high: LoadSummary?
    /// The load at several factors, in rising order, where a ramp was asked for.
    package let ramp: [Step]
  }

  /// The load at one factor.
  package struct Step: Sendable {
    package let factor: Double
    package let summary: LoadSummary
  }

  package let scenario: Scenario
  package let setting: LoadSetting
  package let seeds: Int
  package let rows: [Row]
  /// Whether everything was run that was asked for.
  package let isComplete: Bool
}

/// Runs of one load with different seeds.
package struct LoadSummary: Sendable {
  package let results: [LoadResult]
  private let latencies: [Latency?]
  /// The parts of a single run: how much they differ tells how well it is known.
  private let batches: [LoadResult]
  private let batchLatencies: [Latency?]

  /// Into so many batches is a single run divided.
  package static let batchCount = 10

  package init(_ results: [LoadResult]) {
    self.results = results
    latencies = results.map { Latency(Array($0.latencies)) }
    batches = results.count == 1 ? results[0].batches(Self.batchCount) : []
    batchLatencies = batches.map { Latency(Array($0.latencies)) }
  }

  /// The mean of a number over the seeds.
  package func estimate(_ number: (LoadResult) -> Double) -> Estimate {
    guard batches.count > 1 else { return Estimate(results.map(number)) }
    return Estimate(
      mean: number(results[0]), halfWidth: Estimate(batches.map(number)).halfWidth)
  }

  /// Handled events in a second.
  package var rate: Estimate { estimate { $0.throughput } }

  /// A percentile in nanoseconds; `nil` when a run delivered nothing.
  package func estimate(_ part: KeyPath<Latency, UInt64>) -> Estimate? {
    let known = latencies.compactMap { $0.map { Double($0[keyPath: part]) } }
    guard known.count == results.count, !known.isEmpty else { return nil }
    let parts = batchLatencies.compactMap { $0.map { Double($0[keyPath: part]) } }
    // The maximum of a part says nothing about that of the whole.
    guard batches.count > 1, part != \.max else { return Estimate(known) }
    return Estimate(
      mean: known[0],
      halfWidth: parts.count == batches.count ? Estimate(parts).halfWidth : nil)
  }

  /// The mean time that an MSI spent at a station, in nanoseconds.
  package func mean(_ station: Station) -> Estimate {
    estimate { $0.times.mean(station, over: $0.delivered) }
  }
}

extension Scenario {
  /// Runs the scenario's load once under each of its designs, at the low end of the costs' ranges, and
  /// takes down where its first MSIs were when.
  ///
  /// - Parameter limit: number of MSIs.
  /// - Returns: for each design how its first interrupt is set up, with the load's times.
  package func tracedLoad(of limit: Int) async throws(InputError) -> Comparison {
    let setting = try requiredLoad()
    let (seed, caches, costs) = (conditions.seed, conditions.caches, conditions.costs.at(.low))
    let specifications = specifications()
    let results = await inParallel(specifications.indices) { number -> RunResult in
      let specification = specifications[number]
      let probe = loadProbe(of: specification)
      var result = probe.result
      guard let path = probe.path else { return result }
      let run = LoadEngine(
        path: path, costs: costs, setting: setting, seed: seed, caches: caches
      ).run(tracing: limit)
      result.timeline = run.trace.map(Timeline.init)
      return result
    }
    return Comparison(scenario: self, results: results)
  }

  /// Runs the scenario's load under each of its designs.
  ///
  /// - Parameters:
  ///   - seeds: number of seeds, from the scenario's on.
  ///   - factors: the load's factors of a ramp; none for no ramp.
  ///   - isStopped: asked now and then; a study that is stopped ends with what it has.
  ///   - progress: told how many runs are done.
  package func study(
    seeds: Int, factors: [Double] = [], isStopped: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws(InputError) -> LoadStudy {
    let setting = try requiredLoad()
    var rows: [LoadStudy.Row] = []
    var done = 0
    for specification in specifications() where !isStopped() {
      rows.append(
        await row(specification, setting, seeds, factors, isStopped) { count in
          progress(done + count)
        })
      done += (2 + factors.count) * seeds
    }
    return LoadStudy(
      scenario: self, setting: setting, seeds: seeds, rows: rows, isComplete: !isStopped())
  }

  /// The scenario's load.
  func requiredLoad() throws(InputError) -> LoadSetting {
    guard let load else {
      throw InputError(
        expected: "a scenario whose workload is a 'load'", found: "'\(workloadSource)'",
        at: Place(file: file), field: "workload")
    }
    return load
  }

  /// What a design does to one MSI.
  func loadProbe(of specification: RunSpecification) -> DeliveryProbe {
    do throws(RunFailure) { return try specification.probe() } catch {
      return DeliveryProbe(
        result: .notModelled(specification.design, error.message), path: nil)
    }
  }

  private func row(
    _ specification: RunSpecification, _ setting: LoadSetting, _ seeds: Int, _ factors: [Double],
    _ isStopped: @escaping @Sendable () -> Bool, progress: (Int) -> Void
  ) async -> LoadStudy.Row {
    let probe = loadProbe(of: specification)
    guard let path = probe.path else {
      return .init(design: specification.design, probe: probe, low: nil, high: nil, ramp: [])
    }
    let (first, caches, costs) = (conditions.seed, conditions.caches, conditions.costs)
    func summary(_ end: CostModel.End, _ setting: LoadSetting) async -> LoadSummary {
      let costs = costs.at(end)
      return await LoadSummary(
        inParallel(0..<seeds) { number in
          LoadEngine(
            path: path, costs: costs, setting: setting,
            seed: first &+ UInt32(truncatingIfNeeded: number), caches: caches
          ).run(isStopped: isStopped)
        })
    }
    let low = await summary(.low, setting)
    progress(seeds)
    let high = await summary(.high, setting)
    progress(2 * seeds)
    var ramp: [LoadStudy.Step] = []
    for (number, factor) in factors.enumerated() where !isStopped() {
      // A depth below one is one: the last of equal levels is nearest to what it says.
      let level = setting.scaled(by: factor)
      let next = number + 1 < factors.count ? setting.scaled(by: factors[number + 1]) : nil
      if level != next {
        ramp.append(.init(factor: factor, summary: await summary(.low, level)))
      }
      progress((3 + number) * seeds)
    }
    return .init(design: specification.design, probe: probe, low: low, high: high, ramp: ramp)
  }
}

extension Timeline {
  /// The part of a load's trace that is complete: MSIs that were handled or merged.
  fileprivate init(_ trace: LoadTrace) {
    let messages = trace.messages.map {
      Message(
        vector: $0.queue, device: $0.device, virtualCPU: $0.virtualCPU, sent: $0.sent,
        ended: $0.ended ?? $0.sent, verdict: $0.ended == nil ? nil : .delivered)
    }
    self.init(
      messages: messages,
      stays: trace.stays.map {
        .init(message: $0.message, station: $0.station, start: $0.start, duration: $0.duration)
      })
  }
}
