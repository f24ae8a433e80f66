public import Attacks
import Bits
package import Designs
import SMMU
import Software

/// The results of a scenario's designs when they were last accepted, to be compared with what they
/// come to now.
///
/// A golden record says what was, not what is right: that is what `expect` in the scenario says.
package struct Golden: Equatable, Sendable {
  /// One thing that is compared, as lines of text.
  package struct Field: Equatable, Sendable {
    package let name: String
    package let lines: [String]

    package init(name: String, lines: [String]) {
      self.name = name
      self.lines = lines
    }
  }

  /// Subject of the records.
  package enum Kind: String, Sendable {
    /// The designs of a scenario.
    case design
    /// The steps of a script.
    case step
  }

  package struct Record: Equatable, Sendable {
    /// The design, or the step with its number.
    package let design: String
    package let fields: [Field]

    package init(design: String, fields: [Field]) {
      self.design = design
      self.fields = fields
    }

    /// The lines of a field; none for one that the record does not have.
    func lines(of name: String) -> [String] { fields.first { $0.name == name }?.lines ?? [] }
  }

  /// The scenario's name.
  package let scenario: String
  package let kind: Kind
  /// In the order of the scenario's designs, or of the script's steps.
  package let records: [Record]

  package init(scenario: String, kind: Kind = .design, records: [Record]) {
    self.scenario = scenario
    self.kind = kind
    self.records = records
  }

  /// The fields in the order of files and differences.
  static let fieldNames = fieldsOfDesigns + ["chain"]
  private static let fieldsOfDesigns = [
    "outcome", "exits", "stage1", "stage2", "findings", "steps",
  ]

  /// The results of `comparison`; mappings are in it where its runs took them down.
  ///
  /// - Parameter findings: the results of attacks on its designs.
  package init(_ comparison: Comparison, findings: [IsolationFinding] = []) {
    self.init(
      scenario: comparison.scenario.name,
      records: comparison.results.map { result in
        let values = [
          result.goldenOutcome, result.goldenExits,
          result.mappings?.stage1.goldenLines ?? [], result.mappings?.stage2.goldenLines ?? [],
          findings.filter { $0.design == result.design.name }.map(\.goldenLine),
          result.goldenSteps,
        ]
        return Record(
          design: result.design.name,
          fields: zip(Self.fieldsOfDesigns, values).map { Field(name: $0, lines: $1) })
      })
  }
}

extension RunResult {
  fileprivate var goldenOutcome: [String] {
    let setup =
      switch setup {
      case .enabled: "set-up enabled"
      case .refused(let refusal):
        "set-up refused by \(refusal.agent.rawValue) in \(refusal.function): \(refusal.errno), "
          + refusal.message
      case .notModelled(let reason): "set-up not modelled: \(reason)"
      }
    let journeys = Verdict.allCases.compactMap { verdict in
      let count = count(of: verdict)
      return count == 0 ? nil : "\(count) \(verdict.rawValue)"
    }
    let entry = message.map { "message (\($0.address), \(hex(UInt64($0.data))))" }
    return [setup] + journeys + (entry.map { [$0] } ?? [])
  }

  fileprivate var goldenExits: [String] {
    let counts = RunResult.Exits.Occasion.allCases.compactMap { occasion in
      let count = exits[occasion]
      let isAlwaysShown = occasion == .setup || occasion == .delivery
      return count > 0 || isAlwaysShown ? "\(count) at \(occasion.rawValue)" : nil
    }
    return counts + exits.causes.map { "\($0.count) by \($0.name)" }
  }

  /// The steps up to the first MSI, without their times, which the cost model decides.
  fileprivate var goldenSteps: [String] {
    StepGroup.groups(of: setupSteps).map { group in
      let agent = group.agent?.rawValue ?? ""
      return "\(agent) \(group.function): \(group.text)"
        + (group.belief.map { " => \($0)" } ?? "")
    }
  }
}

extension IsolationFinding {
  fileprivate var goldenLine: String {
    "\(attack.name): \(outcome.rawValue)" + (victim.map { " (\($0.rawValue))" } ?? "")
  }
}

extension Optional<StageMappings> {
  fileprivate var goldenLines: [String] {
    guard let self else { return ["off"] }
    return self.ranges.map(\.text) + (self.isComplete ? [] : ["and more"])
  }
}

extension MappedRange {
  /// Such as `0x8000000 + 0x1000 -> 0x8090000 rw`.
  package var text: String {
    "\(hex(input)) + \(hex(length)) -> \(hex(output)) "
      + "\(isReadable ? "r" : "-")\(isWritable ? "w" : "-")"
  }
}
