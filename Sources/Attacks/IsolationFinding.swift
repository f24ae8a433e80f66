public import Designs
internal import Engine
public import Guest
public import Linux
internal import Software

/// Result of one attack on one design, as the run showed it.
public struct IsolationFinding: Equatable, Sendable {
  /// Outcome of the attack. Each follows from what was reached, by the attack's definition of a
  /// breach.
  public enum Outcome: String, Choice {
    case contained
    case noise
    case breach
    case notApplicable = "not-applicable"
    case unknown

    public var meaning: String {
      switch self {
      case .contained: "Nothing was reached but what is the actor's own."
      case .noise: "No data or interrupt was lost; another party lost shared resources."
      case .breach: "What the attack calls a breach happened."
      case .notApplicable: "The design has nothing that could be attacked so."
      case .unknown: "The models cannot tell."
      }
    }
  }

  /// Whom the attack reached.
  public enum Victim: String, CaseIterable, Sendable {
    /// The guest whose device it is.
    case guest
    /// Another VM on the same SMMU and ITS.
    case neighbour
    case host
  }

  /// The value on an axis.
  public struct Setting: Hashable, Sendable {
    public let axis: String
    public let value: String

    public init(axis: String, value: String) {
      self.axis = axis
      self.value = value
    }
  }

  /// Something that the run counted.
  public struct Measure: Equatable, Sendable {
    public let name: String
    public let value: Int

    public init(_ name: String, _ value: Int) {
      self.name = name
      self.value = value
    }
  }

  /// The design's name.
  public var design: String
  /// Driver stack that owned the device in the guest.
  public let usage: GuestUsage
  /// Values that varied besides the design: names of axes and of values.
  public var values: [Setting] = []
  /// Interfaces that the run needs and no release has.
  public var missingInterfaces: [ReleaseSwitch] = []
  public let attack: Attack
  public let outcome: Outcome
  /// `nil` where the attack reached no one else.
  public let victim: Victim?
  /// Explanation of the outcome, in one sentence: the check that contained the attack, or the
  /// resource that it reached.
  public let detail: String
  public let measures: [Measure]
  /// The way of the access that shows it; empty where no access does.
  public let stations: [Journey.Stop]

  public init(
    design: String, usage: GuestUsage = .dmaAPI, attack: Attack, outcome: Outcome, victim: Victim?,
    detail: String,
    measures: [Measure] = [], stations: [Journey.Stop] = []
  ) {
    self.design = design
    self.usage = usage
    self.attack = attack
    self.outcome = outcome
    self.victim = victim
    self.detail = detail
    self.measures = measures
    self.stations = stations
  }

  init(_ specification: RunSpecification, _ attack: Attack, _ outcome: AttackOutcome) {
    self.init(
      design: specification.design.name, usage: specification.usage, attack: attack,
      outcome: outcome.outcome, victim: outcome.victim,
      detail: outcome.detail, measures: outcome.measures, stations: outcome.stations)
  }
}

/// A finding before it is put on a design's account.
struct AttackOutcome {
  let outcome: IsolationFinding.Outcome
  var victim: IsolationFinding.Victim?
  let detail: String
  var measures: [IsolationFinding.Measure] = []
  var stations: [Journey.Stop] = []

  static func contained(
    _ detail: String, _ measures: [IsolationFinding.Measure] = [],
    stations: [Journey.Stop] = []
  ) -> Self {
    Self(outcome: .contained, detail: detail, measures: measures, stations: stations)
  }

  static func breach(
    of victim: IsolationFinding.Victim, _ detail: String,
    _ measures: [IsolationFinding.Measure] = [], stations: [Journey.Stop] = []
  ) -> Self {
    Self(
      outcome: .breach, victim: victim, detail: detail, measures: measures, stations: stations)
  }

  static func noise(
    for victim: IsolationFinding.Victim, _ detail: String,
    _ measures: [IsolationFinding.Measure] = [], stations: [Journey.Stop] = []
  ) -> Self {
    Self(outcome: .noise, victim: victim, detail: detail, measures: measures, stations: stations)
  }

  static func without(_ reason: String) -> Self { Self(outcome: .notApplicable, detail: reason) }
}
