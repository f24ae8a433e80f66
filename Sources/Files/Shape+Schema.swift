extension Shape {
  /// The JSON Schema (2020-12) of files with this shape.
  package func schema(title: String, text: String) -> JSONValue {
    let head = [
      JSONValue.Member("$schema", "https://json-schema.org/draft/2020-12/schema"),
      JSONValue.Member("title", .string(title)),
      JSONValue.Member("description", .string(text)),
    ]
    guard case .object(let members) = schema else { return .object(head) }
    return .object(head + members)
  }

  /// JSON Schema of a value of this shape.
  fileprivate var schema: JSONValue {
    switch self {
    case .text(let form): Self.textSchema(form)
    case .integer(let range): Self.integerSchema(range)
    case .number: ["type": "number", "minimum": 0, "maximum": .number(1e18)]
    case .boolean: ["type": "boolean"]
    case .choice(let choices):
      choices.allSatisfy(\.text.isEmpty)
        ? ["enum": .array(choices.map { .string($0.word) })]
        : [
          "oneOf": .array(
            choices.map { ["const": .string($0.word), "description": .string($0.text)] })
        ]
    case .list(let item): ["type": "array", "items": item.schema]
    case .record(let fields, let open): Self.recordSchema(fields, open)
    case .oneOf(let fields):
      ["oneOf": .array(fields.map { Self.recordSchema([$0], false, isOnly: true) })]
    case .dictionary(_, let value):
      ["type": "object", "additionalProperties": value.schema]
    case .either(let scalar, let mapping): ["anyOf": .array([scalar.schema, mapping.schema])]
    case .anything: .object([])
    case .settings(listed: false, _): ["type": "object"]
    case .settings(listed: true, _):
      ["type": "object", "additionalProperties": ["type": "array", "minItems": 1]]
    }
  }

  /// A YAML reader takes an unquoted `6.5` for a number, so both are allowed where a pattern
  /// could match one.
  private static func textSchema(_ form: TextForm) -> JSONValue {
    guard let pattern = form.pattern else {
      return ["type": "string", "minLength": 1]
    }
    let text: JSONValue = [
      "type": "string", "pattern": .string("^(?:\(pattern))$"),
      "description": .string(form.expectation),
    ]
    guard form.accepts("6.5") else { return text }
    return ["anyOf": .array([text, ["type": "number"]])]
  }

  private static func integerSchema(_ range: ClosedRange<UInt64>) -> JSONValue {
    var members = [
      JSONValue.Member("type", "integer"),
      JSONValue.Member("minimum", .integer(Int(clamping: range.lowerBound))),
    ]
    if range.upperBound < .max {
      members.append(JSONValue.Member("maximum", .integer(Int(clamping: range.upperBound))))
    }
    let hexadecimal: JSONValue = [
      "type": "string", "pattern": "^0x[0-9a-fA-F]{1,16}$",
    ]
    return ["anyOf": .array([.object(members), hexadecimal])]
  }

  private static func recordSchema(
    _ fields: [Field], _ open: Bool, isOnly: Bool = false
  ) -> JSONValue {
    let required = fields.filter { $0.isRequired || isOnly }.map { JSONValue.string($0.name) }
    var members = [
      JSONValue.Member("type", "object"),
      JSONValue.Member("properties", .object(fields.map { JSONValue.Member($0.name, $0.schema) })),
    ]
    if !required.isEmpty { members.append(JSONValue.Member("required", .array(required))) }
    if !open { members.append(JSONValue.Member("additionalProperties", .bool(false))) }
    return .object(members)
  }
}

extension Shape.Field {
  /// The schema of the field's value, with its meaning and what it is when absent.
  fileprivate var schema: JSONValue {
    var members = [JSONValue.Member("description", .string(text))]
    if let standard { members.append(JSONValue.Member("default", standard)) }
    if case .object(let inner) = shape.schema {
      members += inner.filter { $0.name != "description" }
    }
    return .object(members)
  }
}
