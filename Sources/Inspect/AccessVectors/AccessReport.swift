package import Files
internal import Software

/// The result of comparing access vectors with the models of kernels.
package struct AccessReport: Sendable {
  /// What came of all accesses of one phase.
  package struct Totals: Equatable, Sendable {
    package var phase: String
    /// How often a step had the phase, and how often all of it agrees.
    package var steps = 0
    package var agreeingSteps = 0
    package var accesses = 0
    package var agreeing = 0
    /// Accesses that no model makes.
    package var notModelled = 0
  }

  package private(set) var cases = 0
  /// In the order in which the phases came.
  package private(set) var totals: [Totals] = []
  package private(set) var differences: [AccessDifference] = []
  /// Kernels whose model refused to go on, with its words.
  package private(set) var refusals: [(vector: String, text: String)] = []

  package init() {}

  package var agrees: Bool { differences.isEmpty && refusals.isEmpty }

  /// Compares one more case.
  package mutating func add(_ vector: AccessVector) {
    cases += 1
    let comparison = AccessComparison(vector)
    if let refusal = comparison.refusal {
      refusals.append(
        (vector.situation.name, "\(refusal.errno) (\(refusal.function)): \(refusal.message)"))
    }
    for result in comparison.results {
      let place = totals.firstIndex { $0.phase == result.phase } ?? totals.endIndex
      if place == totals.endIndex { totals.append(Totals(phase: result.phase)) }
      totals[place].steps += 1
      totals[place].accesses += result.accesses
      if result.treatment != .notModelled {
        totals[place].agreeing += result.agreeing
        totals[place].agreeingSteps += result.difference == nil ? 1 : 0
      } else {
        totals[place].notModelled += result.accesses
      }
      if let difference = result.difference { differences.append(difference) }
    }
  }

  /// The sum over all phases.
  package var sum: Totals {
    totals.reduce(into: Totals(phase: "total")) { sum, row in
      sum.steps += row.steps
      sum.agreeingSteps += row.agreeingSteps
      sum.accesses += row.accesses
      sum.agreeing += row.agreeing
      sum.notModelled += row.notModelled
    }
  }

  // MARK: Text

  /// The report for people.
  package var text: String {
    var lines = refusals.map { "refused    \($0.vector): \($0.text)" }
    lines += differences.map { "differs    \($0)" }
    if !lines.isEmpty { lines.append("") }
    var rows = [["phase", "steps", "agree", "accesses", "agree", "differ", "not modelled"]]
    rows += (totals + [sum]).map { row in
      [
        row.phase, "\(row.steps)", "\(row.agreeingSteps)", "\(row.accesses)", "\(row.agreeing)",
        "\(row.accesses - row.agreeing - row.notModelled)", "\(row.notModelled)",
      ]
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    lines += rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column == 0 ? cell.0 + space : space + cell.0
      }.joined(separator: "  ")
    }
    return lines.joined(separator: "\n")
  }

  /// The report for programs.
  package var json: JSONValue {
    [
      "agrees": .bool(agrees),
      "cases": .integer(cases),
      "phases": .array(totals.map(\.json)),
      "sum": sum.json,
      "differences": .array(differences.map(\.json)),
      "refusals": .array(
        refusals.map { ["case": .string($0.vector), "message": .string($0.text)] }),
    ]
  }
}

extension AccessReport.Totals {
  fileprivate var json: JSONValue {
    [
      "phase": .string(phase), "steps": .integer(steps), "agreeingSteps": .integer(agreeingSteps),
      "accesses": .integer(accesses), "agree": .integer(agreeing),
      "differ": .integer(accesses - agreeing - notModelled), "notModelled": .integer(notModelled),
    ]
  }
}

extension AccessDifference: CustomStringConvertible {
  /// Such as `k73-ahci-2c, unbind, free-irq: access 402: recorded r4 GITS_CREADR (its_allocate_entry),
  /// model nothing`.
  package var description: String {
    let place = number == 0 ? "behind the last access" : "access \(number)"
    let chain = function.split(separator: " ").first.map { " (\($0))" } ?? ""
    return "\(vector), \(step), \(phase): \(place): recorded \(recorded ?? "nothing")"
      + (recorded == nil ? "" : chain) + ", model \(found ?? "nothing")"
      + (recorded == nil ? chain : "")
  }

  fileprivate var json: JSONValue {
    [
      "case": .string(vector), "step": .string(step), "phase": .string(phase),
      "access": .integer(number), "recorded": recorded.map { .string($0) } ?? .null,
      "model": found.map { .string($0) } ?? .null, "path": .string(function),
    ]
  }
}
