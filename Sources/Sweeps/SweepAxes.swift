import Files
import Scenarios

/// The values of a plan: those of all points, and axes of which each point takes one place each.
struct SweepAxes {
  private(set) var fixed: [FieldSetting] = []
  /// For each axis, the settings that belong together at each of its places.
  private(set) var axes: [[[FieldSetting]]] = []
  /// The fields that differ between points.
  private(set) var names: [String] = []
  /// Number of points.
  private(set) var count = 1
  private let folder: ScenarioFolder

  /// - Parameters:
  ///   - value: a checked plan.
  ///   - scenario: scenario whose designs are run if the plan names none.
  init(
    _ value: CheckedValue, designsOf scenario: Scenario, in folder: ScenarioFolder
  ) throws(InputError) {
    self.folder = folder
    fixed = try settings(value["fields"])
    let rest = try (list(value["list"]) + grid(value["grid"]))
    let isSwept = ([fixed] + rest.joined()).joined().contains { $0.name == "design" }
    if let named = value["designs"] {
      guard !isSwept else { throw named.error(expected: "'designs' or the field 'design'") }
      try add(designs(named.items, of: named))
    } else if !isSwept {
      add(Self.designs(of: scenario, at: value["scenario"]?.place ?? value.place))
    }
    for axis in rest { add(axis) }
    try refuseRepetitions()
    try countPoints(value)
  }

  /// The settings of a point, counted from 0: the last axis changes fastest.
  func settings(of number: Int) -> [FieldSetting] {
    var rest = number
    var chosen: [[FieldSetting]] = []
    for axis in axes.reversed() {
      chosen.append(axis[rest % axis.count])
      rest /= axis.count
    }
    return fixed + chosen.reversed().joined()
  }

  /// Those of the scenario, whose files have been found already.
  private static func designs(of scenario: Scenario, at place: Place) -> [[FieldSetting]] {
    scenario.designReferences.compactMap { name in
      let value = CheckedValue(content: .text(name), place: place, field: "scenario")
      return FieldSetting(name: "design", value: value).map { [$0] }
    }
  }

  private mutating func add(_ axis: [[FieldSetting]]) {
    axes.append(axis)
    for setting in axis.joined() where !names.contains(setting.name) { names.append(setting.name) }
  }

  private func list(_ list: CheckedValue?) throws(InputError) -> [[[FieldSetting]]] {
    guard let list else { return [] }
    guard !list.items.isEmpty else { throw list.error(expected: "at least one item") }
    var rows: [[FieldSetting]] = []
    for item in list.items { rows.append(try settings(item)) }
    return [rows]
  }

  private func grid(_ grid: CheckedValue?) throws(InputError) -> [[[FieldSetting]]] {
    var axes: [[[FieldSetting]]] = []
    for member in grid?.members ?? [] {
      var values: [[FieldSetting]] = []
      for item in member.value.items { values.append([try setting(member.name, item)]) }
      guard !values.isEmpty else { throw member.value.error(expected: "at least one value") }
      axes.append(values)
    }
    return axes
  }

  private func designs(
    _ items: [CheckedValue], of value: CheckedValue
  ) throws(InputError) -> [[FieldSetting]] {
    guard !items.isEmpty else { throw value.error(expected: "at least one design") }
    var axis: [[FieldSetting]] = []
    for item in items { axis.append([try setting("design", item)]) }
    return axis
  }

  private func settings(_ value: CheckedValue?) throws(InputError) -> [FieldSetting] {
    var settings: [FieldSetting] = []
    for member in value?.members ?? [] { settings.append(try setting(member.name, member.value)) }
    return settings
  }

  /// A setting. One that names a file has its path, and the file is well-formed.
  private func setting(_ name: String, _ value: CheckedValue) throws(InputError) -> FieldSetting {
    func file(_ kind: ScenarioFolder.Kind, _ text: String) throws(InputError) -> String {
      try folder.file(kind, named: text, from: value.place, field: value.field)
    }
    func naming(_ text: String) -> FieldSetting? {
      FieldSetting(
        name: name,
        value: CheckedValue(content: .text(text), place: value.place, field: value.field))
    }
    guard let setting = FieldSetting(name: name, value: value) else {
      throw value.error(expected: "the path of a field")
    }
    switch setting.target {
    case .designFile:
      let design = DesignName(value.text)
      let path = try design.at(file(.design, design.file))
      _ = try folder.design(named: path)
      return naming(path) ?? setting
    case .costFile:
      let path = try file(.costs, value.text)
      _ = try folder.costs(named: path)
      return naming(path) ?? setting
    default: return setting
    }
  }

  /// A field has one value at each point.
  private func refuseRepetitions() throws(InputError) {
    var seen: [String] = []
    for axis in [[fixed]] + axes {
      var own: [String] = []
      for place in axis {
        var names: [String] = []
        for setting in place {
          guard !(seen + names).contains(setting.name) else {
            throw InputError(
              "expected each field in one place, found \(setting.name.quoted) in two",
              at: setting.value.place, field: setting.value.field)
          }
          names.append(setting.name)
        }
        own += names
      }
      seen += own
    }
  }

  private mutating func countPoints(_ value: CheckedValue) throws(InputError) {
    for axis in axes {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis.count)
      guard !overflow, product <= SweepPlan.pointLimit else {
        throw InputError(
          expected: "at most \(SweepPlan.pointLimit) points", found: "more", at: value.place)
      }
      count = product
    }
  }
}
