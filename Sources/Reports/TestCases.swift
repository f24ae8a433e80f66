import Files
import Scenarios

extension ScenarioTest {
  /// Test in the formats for continuous integration: the expectations of one design, the golden
  /// record, or a file that cannot be read.
  struct Case {
    enum Outcome { case passed, failed, malformed, skipped }

    let name: String
    let outcome: Outcome
    /// Failure in one line; empty for a test that passed.
    var summary = ""
    /// The differences, a line each.
    var details: [String] = []
    /// Line of the first difference.
    var line: Int?
  }

  var cases: [Case] {
    switch result {
    case .malformed:
      return [
        Case(
          name: "scenario file", outcome: .malformed, summary: error?.description ?? "",
          line: error?.place?.line)
      ]
    case .expectsNothing:
      return [Case(name: "scenario file", outcome: .skipped, summary: "expects nothing")]
    case .passedUnexpectedly:
      return [
        Case(
          name: "known failure", outcome: .failed,
          summary: "every expectation holds, but the file has a known-failure",
          details: [knownFailure ?? ""])
      ]
    case .failedAsKnown:
      return [
        Case(
          name: "known failure", outcome: .skipped,
          summary: "known failure: \(knownFailure ?? "")")
      ]
    case .passed, .failed:
      return parts.map { testCase($0) } + (golden.map { [testCase($0)] } ?? [])
    }
  }

  private func testCase(_ part: Part) -> Case {
    let failures = part.failures
    guard !failures.isEmpty else { return Case(name: part.design, outcome: .passed) }
    return Case(
      name: part.design, outcome: .failed,
      summary: failures.map(\.field).joined(separator: ", "),
      details: failures.map {
        "\($0.place.map { "\($0): " } ?? "")\($0.field): expected \($0.expected), found \($0.found)"
      } + (part.why.map { ["why: \($0)"] } ?? []) + ["see: \(explanation(of: part))"],
      line: failures.compactMap(\.place?.line).first)
  }

  private func testCase(_ golden: GoldenCheck) -> Case {
    guard !golden.differences.isEmpty else { return Case(name: "golden", outcome: .passed) }
    let lines = golden.differences.flatMap { difference in
      ["\(difference.design): \(difference.field)"] + difference.lines.map { "  \($0.text)" }
    }
    return Case(
      name: "golden", outcome: .failed, summary: "\(golden.path): not what it was",
      details: lines + ["accept it: \(acceptance)"])
  }
}
