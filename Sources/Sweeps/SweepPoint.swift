import InputFiles
import Scenarios

/// One point of a sweep: a scenario under one design, with values in some of its fields.
public struct SweepPoint: Sendable {
  /// A field that differs between points, and its value at this one.
  public struct Field: Equatable, Sendable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Why the point's values cannot stand together; `nil` when it can run.
  public var impossibility: String? {
    if case .impossible(let error) = subject { error.description } else { nil }
  }

  /// What the point runs, or why its values cannot stand together.
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
      overrides.seed = seed
      return try folder.scenario(named: path, overrides: overrides)
    }
  }

  /// Counted from 1, in the order of the plan.
  public let number: Int
  public let fields: [Field]
  /// The SHA-256 of everything that its result depends on.
  public let hash: String
  let subject: Subject

  /// `design=untrapped costs.table-read=60 ns`.
  public var text: String { fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }
}
