package import Designs
package import Files

/// One thing that a comparison varies besides the design: a condition of the run, or a choice of the
/// design.
package struct ComparisonAxis: Sendable {
  /// A value on the axis, and the change of a run that it stands for.
  package struct Value: Sendable {
    package let name: String
    /// Meaning of the value, in one line.
    package let meaning: String
    /// The options of `doorbell compare` and `doorbell explain` that make a run have it.
    package let arguments: [String]
    let change: @Sendable (inout RunSpecification) -> Void

    /// Makes a run have the value.
    package func apply(to specification: inout RunSpecification) { change(&specification) }
  }

  package let name: String
  /// Property that varies, in one line.
  package let meaning: String
  /// The values, in the order in which columns stand; none where they have to be named.
  package let values: [Value]
  /// Whether the overview of all axes shows it.
  let isInOverview: Bool
  /// The condition that varies; `nil` for a choice of the design.
  package let condition: Condition?
  private let read: @Sendable (RunSpecification) -> String
  /// Returns the value with this name.
  private let make: @Sendable (String, ScenarioFolder) throws(InputError) -> Value

  /// The name of the value that a run has.
  package func value(of specification: RunSpecification) -> String { read(specification) }

  /// The same axis with these values only.
  ///
  /// - Parameter folder: folder in which the names of files are looked up.
  /// - Throws: `InputError` for a name that is of no value, or that is given twice.
  package func narrowed(
    to names: [String], in folder: ScenarioFolder
  ) throws(InputError) -> ComparisonAxis {
    var chosen: [Value] = []
    for name in names {
      let value = try make(name, folder)
      guard !chosen.contains(where: { $0.name == value.name }) else {
        throw InputError("--axis \(self.name): expected each value once, found '\(name)' twice")
      }
      chosen.append(value)
    }
    return ComparisonAxis(self, values: chosen)
  }

  /// The same axis with one of its values.
  func only(_ value: Value) -> ComparisonAxis { ComparisonAxis(self, values: [value]) }

  private init(_ axis: ComparisonAxis, values: [Value]) {
    name = axis.name
    meaning = axis.meaning
    self.values = values
    isInOverview = axis.isInOverview
    condition = axis.condition
    read = axis.read
    make = axis.make
  }

  /// The axis of a condition.
  private init(_ condition: Condition) {
    let origin = "--axis \(condition.name)"
    let make: @Sendable (String, ScenarioFolder) throws(InputError) -> Value = {
      text, folder throws(InputError) in
      let change = try condition.change(to: text, in: folder, from: origin)
      let known = condition.values.first { $0.text == text }
      return Value(
        name: text, meaning: known?.meaning ?? "\(condition.meaning) Here \(text).",
        arguments: [condition.option, text], change: { change(&$0.conditions) })
    }
    name = condition.name
    meaning = condition.meaning
    // Values that the table lists name no files.
    let nowhere = ScenarioFolder(path: "")
    values = condition.values.compactMap { try? make($0.text, nowhere) }
    isInOverview = condition.axis == .overview
    self.condition = condition
    read = { condition.text(of: $0.conditions) }
    self.make = make
  }

  /// An axis of designs: another choice than the design's own, which makes it a variant.
  private init(_ axis: DesignAxis) {
    let values = axis.choices.map { choice in
      Value(name: choice.word, meaning: choice.meaning, arguments: []) { specification in
        var design = specification.design
        guard axis.choose(choice.word, for: &design) else { return }
        specification.design = design.named(after: specification.design)
      }
    }
    let names = values.map(\.name)
    name = axis.name
    meaning = axis.question
    self.values = values
    isInOverview = axis.name == DesignAxis.delivery.name
    condition = nil
    read = { axis.word(of: $0.design) }
    make = { name, _ throws(InputError) in
      guard let value = values.first(where: { $0.name == name }) else {
        throw InputError(
          "--axis \(axis.name): expected \(alternatives(names)), found \(name.quoted)"
            + suggestion(for: name, among: names))
      }
      return value
    }
  }
}

extension ComparisonAxis {
  /// All axes, in the order in which reports show them: those of conditions, then those of designs.
  package static let all: [ComparisonAxis] =
    Condition.all.filter { $0.axis != .none }.map { ComparisonAxis($0) }
    + DesignAxis.all.map { ComparisonAxis($0) }

  /// Those that an overview shows.
  package static let overview = all.filter(\.isInOverview)

  package static let guestUsage = ComparisonAxis(.guestUsage)
  /// One device on each ITS.
  package static let its = ComparisonAxis(.its)

  /// The axis that an option such as `guest-usage` or `guest-kernel=6.5,6.6` asks for.
  ///
  /// - Throws: `InputError` for an axis or a value that does not exist.
  package init(option: String, in folder: ScenarioFolder) throws(InputError) {
    let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts.first ?? "")
    guard let axis = Self.all.first(where: { $0.name == name }) else {
      let names = Self.all.map(\.name)
      throw InputError(
        "--axis: expected 'all', \(alternatives(names)), found \(name.quoted)"
          + suggestion(for: name, among: names))
    }
    guard parts.count > 1 else {
      guard !axis.values.isEmpty else {
        throw InputError("--axis \(name): expected values, as in \(name)=16,64, found none")
      }
      self = axis
      return
    }
    self = try axis.narrowed(
      to: parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init),
      in: folder)
  }

  /// The axes that options ask for, each once; guest usages where none does.
  package static func chosen(
    _ options: [String], in folder: ScenarioFolder
  ) throws(InputError) -> [ComparisonAxis] {
    var axes: [ComparisonAxis] = []
    for option in options {
      let axis = try ComparisonAxis(option: option, in: folder)
      guard !axes.contains(where: { $0.name == axis.name }) else {
        throw InputError("--axis: expected each axis once, found '\(axis.name)' twice")
      }
      axes.append(axis)
    }
    return axes.isEmpty ? [.guestUsage] : axes
  }
}
