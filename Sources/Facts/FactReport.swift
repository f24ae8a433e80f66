package import Files

/// Facts, or what source trees say of them, for people and programs.
package struct FactReport: Sendable {
  /// A tree and its results.
  package struct Tree: Sendable {
    package let name: String
    package let project: Fact.Project?
    package let release: Release?
    package let results: [FactResult]

    package init(name: String, check: FactCheck, results: [FactResult]) {
      self.name = name
      project = check.project
      release = check.release
      self.results = results
    }

    /// The tree in words, such as `linux 6.12.95`.
    var title: String {
      guard let project else { return "\(name): no tree of a known project" }
      return "\(name): \(project.rawValue) \(release?.description ?? "of an unknown release")"
    }

    /// The scenarios that rest on what does not hold, each once, in order.
    package var touchedScenarios: [String] {
      Set(results.filter(\.isBroken).flatMap(\.fact.scenarios)).sorted()
    }
  }

  package let trees: [Tree]

  package init(trees: [Tree]) { self.trees = trees }

  /// Whether a tree contradicts a fact.
  package var hasBroken: Bool { trees.contains { $0.results.contains(where: \.isBroken) } }

  // MARK: Text

  /// Returns the facts that do not simply hold, then the number of facts by status, then the parts
  /// that rest on the broken ones.
  ///
  /// - Parameter all: whether facts that hold, and those that are not about the tree, are listed too.
  package func text(all: Bool) -> String {
    trees.flatMap { tree -> [String] in
      [tree.title]
        + tree.results.filter { all || $0.isBroken || $0.status == .moved }.flatMap(lines)
        + switches(tree) + [summary(tree)] + touched(tree) + [""]
    }.joined(separator: "\n")
  }

  private func lines(_ result: FactResult) -> [String] {
    let place =
      result.file.map { "  \($0)\(result.line.map { ":\($0)" } ?? "")" } ?? "  \(result.fact.file)"
    var lines = ["  \(result.status.rawValue.padded(to: 8))\(result.fact.name)\(place)"]
    if result.isBroken || result.status == .moved {
      lines.append("          \(result.fact.scope.description): \(result.fact.claim.description)")
      if !result.found.isEmpty { lines.append("          found: \(result.found)") }
      if result.status == .moved { lines.append("          was in \(result.fact.file)") }
      lines.append("          \(result.fact.meaning)")
      lines.append("          used by \(result.fact.usedBy.joined(separator: ", "))")
    }
    return lines
  }

  /// The state of each release switch, as the sources show it.
  private func switches(_ tree: Tree) -> [String] {
    // A switch may show in several places, one for each range of releases.
    var shown: [(name: String, statuses: [FactResult.Status])] = []
    for result in tree.results where result.fact.project == tree.project {
      guard let name = result.fact.releaseSwitch else { continue }
      if let place = shown.firstIndex(where: { $0.name == name }) {
        shown[place].statuses.append(result.status)
      } else {
        shown.append((name, [result.status]))
      }
    }
    let states = shown.map { name, statuses in
      if statuses.contains(where: { $0 == .changed || $0 == .gone }) {
        return "    \(name): not as the table says"
      }
      return "    \(name): \(statuses.contains { $0 != .absent } ? "on" : "off")"
    }
    return states.isEmpty ? [] : ["  Release switches"] + states
  }

  private func summary(_ tree: Tree) -> String {
    let counts = FactResult.Status.allCases.map { status in
      "\(tree.results.count { $0.status == status }) \(status.rawValue)"
    }
    return "  \(tree.results.count) facts: \(counts.joined(separator: ", "))"
  }

  private func touched(_ tree: Tree) -> [String] {
    let broken = tree.results.count(where: \.isBroken)
    guard broken > 0 else { return [] }
    let scenarios = tree.touchedScenarios
    let rests =
      scenarios.isEmpty
      ? "no scenario rests on them alone"
      : "these \(scenarios.count) scenarios rest on them: \(scenarios.joined(separator: ", "))"
    return ["  The tree changes \(broken) fact\(broken == 1 ? "" : "s"); \(rests)"]
  }

  /// A list of facts without a tree.
  package static func list(_ facts: [Fact]) -> String {
    facts.map { fact in
      [
        "\(fact.name)  (\(fact.project.rawValue), \(fact.releases.description))",
        "  \(fact.meaning)",
        "  \(fact.file): \(fact.scope.description): \(fact.claim.description)",
        "  used by \(fact.usedBy.joined(separator: ", "))",
      ].joined(separator: "\n")
        + (fact.scenarios.isEmpty
          ? "" : "\n  scenarios \(fact.scenarios.joined(separator: ", "))")
        + (fact.releaseSwitch.map { "\n  release switch \($0)" } ?? "")
    }.joined(separator: "\n\n") + "\n\n\(facts.count) facts\n"
  }

  // MARK: JSON

  package var json: JSONValue {
    .array(
      trees.map { tree in
        [
          "tree": .string(tree.name),
          "project": tree.project.map { .string($0.rawValue) } ?? .null,
          "release": tree.release.map { .string($0.description) } ?? .null,
          "summary": .object(
            FactResult.Status.allCases.map { status in
              JSONValue.Member(
                status.key, .integer(tree.results.count { $0.status == status }))
            }),
          "touchedScenarios": .array(tree.touchedScenarios.map { .string($0) }),
          "results": .array(
            tree.results.map { result in
              [
                "fact": .string(result.fact.name), "status": .string(result.status.rawValue),
                "file": result.file.map { .string($0) } ?? .null,
                "line": result.line.map { .integer($0) } ?? .null,
                "found": .string(result.found),
                "switch": result.fact.releaseSwitch.map { .string($0) } ?? .null,
              ]
            }),
        ]
      })
  }

  package static func json(_ facts: [Fact]) -> JSONValue {
    .array(
      facts.map { fact in
        [
          "name": .string(fact.name), "project": .string(fact.project.rawValue),
          "file": .string(fact.file), "scope": .string(fact.scope.description),
          "claim": .string(fact.claim.description),
          "releases": .string(fact.releases.description), "meaning": .string(fact.meaning),
          "usedBy": .array(fact.usedBy.map { .string($0) }),
          "scenarios": .array(fact.scenarios.map { .string($0) }),
          "switch": fact.releaseSwitch.map { .string($0) } ?? .null,
        ]
      })
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
