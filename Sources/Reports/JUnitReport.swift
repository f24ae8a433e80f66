import InputFiles
public import Scenarios

extension ScenarioTest {
  /// The tests as JUnit XML: a suite for each scenario, a case for each design.
  public static func junit(_ tests: [ScenarioTest]) -> String {
    let cases = tests.reduce(0) { $0 + $1.caseCount }
    let failures = tests.reduce(0) { $0 + $1.failedCases }
    let errors = tests.count { $0.error != nil }
    var output = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    output += "<testsuites name=\"doorbell\" tests=\"\(cases)\" failures=\"\(failures)\""
    output += " errors=\"\(errors)\">\n"
    for test in tests { output += test.suite }
    return output + "</testsuites>\n"
  }

  private var caseCount: Int { error == nil ? parts.count : 1 }
  private var failedCases: Int { parts.count { !$0.failures.isEmpty } }

  private var suite: String {
    var output = "  <testsuite name=\"\(escaped(file))\" tests=\"\(caseCount)\""
    output += " failures=\"\(failedCases)\" errors=\"\(error == nil ? 0 : 1)\">\n"
    if let error {
      output += "    <testcase classname=\"\(escaped(file))\" name=\"scenario file\">\n"
      output += "      <error message=\"\(escaped(error.description))\"/>\n    </testcase>\n"
    }
    for part in parts { output += element(part) }
    return output + "  </testsuite>\n"
  }

  private func element(_ part: Part) -> String {
    let head = "    <testcase classname=\"\(escaped(file))\" name=\"\(escaped(part.design))\""
    guard !part.failures.isEmpty else { return head + "/>\n" }
    let fields = part.failures.map(\.field).joined(separator: ", ")
    var output = head + ">\n      <failure message=\"\(escaped(fields))\">"
    for failure in part.failures {
      output += escaped("\(failure.field): expected \(failure.expected), found \(failure.found)\n")
    }
    return output + "</failure>\n    </testcase>\n"
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
