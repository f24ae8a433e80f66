package import Attacks
package import Designs
package import Files

extension Scenario {
  /// Attacks every design, in parallel: for each design, in the scenario's order, in each column of
  /// the axes each of `attacks` in theirs.
  ///
  /// - Parameters:
  ///   - axes: axes that vary besides; may be empty.
  ///   - progress: told how many findings there are.
  package func findings(
    of attacks: [Attack], across axes: [ComparisonAxis] = [], progress: (Int) -> Void = { _ in }
  ) async -> [IsolationFinding] {
    let columns = MatrixPlan(self, axes: axes).columns
    let runs = specifications().flatMap { specification in
      columns.map { column in
        var run = specification
        for value in column.values { value.apply(to: &run) }
        return (
          run: run,
          values: zip(axes, column.values).map {
            IsolationFinding.Setting(axis: $0.name, value: $1.name)
          }, design: specification.design.name
        )
      }
    }
    let count = attacks.count
    return await inParallel(0..<runs.count * count, progress: progress) { number in
      let run = runs[number / count]
      var finding = run.run.attacked(by: attacks[number % count])
      finding.design = run.design
      finding.values = run.values
      finding.missingInterfaces = run.run.missingInterfaces
      return finding
    }
  }
}

extension Scenario {
  /// The checks of each design with those of the attacks that its expectation names.
  func addingAttacks(to parts: [ScenarioTest.Part]) -> [ScenarioTest.Part] {
    var extended: [ScenarioTest.Part] = []
    for part in parts {
      let expectation = expectations.first { $0.design == part.design }
      let expected = expectation?.isolation ?? []
      let specification = specifications().first { $0.design.name == part.design }
      var checks = part.checks
      for (name, outcome) in expected {
        guard let specification, let attack = Attack.named(name) else { continue }
        let found = specification.attacked(by: attack).outcome
        var check = FieldCheck(
          "isolation.\(name)", expected: outcome.rawValue, found: found.rawValue)
        check.place = expectation?.place(of: check.field)
        checks.append(check)
      }
      extended.append(.init(design: part.design, checks: checks, why: part.why))
    }
    return extended
  }
}

extension Attack {
  /// The attack with that name.
  ///
  /// - Throws: `InputError` that names those there are.
  package static func existing(_ name: String) throws(InputError) -> Attack {
    if let attack = named(name) { return attack }
    let names = all.map(\.name)
    throw InputError(
      "expected an attack ('doorbell attack --list' names them), found \(name.quoted)"
        + suggestion(for: name, among: names))
  }
}
