package import Files

extension CheckedValue {
  /// The value with others in some of its fields.
  func setting(_ settings: [FieldSetting], as shape: Shape) throws(InputError) -> CheckedValue {
    guard !settings.isEmpty else { return self }
    var result = self
    for setting in settings {
      result = try result.replacing(setting.path.steps[...], by: setting, in: shape)
    }
    try shape.checkComplete(result)
    return result
  }

  private func replacing(
    _ steps: ArraySlice<FieldPath.Step>, by setting: FieldSetting, in shape: Shape
  ) throws(InputError) -> CheckedValue {
    guard let step = steps.first else { return setting.value }
    switch (shape, step) {
    case (.either(_, let mapping), _): return try replacing(steps, by: setting, in: mapping)
    case (.list(let item), .index(let index)):
      guard items.indices.contains(index) else {
        throw InputError(
          expected: items.isEmpty ? "a scenario with such a list" : "0 to \(items.count - 1)",
          found: "item \(index)", at: setting.value.place, field: setting.name)
      }
      var items = items
      items[index] = try items[index].replacing(steps.dropFirst(), by: setting, in: item)
      return CheckedValue(content: .list(items), place: place, field: field)
    case (.record(let fields, _), .name(let name)), (.oneOf(let fields), .name(let name)):
      guard let inner = fields.first(where: { $0.name == name })?.shape else { return self }
      return try replacing(member: name, steps.dropFirst(), by: setting, in: inner)
    default: return self
    }
  }

  private func replacing(
    member name: String, _ steps: ArraySlice<FieldPath.Step>, by setting: FieldSetting,
    in shape: Shape
  ) throws(InputError) -> CheckedValue {
    var members = members
    let place = setting.value.place
    let old = members.firstIndex { $0.name == name }
    let inner =
      old.map { members[$0].value }
      ?? CheckedValue(
        content: .mapping([]), place: place, field: field.isEmpty ? name : "\(field).\(name)")
    let value = try inner.replacing(steps, by: setting, in: shape)
    if let old {
      members[old] = Member(name: name, place: members[old].place, value: value)
    } else {
      members.append(Member(name: name, place: place, value: value))
    }
    return CheckedValue(content: .mapping(members), place: self.place, field: field)
  }
}

extension Shape {
  /// Checks what a value can lack, or have too much of, after some of its fields were set.
  fileprivate func checkComplete(_ value: CheckedValue) throws(InputError) {
    switch self {
    case .record(let fields, _):
      for field in fields where field.isRequired && value[field.name] == nil {
        throw InputError(
          expected: "'\(field.name)' beside it", found: "nothing", at: value.place,
          field: value.field)
      }
      try Self.checkComplete(fields, of: value)
    case .oneOf(let fields):
      guard value.members.count == 1 else {
        let places = value.members.map(\.place)
        throw InputError(
          expected: expectation,
          found: alternatives(value.members.map(\.name)).replacing(" or ", with: " and "),
          at: places.last ?? value.place, field: value.field)
      }
      try Self.checkComplete(fields, of: value)
    case .list(let item): for value in value.items { try item.checkComplete(value) }
    case .either(_, let mapping):
      if case .mapping = value.content { try mapping.checkComplete(value) }
    default: return
    }
  }

  private static func checkComplete(
    _ fields: [Field], of value: CheckedValue
  ) throws(InputError) {
    for member in value.members {
      guard let field = fields.first(where: { $0.name == member.name }) else { continue }
      try field.shape.checkComplete(member.value)
    }
  }
}
