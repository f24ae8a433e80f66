import Designs
import Scenarios
import Testing

@Suite("Shape")
struct SchemaTests {
  /// The member at a path of names.
  static func member(_ value: JSON, _ path: String...) -> JSON? {
    path.reduce(value as JSON?) { $0?[$1] }
  }

  @Test("the schema of scenario files names required fields, choices and standards")
  func scenario() throws {
    let schema = Shape.scenario.schema(title: "A", text: "B")
    #expect(schema["title"] == .text("A"))
    #expect(
      schema["required"]
        == .list([
          .text("purpose"), .text("guest"), .text("host"), .text("workload"), .text("designs"),
        ]))
    #expect(schema["additionalProperties"] == .boolean(false))
    let usage = try #require(
      Self.member(schema, "properties", "guest", "properties", "usage"))
    #expect(usage["default"] == .text("dma-api"))
    let verdicts = try #require(
      Self.member(
        schema, "properties", "expect", "additionalProperties", "properties", "verdict"))
    guard case .list(let choices) = verdicts["oneOf"] else {
      Issue.record("the verdict is no choice")
      return
    }
    #expect(choices.map { $0["const"] } == Verdict.allCases.map { .text($0.rawValue) })
  }

  @Test("a field that may hold one of several mappings says so")
  func alternatives() throws {
    let schema = Shape.scenario.schema(title: "A", text: "B")
    let workload = try #require(Self.member(schema, "properties", "workload", "oneOf"))
    guard case .list(let choices) = workload else {
      Issue.record("the workload is no choice")
      return
    }
    #expect(
      choices.map { $0["required"] }
        == [.list([.text("recording")]), .list([.text("synthetic")])])
  }

  @Test("JSON keeps the order of members and escapes what it must")
  func json() {
    let value = JSON.object([
      "b": .list([.integer(-1), .number(2.5), .number(3), .null, .boolean(true)]),
      "a\"\\": .text("line\n\u{1}ü"), "empty": .object([]), "none": .list([]),
    ])
    #expect(
      value.pretty == """
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
