import Files
import Scenarios

/// One point of a sweep: a scenario under one design, with values in some of its fields.
package struct SweepPoint: Sendable {
  /// A field that differs between points, and its value at this one.
  package struct Field: Equatable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Conflict between the point's values; `nil` if it can run.
  package var impossibility: String? {
    if case .impossible(let error) = subject { error.description } else { nil }
  }

  /// Scenario that the point runs, or the conflict between its values.
  enum Subject: Sendable {
    case scenario(ScenarioSource)
    case impossible(InputError)
  }

  /// A scenario that is read when its point runs: a sweep may have many large ones.
  struct ScenarioSource: Sendable {
    let folder: ScenarioFolder
    let path: String
    let overrides: ScenarioOverrides

    func scenario(seed: UInt32?) throws(InputError) -> Scenario {
      var overrides = overrides
      overrides[.seed] = seed.map { String($0) }
      return try folder.scenario(named: path, overrides: overrides)
    }
  }

  /// Counted from 1, in the order of the plan.
  package let number: Int
  package let fields: [Field]
  /// The SHA-256 of everything that its result depends on.
  package let hash: String
  let subject: Subject

  /// `design=untrapped costs.table-read=60 ns`.
  package var text: String { fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }
}
