import Designs
import Engine
package import Files
import Reports
import Scenarios
import Timing

extension SweepPoint {
  /// Runs the point with each seed. What comes out depends on the point alone.
  ///
  /// - Throws: `InputError` when the models cannot carry the scenario out at all, or a file went
  ///   away.
  package func run(_ kind: SweepPlan.Kind, seeds: [UInt32]) throws(InputError) -> PointResult {
    switch (subject, kind) {
    case (.impossible(let error), _):
      return PointResult(outcome: PointResult.impossible, why: error.description, samples: [])
    case (.scenario(let source), .load): return try load(source.scenario(seed: nil), seeds)
    case (.scenario(let source), .compare): return try compare(source, seeds)
    }
  }

  private func load(_ scenario: Scenario, _ seeds: [UInt32]) throws(InputError) -> PointResult {
    let specification = try specification(scenario)
    let probe: DeliveryProbe
    do throws(RunFailure) { probe = try specification.probe() } catch { throw failure(error) }
    var samples: [PointResult.Sample] = []
    if let path = probe.path, let setting = scenario.load {
      let hasRanges = !scenario.costs.items(.range).isEmpty
      samples = seeds.map { seed in
        func numbers(_ end: CostModel.End) -> [Double?] {
          LoadEngine(
            path: path, costs: scenario.costs.at(end), setting: setting, seed: seed,
            caches: scenario.caches
          ).run().numbers
        }
        let low = numbers(.low)
        return PointResult.Sample(seed: seed, low: low, high: hasRanges ? numbers(.high) : low)
      }
    }
    return PointResult(
      outcome: probe.result.verdict.rawValue, why: probe.result.why, samples: samples)
  }

  private func compare(
    _ source: ScenarioSource, _ seeds: [UInt32]
  ) throws(InputError) -> PointResult {
    var samples: [PointResult.Sample] = []
    var first: RunResult?
    for seed in seeds {
      let specification = try specification(source.scenario(seed: seed))
      let result: RunResult
      do throws(RunFailure) { result = try specification.run() } catch { throw failure(error) }
      first = first ?? result
      samples.append(
        PointResult.Sample(
          seed: seed, low: ComparedQuantity.all.map { $0.value(result, .low) },
          high: ComparedQuantity.all.map { $0.value(result, .high) }))
    }
    return PointResult(
      outcome: first?.verdict.rawValue ?? "", why: first?.why ?? "", samples: samples)
  }

  private func specification(_ scenario: Scenario) throws(InputError) -> RunSpecification {
    guard let specification = scenario.specifications().first else {
      throw InputError("point \(number) (\(text)) has no design")
    }
    return specification
  }

  private func failure(_ error: RunFailure) -> InputError {
    InputError("point \(number) (\(text)) cannot be run: \(error.message)")
  }
}

extension LoadResult {
  /// The numbers of a load, in the order of its report.
  fileprivate var numbers: [Double?] {
    let summary = LoadSummary([self])
    return LoadReport.sections.flatMap { section in section.1.map { $0.value(summary)?.mean } }
  }
}
