extension Shape {
  /// The JSON Schema (2020-12) of files with this shape.
  public func schema(title: String, text: String) -> JSON {
    let head = [
      JSON.Member("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
      JSON.Member("title", .text(title)),
      JSON.Member("description", .text(text)),
    ]
    guard case .object(let members) = schema else { return .object(head) }
    return .object(head + members)
  }

  /// What JSON Schema says about a value of this shape.
  fileprivate var schema: JSON {
    switch self {
    case .text(let form): Self.textSchema(form)
    case .integer(let range): Self.integerSchema(range)
    case .number: .object(["type": .text("number"), "minimum": .integer(0)])
    case .boolean: .object(["type": .text("boolean")])
    case .choice(let choices):
      choices.allSatisfy(\.text.isEmpty)
        ? .object(["enum": .list(choices.map { .text($0.word) })])
        : .object([
          "oneOf": .list(
            choices.map { .object(["const": .text($0.word), "description": .text($0.text)]) })
        ])
    case .list(let item): .object(["type": .text("array"), "items": item.schema])
    case .record(let fields, let open): Self.recordSchema(fields, open)
    case .oneOf(let fields):
      .object(["oneOf": .list(fields.map { Self.recordSchema([$0], false, isOnly: true) })])
    case .dictionary(_, let value):
      .object(["type": .text("object"), "additionalProperties": value.schema])
    }
  }

  /// A YAML reader takes an unquoted `6.5` for a number, so both are allowed where a pattern
  /// could match one.
  private static func textSchema(_ form: TextForm) -> JSON {
    guard let pattern = form.pattern else {
      return .object(["type": .text("string"), "minLength": .integer(1)])
    }
    let text = JSON.object([
      "type": .text("string"), "pattern": .text("^(?:\(pattern))$"),
      "description": .text(form.expectation),
    ])
    guard form.accepts("6.5") else { return text }
    return .object(["anyOf": .list([text, .object(["type": .text("number")])])])
  }

  private static func integerSchema(_ range: ClosedRange<UInt64>) -> JSON {
    var members = [
      JSON.Member("type", .text("integer")),
      JSON.Member("minimum", .integer(Int(clamping: range.lowerBound))),
    ]
    if range.upperBound < .max {
      members.append(JSON.Member("maximum", .integer(Int(clamping: range.upperBound))))
    }
    let hexadecimal = JSON.object([
      "type": .text("string"), "pattern": .text("^0x[0-9a-fA-F]{1,16}$"),
    ])
    return .object(["anyOf": .list([.object(members), hexadecimal])])
  }

  private static func recordSchema(
    _ fields: [Field], _ open: Bool, isOnly: Bool = false
  ) -> JSON {
    let required = fields.filter { $0.isRequired || isOnly }.map { JSON.text($0.name) }
    var members = [
      JSON.Member("type", .text("object")),
      JSON.Member("properties", .object(fields.map { JSON.Member($0.name, $0.schema) })),
    ]
    if !required.isEmpty { members.append(JSON.Member("required", .list(required))) }
    if !open { members.append(JSON.Member("additionalProperties", .boolean(false))) }
    return .object(members)
  }
}

extension Shape.Field {
  /// The schema of the field's value, with its meaning and what it is when absent.
  fileprivate var schema: JSON {
    var members = [JSON.Member("description", .text(text))]
    if let standard { members.append(JSON.Member("default", standard)) }
    if case .object(let inner) = shape.schema {
      members += inner.filter { $0.name != "description" }
    }
    return .object(members)
  }
}
