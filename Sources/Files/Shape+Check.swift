import Yams

extension Shape {
  /// The content of `node`, when it has this shape.
  ///
  /// - Parameter field: the names of the fields that lead to `node`, joined with dots.
  func check(_ node: Node, at origin: Place, field: String = "") throws(InputError)
    -> CheckedValue
  {
    let place = node.place(from: origin)
    let wrong = InputError(expected: expectation, found: node.found, at: place, field: field)
    let content: CheckedValue.Content
    switch self {
    case .list(let item):
      guard case .sequence(let nodes) = node else { throw wrong }
      var items: [CheckedValue] = []
      for (index, node) in nodes.enumerated() {
        items.append(try item.check(node, at: origin, field: "\(field)[\(index)]"))
      }
      content = .list(items)
    case .record(let fields, let open):
      content = try Self.record(fields, open, node, wrong, origin)
    case .oneOf(let fields):
      let choices = fields.map {
        Field(
          name: $0.name, shape: $0.shape, text: $0.text, isRequired: false, standard: $0.standard)
      }
      content = try Self.record(choices, false, node, wrong, origin)
      if case .mapping(let members) = content, members.count != 1 { throw wrong }
    case .dictionary(_, let shape):
      content = try Self.members(node, wrong, origin) { _, _, _ throws(InputError) in shape }
    case .anything: content = try Self.anything(node, at: origin, field: field)
    case .settings(let isListed, let shapeOf):
      content = try Self.members(node, wrong, origin) { name, place, _ throws(InputError) in
        let shape = try shapeOf(name, place)
        return isListed ? .list(shape) : shape
      }
    default:
      guard case .scalar(let scalar) = node, !scalar.isNull,
        let found = self.content(of: scalar.string)
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
      Double(text).flatMap { $0.isFinite && $0 >= 0 ? .number($0) : nil }
    case .boolean:
      text == "true" ? .boolean(true) : text == "false" ? .boolean(false) : nil
    case .choice(let choices):
      choices.contains { $0.word == text } ? .text(text) : nil
    default: nil
    }
  }

  /// The content of a value of any shape.
  private static func anything(
    _ node: Node, at origin: Place, field: String
  ) throws(InputError) -> CheckedValue.Content {
    let wrong = InputError(
      expected: "a value", found: node.found, at: node.place(from: origin), field: field)
    switch node {
    case .scalar(let scalar): return .text(scalar.string)
    case .sequence(let nodes):
      var items: [CheckedValue] = []
      for (index, node) in nodes.enumerated() {
        items.append(try Shape.anything.check(node, at: origin, field: "\(field)[\(index)]"))
      }
      return .list(items)
    case .mapping:
      return try members(node, wrong, origin) { _, _, _ throws(InputError) in .anything }
    case .alias: throw wrong
    }
  }

  private static func record(
    _ fields: [Field], _ open: Bool, _ node: Node, _ wrong: InputError, _ origin: Place
  ) throws(InputError) -> CheckedValue.Content {
    let content = try members(node, wrong, origin) { name, place, path throws(InputError) in
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
          at: node.place(from: origin), field: path(wrong.field, field.name))
      }
    }
    return content
  }

  /// The members of a mapping, each checked against the shape that `shape` gives for it.
  private static func members(
    _ node: Node, _ wrong: InputError, _ origin: Place,
    shape: (String, Place, String) throws(InputError) -> Shape?
  ) throws(InputError) -> CheckedValue.Content {
    guard case .mapping(let mapping) = node else { throw wrong }
    var members: [CheckedValue.Member] = []
    for (key, value) in mapping {
      let place = key.place(from: origin)
      guard case .scalar(let scalar) = key else {
        throw InputError(expected: "a name", found: key.found, at: place, field: wrong.field)
      }
      let path = path(wrong.field, scalar.string)
      guard let shape = try shape(scalar.string, place, path) else { continue }
      let checked = try shape.check(value, at: origin, field: path)
      members.append(CheckedValue.Member(name: scalar.string, place: place, value: checked))
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

extension Node {
  /// Where the node stands, in a file whose text starts at `origin`.
  package func place(from origin: Place) -> Place {
    guard let mark else { return origin }
    return Place(file: origin.file, line: (origin.line ?? 1) + mark.line - 1, column: mark.column)
  }

  /// What the node is, for a message.
  package var found: String {
    switch self {
    case .scalar(let scalar): scalar.isNull ? "nothing" : scalar.string.quoted
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .alias: "an alias"
    }
  }
}

extension Node.Scalar {
  /// An empty value, `~` or `null`, not in quotes.
  package var isNull: Bool { style == .plain && ["", "~", "null"].contains(string) }
}
