import Files
import Foundation
import Scripts
import Testing

/// Documents that a schema allows, made at random: whatever they ask for ends in a result or in an
/// error.
@Suite("Generated scripts")
struct GeneratedScriptTests {
  private struct Generator {
    var state: UInt64

    mutating func below(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % max(1, limit)
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    /// A value that the JSON Schema of a file allows; few names, so that steps find each other's.
    mutating func value(_ schema: JSONValue, depth: Int = 0) -> JSONValue {
      for name in ["oneOf", "anyOf"] {
        if case .array(let choices)? = schema[name] { return value(pick(choices), depth: depth) }
      }
      if let constant = schema["const"] { return constant }
      if case .array(let words)? = schema["enum"] { return pick(words) }
      switch schema["type"] {
      case "integer": return integer(schema)
      case "number":
        return pick([.number(0), .number(1), .number(1e-18), .number(1e18), .number(0.5)])
      case "boolean": return .bool(below(2) == 0)
      case "string": return text(schema)
      case "array":
        guard let items = schema["items"] else { return .array([]) }
        return .array((0..<below(depth > 4 ? 2 : 4)).map { _ in value(items, depth: depth + 1) })
      case "object": return object(schema, depth)
      default: return .string("x")
      }
    }

    private mutating func integer(_ schema: JSONValue) -> JSONValue {
      var low = 0
      var high = Int.max
      if case .integer(let number)? = schema["minimum"] { low = number }
      if case .integer(let number)? = schema["maximum"] { high = number }
      let powers = (0..<63).map { 1 << $0 }.flatMap { [$0 - 1, $0, $0 + 1] }
      let fitting = powers.filter { (low...high).contains($0) }
      return .integer(pick([low, high, low, high] + fitting))
    }

    private mutating func text(_ schema: JSONValue) -> JSONValue {
      guard case .string(let pattern)? = schema["pattern"] else {
        return .string(pick(["a", "b", "x"]))
      }
      let candidates = ["0xffffffffffffffff", "0x8000000", "6.6", "7.3", "10 us", "a", "0x0"]
      let fitting = candidates.filter { candidate in
        (try? Regex(pattern)).map { candidate.wholeMatch(of: $0) != nil } == true
      }
      return .string(fitting.isEmpty ? "a" : pick(fitting))
    }

    private mutating func object(_ schema: JSONValue, _ depth: Int) -> JSONValue {
      guard case .object(let fields)? = schema["properties"] else {
        guard let inner = schema["additionalProperties"], case .object = inner else {
          return .object([])
        }
        return .object(
          ["a", "b"].prefix(1 + below(2)).map { .init($0, value(inner, depth: depth + 1)) })
      }
      var required: [JSONValue] = []
      if case .array(let names)? = schema["required"] { required = names }
      return .object(
        fields.compactMap { field in
          guard required.contains(.string(field.name)) || below(3) == 0 else { return nil }
          return .init(field.name, value(field.value, depth: depth + 1))
        })
    }
  }

  @Test("a script that the schema allows ends in a result or in an error", arguments: 0..<8)
  func scripts(part: Int) throws {
    let schema = Shape.script.schema(title: "t", text: "t")
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("generated-\(UUID().uuidString).yaml").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var ran = 0
    for seed in 0..<40 {
      var generator = Generator(state: UInt64(part * 1000 + seed))
      guard case .object(var members) = generator.value(schema) else { continue }
      members.removeAll { $0.name == "purpose" }
      members.insert(.init("purpose", .string("x")), at: 0)
      try JSONValue.object(members).compactText.write(
        toFile: path, atomically: true, encoding: .utf8)
      if (try? Script(path).run()) != nil { ran += 1 }
    }
    #expect(ran > 0)
  }
}
