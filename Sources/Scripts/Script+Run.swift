package import Designs
package import Engine
package import Files
package import Scenarios

/// The results of a script.
package struct ScriptResult: Sendable {
  package struct Step: Sendable {
    package let step: Script.Step
    package let outcome: Outcome
    package let checks: [FieldCheck]
  }

  package let script: Script
  package let steps: [Step]
}

extension Script {
  /// Carries out every step, whatever came of those before.
  ///
  /// - Parameter mutation: a defect for the bench's models.
  package func run(injecting mutation: Mutation? = nil) throws(InputError) -> ScriptResult {
    let bench = try bench.init(configuration, injecting: mutation)
    var results: [ScriptResult.Step] = []
    for step in steps {
      let outcome = try bench.perform(step.action, step.arguments)
      results.append(
        .init(step: step, outcome: outcome, checks: outcome.check(step.expectation)))
    }
    return ScriptResult(script: self, steps: results)
  }

  /// Whether the file at `path` is a script: otherwise it is a scenario with designs.
  package static func isScript(_ path: String) throws(InputError) -> Bool {
    try InputFile(path).topLevelNames().contains("script")
  }
}

extension ScenarioFolder {
  /// Runs the script or the scenario in the file at `path` and checks what it expects.
  ///
  /// - Parameter mutation: a defect for the models.
  package func check(_ path: String, injecting mutation: Mutation? = nil) async -> ScenarioTest {
    do throws(InputError) {
      guard try Script.isScript(path) else {
        return await test(path) { specification throws(RunFailure) in
          var specification = specification
          specification.mutation = mutation
          return try specification.run()
        }
      }
      let result = try Script(path).run(injecting: mutation)
      let parts = result.steps.enumerated().map { number, step in
        ScenarioTest.Part(design: step.title(number), checks: step.checks)
      }
      var test = ScenarioTest(file: path, purpose: result.script.purpose, outcome: .ran(parts))
      test.isScript = true
      test.knownFailure = result.script.knownFailure
      let record = Golden.path(forScenario: path)
      if InputFile.exists(record) {
        let found = Golden(result, of: path)
        test.golden = .init(
          path: record, differences: try Golden(path: record).differences(in: found))
      }
      return test
    } catch {
      return ScenarioTest(file: path, purpose: "", outcome: .malformed(error))
    }
  }
}

extension ScenarioFolder {
  /// The rows of the scenario table that a file shows, and what it cites.
  package func citation(of path: String) throws(InputError) -> (rows: [String], source: String) {
    if try Script.isScript(path) {
      let script = try Script(path)
      return (script.rows, script.source)
    }
    let scenario = try scenario(named: path)
    return (scenario.rows, scenario.source)
  }
}
