package import Scenarios

extension ScenarioTest {
  /// The line of the scenario, and each difference below it with what explains it.
  package func text(on terminal: Terminal = Terminal()) -> String {
    let time = duration.map { " (\($0.secondsText) s)" } ?? ""
    switch result {
    case .malformed: return terminal.paint("ERROR", .bad) + "  \(file)\n"
    case .expectsNothing:
      return terminal.paint("none", .warning) + "   \(file): expects nothing\(time)\n"
    case .passed:
      return terminal.paint("ok", .good)
        + "     \(file): \(counted(checks, "expectation"))\(time)\n"
    case .failedAsKnown:
      return terminal.paint("known", .warning)
        + "  \(file): \(failures) of \(counted(checks, "expectation")) failed, as the file says\(time)\n"
        + paragraph(knownFailure ?? "", indent: "  ", width: terminal.width)
    case .passedUnexpectedly:
      return terminal.paint("FAIL", .bad)
        + "   \(file): every expectation holds, but the file has a known-failure\(time)\n"
        + paragraph("remove it: \(knownFailure ?? "")", indent: "  ", width: terminal.width)
    case .failed: break
    }
    var output = terminal.paint("FAIL", .bad)
    output += "   \(file): \(failures) of \(counted(checks, "expectation")) failed\(time)\n"
    for part in parts where !part.failures.isEmpty {
      for failure in part.failures {
        output += "  \(failure.place.map { "\($0): " } ?? "")\(part.design): \(failure.field)\n"
        output += "    expected  \(failure.expected)\n    found     \(failure.found)\n"
      }
      if let why = part.why {
        output += paragraph("why: \(why)", indent: "  ", width: terminal.width)
      }
      output += "  see: \(explanation(of: part))\n"
    }
    if let golden, !golden.differences.isEmpty {
      output += "  \(golden.path): not what it was\n"
      output += golden.differences.map { $0.text(indent: "  ", on: terminal) }.joined()
      output += "  accept it: \(acceptance)\n"
    }
    return output
  }

  /// The command that makes what was found the golden record.
  var acceptance: String { commandLine(["test", file, "--record", "--yes"]) }

  /// The command that shows how a design got its result, or what each step of a script did.
  func explanation(of part: Part) -> String {
    commandLine(["explain", file] + (isScript ? [] : ["--design", part.design]))
  }

  /// The last line of a run: the number of scenarios by result.
  ///
  /// - Parameter notRun: number of scenarios left out after a failure.
  package static func summary(_ tests: [ScenarioTest], notRun: Int = 0) -> String {
    func count(_ result: Result) -> Int { tests.count { $0.result == result } }
    var parts = ["\(count(.passed)) ok"]
    for (result, text) in [
      (Result.failed, "failed"), (.passedUnexpectedly, "unexpectedly ok"),
      (.failedAsKnown, "known to fail"), (.malformed, "malformed"),
      (.expectsNothing, "without expectations"),
    ] where count(result) > 0 { parts.append("\(count(result)) \(text)") }
    if notRun > 0 { parts.append("\(notRun) not run") }
    return "\(counted(tests.count + notRun, "scenario")): " + parts.joined(separator: ", ") + "\n"
  }

  /// The tests that took longest, longest first, and the time of all of them.
  package static func durations(_ tests: [ScenarioTest], limit: Int = 10) -> String {
    let timed = tests.compactMap { test in test.duration.map { (test.file, $0) } }
    let slowest = timed.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.prefix(limit)
    let total = timed.reduce(Duration.zero) { $0 + $1.1 }
    return "slowest of \(total.secondsText) s in all:\n"
      + slowest.map { "  \($1.secondsText) s  \($0)\n" }.joined()
  }
}

extension Duration {
  /// Seconds with three decimals.
  var secondsText: String {
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    let fraction = String(milliseconds % 1000)
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }
}

extension GoldenUpdate {
  /// Returns the changes to the golden record, or the statement that there are none.
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
