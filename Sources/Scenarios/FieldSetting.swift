package import Files

/// A value that stands in a field of a scenario, of its designs or of its costs instead of what the
/// file says.
package struct FieldSetting: Sendable {
  /// The file whose field it is.
  package enum Target: Sendable {
    case scenario
    case design
    case costs
    /// Another design file, or another cost file.
    case designFile, costFile
  }

  package let target: Target
  /// The field, within its file.
  let path: FieldPath
  /// The field as the user names it.
  package let name: String
  /// A value of the field's shape.
  package let value: CheckedValue

  /// - Parameter value: checked against `Shape.field(named:at:)` of the same name.
  package init?(name: String, value: CheckedValue) {
    guard let (target, path) = Self.target(of: name) else { return nil }
    self.target = target
    self.path = path
    self.name = name
    self.value = value
  }

  /// Returns the target and the path of a field that a user names: `design`, `design.AXIS`,
  /// `costs`, `costs.ITEM`, `load.FIELD` for that of the workload, or the path of a scenario's
  /// field.
  fileprivate static func target(of name: String) -> (Target, FieldPath)? {
    guard let path = FieldPath(name), let first = path.steps.first else { return nil }
    let rest = Array(path.steps.dropFirst())
    switch first {
    case .name("design"): return (rest.isEmpty ? .designFile : .design, FieldPath(rest))
    case .name("costs"): return (rest.isEmpty ? .costFile : .costs, FieldPath(rest))
    case .name("load"):
      return (.scenario, FieldPath([.name("workload"), .name("load")] + rest))
    default: return (.scenario, path)
    }
  }
}

extension Shape {
  /// A mapping from paths of fields of scenarios, designs and costs to values for them, or to lists
  /// of values.
  package static func settings(listed: Bool) -> Shape {
    .settings(listed: listed) { name, place throws(InputError) in
      try Shape.field(named: name, at: place)
    }
  }

  /// A time that a cost item takes.
  static let costTime = Shape.text(
    TextForm("a time such as 150 ns", pattern: #"[0-9]{1,9}(\.[0-9]{1,3})? ?(ps|ns|us)"#))

  /// Fields in which a scenario describes itself rather than the run.
  private static let unsettable = ["purpose", "source", "rows", "designs", "expect", "seed"]

  /// The shape of the field with this name, as `FieldSetting` names fields.
  package static func field(named name: String, at place: Place) throws(InputError) -> Shape {
    guard let (target, path) = FieldSetting.target(of: name) else {
      throw InputError(
        expected: "the path of a field such as load.virtualCPUs or design.msix",
        found: name.quoted, at: place)
    }
    switch target {
    case .designFile, .costFile: return .anyText
    case .design: return try design.shape(at: path.steps[...], of: name, place)
    case .costs:
      let items = Shape.record(CostItemShapes.fields)
      return try items.shape(at: path.steps[...], of: name, place)
    case .scenario:
      guard case .record(let fields, _) = scenario else { return .anything }
      let settable = Shape.record(fields.filter { !unsettable.contains($0.name) })
      return try settable.shape(at: path.steps[...], of: name, place)
    }
  }

  /// The shape of the field that `steps` lead to from here.
  private func shape(
    at steps: ArraySlice<FieldPath.Step>, of name: String, _ place: Place
  ) throws(InputError) -> Shape {
    guard let step = steps.first else { return self }
    switch (self, step) {
    case (.either(_, let mapping), _): return try mapping.shape(at: steps, of: name, place)
    case (.record(let fields, _), .name(let asked)), (.oneOf(let fields), .name(let asked)):
      let names = fields.map(\.name)
      guard let field = fields.first(where: { $0.name == asked }) else {
        throw InputError(
          "expected \(alternatives(names)), found \(asked.quoted)"
            + suggestion(for: asked, among: names), at: place, field: name)
      }
      return try field.shape.shape(at: steps.dropFirst(), of: name, place)
    case (.either(_, let other), _): return try other.shape(at: steps, of: name, place)
    case (.list(let item), .index): return try item.shape(at: steps.dropFirst(), of: name, place)
    case (.list, _):
      throw InputError(
        expected: "the number of an item, from 0", found: step.text.quoted, at: place, field: name)
    default:
      throw InputError(
        expected: "the end of the path", found: step.text.quoted, at: place, field: name)
    }
  }
}
