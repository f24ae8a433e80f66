import Files
package import Scenarios

extension ScenarioTest {
  /// The tests in the Test Anything Protocol, version 14 (https://testanything.org): a test point
  /// for each design of each scenario, with its differences in a block of YAML.
  package static func tap(_ tests: [ScenarioTest]) -> String {
    let cases = tests.flatMap { test in test.cases.map { (test.file, $0) } }
    var output = "TAP version 14\n1..\(cases.count)\n"
    for (number, (file, test)) in cases.enumerated() {
      output += [.passed, .skipped].contains(test.outcome) ? "ok" : "not ok"
      output += " \(number + 1) - \(escaped("\(file): \(test.name)"))"
      output += test.outcome == .skipped ? " # SKIP \(escaped(test.summary))\n" : "\n"
      guard ![.passed, .skipped].contains(test.outcome) else { continue }
      // JSON strings are YAML strings, whatever stands in them.
      output += "  ---\n  message: \(JSONValue.string(test.summary).compactText)\n"
      output += "  severity: \(test.outcome == .failed ? "fail" : "error")\n"
      if !test.details.isEmpty {
        output += "  details:\n"
        output += test.details.map { "    - \(JSONValue.string($0).compactText)\n" }.joined()
      }
      output += "  ...\n"
    }
    return output
  }

  /// A description: `#` would begin a directive, and a backslash escapes.
  private static func escaped(_ text: String) -> String {
    text.printable().replacing("\\", with: "\\\\").replacing("#", with: "\\#")
      .replacing("\n", with: " ")
  }
}
