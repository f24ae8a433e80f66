package import Files
package import Scenarios

extension Golden {
  /// The outcomes of the steps of a script, and what led to it.
  ///
  /// - Parameter path: the script's file.
  package init(_ result: ScriptResult, of path: String) {
    self.init(
      scenario: baseName(path), kind: .step,
      records: result.steps.enumerated().map { number, step in
        Record(
          design: step.title(number),
          fields: [
            Field(name: "outcome", lines: step.outcome.lines),
            Field(name: "chain", lines: step.outcome.chain),
          ])
      })
  }
}

extension ScriptResult.Step {
  /// `step 1, bind`, for the first step's number 0.
  func title(_ number: Int) -> String { "step \(number + 1), \(step.action)" }
}

extension Outcome {
  /// A line for each field.
  fileprivate var lines: [String] {
    guard case .object(let members) = record else { return [record.plainText] }
    return members.map { "\($0.name) \($0.value.plainText)" }
  }
}

extension ScenarioFolder {
  /// Runs the script or the scenario in the file at `path` for its golden record.
  package func record(_ path: String) async throws(InputError) -> GoldenUpdate {
    guard try Script.isScript(path) else { return try await goldenUpdate(path) }
    return try GoldenUpdate(path, Golden(try Script(path).run(), of: path))
  }
}
