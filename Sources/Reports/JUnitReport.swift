package import Scenarios

extension ScenarioTest {
  /// The tests as JUnit XML: a suite for each scenario, a case for each design.
  package static func junit(_ tests: [ScenarioTest]) -> String {
    let cases = tests.flatMap(\.cases)
    var output = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    output += "<testsuites name=\"doorbell\" tests=\"\(cases.count)\""
    output += " failures=\"\(cases.count { $0.outcome == .failed })\""
    output += " errors=\"\(cases.count { $0.outcome == .malformed })\">\n"
    for test in tests { output += test.suite }
    return output + "</testsuites>\n"
  }

  private var suite: String {
    let cases = cases
    var output = "  <testsuite name=\"\(escaped(file))\" tests=\"\(cases.count)\""
    output += " failures=\"\(cases.count { $0.outcome == .failed })\""
    output += " errors=\"\(cases.count { $0.outcome == .malformed })\">\n"
    for test in cases { output += element(test) }
    return output + "  </testsuite>\n"
  }

  private func element(_ test: Case) -> String {
    let head = "    <testcase classname=\"\(escaped(file))\" name=\"\(escaped(test.name))\""
    switch test.outcome {
    case .passed: return head + "/>\n"
    case .malformed:
      return head + ">\n      <error message=\"\(escaped(test.summary))\"/>\n    </testcase>\n"
    case .failed:
      let details = test.details.map { escaped($0) + "\n" }.joined()
      return head + ">\n      <failure message=\"\(escaped(test.summary))\">\(details)</failure>\n"
        + "    </testcase>\n"
    }
  }
}

/// `text` within XML. Characters that XML 1.0 cannot hold become U+FFFD.
private func escaped(_ text: String) -> String {
  var output = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": output += "&amp;"
    case "<": output += "&lt;"
    case ">": output += "&gt;"
    case "\"": output += "&quot;"
    case _ where scalar.value < 0x20 && !["\n", "\t", "\r"].contains(scalar):
      output += "\u{FFFD}"
    default: output.unicodeScalars.append(scalar)
    }
  }
  return output
}
