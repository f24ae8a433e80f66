package import Designs
package import Engine
package import Files

/// A scenario and the result of each of its designs, in the scenario's order.
package struct Comparison: Sendable {
  package let scenario: Scenario
  package let results: [RunResult]

  package init(scenario: Scenario, results: [RunResult]) {
    self.scenario = scenario
    self.results = results
  }
}

/// Function that carries a run out.
package typealias Runner = @Sendable (RunSpecification) throws(RunFailure) -> RunResult

extension Scenario {
  /// Runs all designs, in parallel. A design that the models cannot set up has a result that says
  /// why.
  ///
  /// - Parameters:
  ///   - journeyOf: the MSI whose journey is recorded, counted from 0.
  ///   - device: the device that sends it.
  ///   - engine: function that carries the runs out.
  package func run(
    journeyOf: Int? = nil, device: Int = 0,
    by engine: @escaping Runner = { specification throws(RunFailure) in try specification.run() }
  ) async -> Comparison {
    await run(specifications(journeyOf: journeyOf, device: device), by: engine)
  }

  /// Carries out these runs of the scenario, in parallel.
  private func run(
    _ specifications: [RunSpecification], by engine: @escaping Runner
  ) async -> Comparison {
    let results = await inParallel(specifications.indices) { index in
      do throws(RunFailure) {
        return try engine(specifications[index])
      } catch {
        return RunResult.notModelled(specifications[index].design, error.message)
      }
    }
    return Comparison(scenario: self, results: results)
  }

  /// The same runs with their mappings, each with the journey of the first MSI that was not
  /// delivered in `comparison`, or of the first of all. Times are those of cold caches.
  package func explained(
    _ comparison: Comparison,
    by engine: @escaping Runner = { specification throws(RunFailure) in try specification.run() }
  ) async -> Comparison {
    let specifications = zip(specifications(), comparison.results).map { specification, result in
      var specification = specification
      specification.journeyOf =
        result.verdicts.firstIndex { $0 != .delivered && $0 != .refused }
        ?? 0
      specification.wantsMappings = true
      specification.spansRanges = false
      return specification
    }
    return await run(specifications, by: engine)
  }
}
