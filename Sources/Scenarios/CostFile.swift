package import Files
import Simulation
package import Timing

extension Shape {
  /// A cost file: what each kind of work takes, and how the number is known.
  package static let costs = Shape.record([
    .required("platform", .anyText, "The machine that the numbers stand for."),
    .required(
      "costs",
      .record(CostModel.Item.allCases.map { .required($0.name, cost, $0.meaning) }),
      "One number for each kind of work."),
  ])

  private static let cost = Shape.record([
    .optional("value", .number, "How long it takes."),
    .optional(
      "range",
      .record([
        .required("low", .number, "The low end."), .required("high", .number, "The high end."),
      ]), "The ends between which it must lie, instead of a value."),
    .required("unit", .choice(of: CostUnit.self) { _ in "" }, "The unit of the number."),
    .required(
      "status", .choice(of: CostModel.Status.self, \.meaning), "How the number is known."),
    .optional("platform", .anyText, "The machine it was measured on, where it is another."),
    .required("source", .anyText, "Where it was measured, or why it is assumed."),
  ])
}

/// The costs that a setting can name.
enum CostItemShapes {
  static let fields = CostModel.Item.allCases.map {
    Shape.Field.optional($0.name, .costTime, $0.meaning)
  }
}

/// A unit of time in a cost file.
private enum CostUnit: String, CaseIterable {
  case picoseconds = "ps"
  case nanoseconds = "ns"
  case microseconds = "us"

  var picoseconds: Double {
    switch self {
    case .picoseconds: 1
    case .nanoseconds: 1e3
    case .microseconds: 1e6
    }
  }
}

extension ScenarioFolder {
  /// The names of the cost models in the folder.
  package var costNames: [String] { names(of: .costs) }

  /// The cost model with this name, or in the file at this path.
  package func costs(named name: String) throws(InputError) -> CostModel {
    try readCosts(at: file(.costs, named: name))
  }

  /// The cost model in the file at `path`.
  func readCosts(at path: String) throws(InputError) -> CostModel {
    let value = try InputFile(path).value(as: .costs)
    var costs: [CostModel.Item: CostModel.Cost] = [:]
    for member in value["costs"]?.members ?? [] {
      guard let item = CostModel.Item(named: member.name) else { continue }
      costs[item] = try cost(member.value)
    }
    return CostModel(name: baseName(path), platform: value.text("platform"), costs: costs)
  }

  private func cost(_ value: CheckedValue) throws(InputError) -> CostModel.Cost {
    guard let unit: CostUnit = value.choice("unit"),
      let status: CostModel.Status = value.choice("status")
    else { throw value.error(expected: "a cost") }
    let (low, high) = try ends(value, status)
    let times = (try time(low, unit), try time(high, unit))
    guard times.0 <= times.1 else { throw high.error(expected: "at least the low end") }
    return CostModel.Cost(
      time: times.0, high: times.1, status: status, platform: value["platform"]?.text,
      source: value.text("source"))
  }

  /// The two ends of a range, or a value twice.
  private func ends(
    _ value: CheckedValue, _ status: CostModel.Status
  ) throws(InputError) -> (CheckedValue, CheckedValue) {
    let range = value["range"]
    if status == .range, value["value"] == nil, let low = range?["low"], let high = range?["high"] {
      return (low, high)
    }
    if status != .range, range == nil, let number = value["value"] { return (number, number) }
    throw InputError(
      expected: status == .range ? "'range' and no 'value'" : "'value' and no 'range'",
      found: [value["value"].map { _ in "'value'" }, range.map { _ in "'range'" }]
        .compactMap(\.self).joined(separator: " and "),
      at: value.place, field: value.field)
  }

  private func time(_ number: CheckedValue, _ unit: CostUnit) throws(InputError) -> SimulatedTime {
    let time = number.number * unit.picoseconds
    guard time <= 1e15 else { throw number.error(expected: "at most 1000 seconds") }
    return SimulatedTime(roundingNanoseconds: time / 1000)
  }
}

extension CostModel {
  /// The model with other numbers for some items.
  func setting(_ settings: [FieldSetting]) throws(InputError) -> CostModel {
    guard !settings.isEmpty else { return self }
    var costs = costs
    for setting in settings {
      guard case .name(let name)? = setting.path.steps.first, let item = Item(named: name),
        let match = setting.value.text.wholeMatch(of: /([0-9.]+) ?(ps|ns|us)/),
        let number = Double(match.1), let unit = CostUnit(rawValue: String(match.2)),
        number * unit.picoseconds <= 1e15
      else { throw setting.value.error(expected: Shape.costTime.expectation) }
      costs[item] = Cost(
        time: SimulatedTime(roundingNanoseconds: number * unit.picoseconds / 1000),
        status: .assumed, source: "set by the user")
    }
    return CostModel(name: self.name, platform: platform, costs: costs, end: end)
  }
}
