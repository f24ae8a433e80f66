package import Scenarios

extension ScenarioTest {
  /// The line of the scenario, and each difference below it.
  package func text(on terminal: Terminal = Terminal()) -> String {
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
    if let golden, !golden.differences.isEmpty {
      output += "  \(golden.path): not what it was\n"
      output += golden.differences.map { $0.text(indent: "  ", on: terminal) }.joined()
      output += "  accept it: \(acceptance)\n"
    }
    return output
  }

  /// The command that makes what was found the golden record.
  var acceptance: String { "doorbell test \(file) --record --yes" }

  /// The last line of a run: how many scenarios came out how.
  package static func summary(_ tests: [ScenarioTest]) -> String {
    let malformed = tests.count { $0.error != nil }
    let failed = tests.count { $0.failures > 0 }
    let passed = tests.count - malformed - failed
    var text = "\(counted(tests.count, "scenario")): \(passed) ok"
    if failed > 0 { text += ", \(failed) failed" }
    if malformed > 0 { text += ", \(malformed) malformed" }
    return text + "\n"
  }
}

extension GoldenUpdate {
  /// What would change in the golden record, or that nothing would.
  package func text(on terminal: Terminal = Terminal()) -> String {
    guard !differences.isEmpty else { return "same   \(path)\n" }
    guard !isNew else {
      let amount = found.records.map { record in
        let lines = record.fields.reduce(0) { $0 + $1.lines.count }
        return "  \(record.design): \(lines) lines\n"
      }
      return terminal.paint("new", .good) + "    \(path)\n" + amount.joined()
    }
    return terminal.paint("change", .warning) + " \(path)\n"
      + differences.map { $0.text(indent: "  ", on: terminal) }.joined()
  }
}

extension Golden.Difference {
  func text(indent: String, on terminal: Terminal) -> String {
    lines.reduce("\(indent)\(design): \(field)\n") { output, line in
      let tone: Terminal.Tone? =
        switch line {
        case .removed: .bad
        case .added: .good
        case .kept, .omitted: nil
        }
      return output + "\(indent)  \(terminal.paint(line.text, tone))\n"
    }
  }
}

private func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
