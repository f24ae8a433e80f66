extension Shape {
  /// The content of `node`, when it has this shape.
  ///
  /// - Parameter field: the names of the fields that lead to `node`, joined with dots.
  func check(_ node: YAMLNode, field: String = "") throws(InputError) -> CheckedValue {
    if case .either(let scalar, let other) = self {
      if case .scalar = node.content {
        // Nothing at all is neither.
        guard !node.isNull else {
          throw InputError(expected: expectation, found: node.found, at: node.place, field: field)
        }
        return try scalar.check(node, field: field)
      }
      return try other.check(node, field: field)
    }
    let place = node.place
    let wrong = InputError(expected: expectation, found: node.found, at: place, field: field)
    let content: CheckedValue.Content
    switch self {
    case .list(let item):
      guard case .sequence(let nodes) = node.content else { throw wrong }
      var items: [CheckedValue] = []
      for (index, node) in nodes.enumerated() {
        items.append(try item.check(node, field: "\(field)[\(index)]"))
      }
      content = .list(items)
    case .record(let fields, let open):
      content = try Self.record(fields, open, node, wrong)
    case .oneOf(let fields):
      let choices = fields.map {
        Field(
          name: $0.name, shape: $0.shape, text: $0.text, isRequired: false, standard: $0.standard)
      }
      content = try Self.record(choices, false, node, wrong)
      if case .mapping(let members) = content, members.count != 1 { throw wrong }
    case .dictionary(_, let shape):
      content = try Self.members(node, wrong) { _, _, _ throws(InputError) in shape }
    case .either(let scalar, let mapping):
      if case .mapping = node.content { return try mapping.check(node, field: field) }
      guard case .scalar = node.content else { throw wrong }
      return try scalar.check(node, field: field)
    case .anything: content = try Self.anything(node, field: field)
    case .settings(let isListed, let shapeOf):
      content = try Self.members(node, wrong) { name, place, _ throws(InputError) in
        let shape = try shapeOf(name, place)
        return isListed ? .list(shape) : shape
      }
    default:
      guard case .scalar(let text, _) = node.content, !node.isNull,
        let found = self.content(of: text)
      else { throw wrong }
      content = found
    }
    return CheckedValue(content: content, place: place, field: field)
  }

  /// The content of a scalar.
  private func content(of text: String) -> CheckedValue.Content? {
    switch self {
    case .text(let form):
      form.accepts(text) ? .text(text) : nil
    case .integer(let range):
      UInt64(number: text).flatMap { range.contains($0) ? .integer($0) : nil }
    case .number:
      Double(text).flatMap { $0 == 0 || Shape.numbers.contains($0) ? .number($0) : nil }
    case .boolean:
      text == "true" ? .boolean(true) : text == "false" ? .boolean(false) : nil
    case .choice(let choices):
      choices.contains { $0.word == text } ? .text(text) : nil
    default: nil
    }
  }

  /// The content of a value of any shape.
  private static func anything(
    _ node: YAMLNode, field: String
  ) throws(InputError) -> CheckedValue.Content {
    switch node.content {
    case .scalar(let text, _): return .text(text)
    case .sequence(let nodes):
      var items: [CheckedValue] = []
      for (index, node) in nodes.enumerated() {
        items.append(try Shape.anything.check(node, field: "\(field)[\(index)]"))
      }
      return .list(items)
    case .mapping:
      let wrong = InputError(expected: "a value", found: node.found, at: node.place, field: field)
      return try members(node, wrong) { _, _, _ throws(InputError) in .anything }
    }
  }

  private static func record(
    _ fields: [Field], _ open: Bool, _ node: YAMLNode, _ wrong: InputError
  ) throws(InputError) -> CheckedValue.Content {
    let content = try members(node, wrong) { name, place, path throws(InputError) in
      if let field = fields.first(where: { $0.name == name }) { return field.shape }
      if open { return nil }
      let names = fields.map(\.name)
      throw InputError(
        "expected \(alternatives(names)), found an unknown field"
          + suggestion(for: name, among: names), at: place, field: path)
    }
    if case .mapping(let members) = content {
      for field in fields
      where field.isRequired && !members.contains(where: { $0.name == field.name }) {
        throw InputError(
          expected: field.shape.expectation, found: "nothing: the field is missing",
          at: node.place, field: path(wrong.field, field.name))
      }
    }
    return content
  }

  /// The members of a mapping, each checked against the shape that `shape` gives for it.
  private static func members(
    _ node: YAMLNode, _ wrong: InputError,
    shape: (String, Place, String) throws(InputError) -> Shape?
  ) throws(InputError) -> CheckedValue.Content {
    guard case .mapping(let nodes) = node.content else { throw wrong }
    var members: [CheckedValue.Member] = []
    for member in nodes {
      let path = path(wrong.field, member.name)
      guard let shape = try shape(member.name, member.place, path) else { continue }
      let checked = try shape.check(member.value, field: path)
      members.append(CheckedValue.Member(name: member.name, place: member.place, value: checked))
    }
    return .mapping(members)
  }

  private static func path(_ outer: String, _ name: String) -> String {
    outer.isEmpty ? name : "\(outer).\(name)"
  }
}

extension Shape.TextForm {
  package func accepts(_ text: String) -> Bool {
    guard let pattern else { return !text.isEmpty }
    guard let expression = try? Regex(pattern) else { return false }
    return text.wholeMatch(of: expression) != nil
  }
}
