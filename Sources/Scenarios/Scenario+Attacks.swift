package import Designs
package import Files
package import Guest

extension Scenario {
  /// Attacks every design, in parallel: for each design, in the scenario's order, under each usage
  /// each of `attacks` in theirs.
  ///
  /// - Parameters:
  ///   - usages: how the guest uses the device; as the scenario says if absent.
  ///   - progress: told how many findings there are.
  package func findings(
    of attacks: [Attack], under usages: [GuestUsage]? = nil, progress: (Int) -> Void = { _ in }
  ) async throws(InputError) -> [IsolationFinding] {
    let runs = specifications().flatMap { specification in
      (usages ?? [usage]).map { usage in
        var run = specification
        run.usage = usage
        return run
      }
    }
    let pairs = runs.flatMap { run in attacks.map { (run, $0) } }
    let outcomes = await inParallel(pairs.indices, progress: progress) { number in
      let (specification, attack) = pairs[number]
      return Result { () throws(RunFailure) in try specification.attacked(by: attack) }
    }
    var findings: [IsolationFinding] = []
    for (pair, outcome) in zip(pairs, outcomes) {
      switch outcome {
      case .success(let finding): findings.append(finding)
      case .failure(let failure):
        throw InputError(
          "design \(pair.0.design.name.quoted), attack \(pair.1.name.quoted): \(failure.message)",
          at: Place(file: file))
      }
    }
    return findings
  }
}

extension Scenario {
  /// The checks of each design with those of the attacks that its expectation names.
  func addingAttacks(to parts: [ScenarioTest.Part]) throws(InputError) -> [ScenarioTest.Part] {
    var extended: [ScenarioTest.Part] = []
    for part in parts {
      let expectation = expectations.first { $0.design == part.design }
      let expected = expectation?.isolation ?? []
      let specification = specifications().first { $0.design.name == part.design }
      var checks = part.checks
      for (name, outcome) in expected {
        guard let specification, let attack = Attack.named(name) else { continue }
        do {
          let found = try specification.attacked(by: attack).outcome
          var check = FieldCheck(
            "isolation.\(name)", expected: outcome.rawValue, found: found.rawValue)
          check.place = expectation?.place(of: check.field)
          checks.append(check)
        } catch {
          throw InputError("attack \(name.quoted): \(error.message)", at: Place(file: file))
        }
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
