public import Scenarios

extension ScenarioTest {
  /// The line of the scenario, and each difference below it.
  public func text(on terminal: Terminal = Terminal()) -> String {
    if error != nil { return terminal.paint("ERROR", .bad) + "  \(file)\n" }
    guard failures > 0 else {
      let amount = checks == 0 ? "nothing expected" : counted(checks, "expectation")
      return terminal.paint("ok", .good) + "     \(file): \(amount)\n"
    }
    var output = terminal.paint("FAIL", .bad)
    output += "   \(file): \(failures) of \(counted(checks, "expectation")) failed\n"
    for part in parts {
      for failure in part.failures {
        output += "  \(part.design): \(failure.field)\n"
        output += "    expected  \(failure.expected)\n    found     \(failure.found)\n"
      }
    }
    return output
  }

  /// The last line of a run: how many scenarios came out how.
  public static func summary(_ tests: [ScenarioTest]) -> String {
    let malformed = tests.count { $0.error != nil }
    let failed = tests.count { $0.failures > 0 }
    let passed = tests.count - malformed - failed
    var text = "\(counted(tests.count, "scenario")): \(passed) ok"
    if failed > 0 { text += ", \(failed) failed" }
    if malformed > 0 { text += ", \(malformed) malformed" }
    return text + "\n"
  }
}

private func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
