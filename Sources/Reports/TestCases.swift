import Files
import Scenarios

extension ScenarioTest {
  /// What formats for continuous integration call a test: the expectations of one design, the
  /// golden record, or a file that cannot be read.
  struct Case {
    enum Outcome { case passed, failed, malformed }

    let name: String
    let outcome: Outcome
    /// What is wrong, in one line; empty for a test that passed.
    var summary = ""
    /// The differences, a line each.
    var details: [String] = []
  }

  var cases: [Case] {
    if let error {
      return [Case(name: "scenario file", outcome: .malformed, summary: error.description)]
    }
    return parts.map(\.testCase) + (golden.map { [testCase($0)] } ?? [])
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

extension ScenarioTest.Part {
  fileprivate var testCase: ScenarioTest.Case {
    .init(
      name: design, outcome: failures.isEmpty ? .passed : .failed,
      summary: failures.map(\.field).joined(separator: ", "),
      details: failures.map { "\($0.field): expected \($0.expected), found \($0.found)" })
  }
}
