import Designs
import Files
import Scenarios
import Testing

@Suite("Shape")
struct SchemaTests {
  /// The member at a path of names.
  static func member(_ value: JSONValue, _ path: String...) -> JSONValue? {
    path.reduce(value as JSONValue?) { $0?[$1] }
  }

  @Test("the schema of scenario files names required fields, choices and standards")
  func scenario() throws {
    let schema = Shape.scenario.schema(title: "A", text: "B")
    #expect(schema["title"] == .string("A"))
    #expect(
      schema["required"]
        == .array([
          .string("purpose"), .string("guest"), .string("host"), .string("workload"),
          .string("designs"),
        ]))
    #expect(schema["additionalProperties"] == .bool(false))
    let usage = try #require(
      Self.member(schema, "properties", "guest", "properties", "usage"))
    #expect(usage["default"] == .string("dma-api"))
    let verdicts = try #require(
      Self.member(
        schema, "properties", "expect", "additionalProperties", "properties", "verdict"))
    guard case .array(let choices) = verdicts["oneOf"] else {
      Issue.record("the verdict is no choice")
      return
    }
    #expect(choices.map { $0["const"] } == Verdict.allCases.map { .string($0.rawValue) })
  }

  @Test("a field that may hold one of several mappings says so")
  func alternatives() throws {
    let schema = Shape.scenario.schema(title: "A", text: "B")
    let workload = try #require(Self.member(schema, "properties", "workload", "oneOf"))
    guard case .array(let choices) = workload else {
      Issue.record("the workload is no choice")
      return
    }
    #expect(
      choices.map { $0["required"] }
        == ["recording", "synthetic", "load"].map { .array([.string($0)]) })
  }

  @Test("JSON keeps the order of members and escapes what it must")
  func json() {
    let value: JSONValue = [
      "b": .array([.integer(-1), .number(2.5), .number(3), .null, .bool(true)]),
      "a\"\\": .string("line\n\u{1}ü"), "empty": .object([]), "none": .array([]),
    ]
    #expect(
      value.indentedText == """
        {
          "b": [
            -1,
            2.5,
            3,
            null,
            true
          ],
          "a\\"\\\\": "line\\n\\u0001ü",
          "empty": {},
          "none": []
        }
        """)
  }
}
