import Files
package import Scenarios

extension ScenarioTest {
  /// The tests as JUnit XML: a suite for each scenario, a case for each design, with the file and
  /// the line of what failed. Times are those that were measured.
  package static func junit(_ tests: [ScenarioTest]) -> String {
    let cases = tests.flatMap(\.cases)
    let total = tests.compactMap(\.duration).reduce(Duration.zero, +)
    let time = tests.contains { $0.duration != nil } ? " time=\"\(total.secondsText)\"" : ""
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"doorbell\""
      + counts(cases) + time + ">\n" + tests.map(\.suite).joined() + "</testsuites>\n"
  }

  private static func counts(_ cases: [Case]) -> String {
    func count(_ outcome: Case.Outcome) -> Int { cases.count { $0.outcome == outcome } }
    return
      " tests=\"\(cases.count)\" failures=\"\(count(.failed))\" errors=\"\(count(.malformed))\""
      + " skipped=\"\(count(.skipped))\""
  }

  private var suite: String {
    let cases = cases
    let time = duration.map { " time=\"\($0.secondsText)\"" } ?? ""
    var output = "  <testsuite name=\"\(escaped(file))\"\(Self.counts(cases))\(time)"
    output += " file=\"\(escaped(file))\">\n"
    // A scenario is measured as a whole: its first case has the time, so that the sum is right.
    for (number, test) in cases.enumerated() {
      output += element(test, time: number == 0 ? time : duration.map { _ in " time=\"0\"" } ?? "")
    }
    return output + "  </testsuite>\n"
  }

  private func element(_ test: Case, time: String) -> String {
    let line = test.line.map { " line=\"\($0)\"" } ?? ""
    let head =
      "    <testcase classname=\"\(escaped(file))\" name=\"\(escaped(test.name))\""
      + " file=\"\(escaped(file))\"\(line)\(time)"
    let message = "message=\"\(escaped(test.summary))\""
    switch test.outcome {
    case .passed: return head + "/>\n"
    case .skipped: return head + ">\n      <skipped \(message)/>\n    </testcase>\n"
    case .malformed: return head + ">\n      <error \(message)/>\n    </testcase>\n"
    case .failed:
      let details = test.details.map { escaped($0) + "\n" }.joined()
      return head + ">\n      <failure \(message)>\(details)</failure>\n    </testcase>\n"
    }
  }
}

/// `text` within XML. Characters that XML 1.0 cannot hold, and others that are invisible, are spelt
/// out.
private func escaped(_ text: String) -> String {
  text.printable().replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
}
