import Files
import Testing

@Suite("JSONValue")
struct JSONValueTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  @Test(
    "every kind of value parses and prints",
    arguments: [
      ("null", "null"), (" true ", "true"), ("-12", "-12"), ("1.5e1", "15"), ("-2.5", "-2.5"),
      ("[]", "[]"),
      ("{}", "{}"), ("[1, [2], {\"a\" : \"b\"}]", "[1,[2],{\"a\":\"b\"}]"),
      ("\"\\u0041\\n\\\"\\ud83d\\ude00\"", "\"A\\n\\\"😀\""),
      ("{\"b\":1,\"a\":true}", "{\"a\":true,\"b\":1}"),
    ])
  func values(row: (text: String, printed: String)) throws {
    let value = try parse(row.text)
    #expect(value.compactText == row.printed)
    #expect(try parse(value.indentedText) == value)
  }

  @Test(
    "malformed text is told with line and column where the parser knows them",
    arguments: [
      ("", nil, nil), ("{", nil, nil), ("{\"a\" 1}", 1, 6), ("[1]\n x", 2, 2),
      ("\"abc", nil, nil), ("tru", nil, nil), ("\"\\q\"", 1, 2), ("01x", 1, 2), ("+1", 1, 1),
      ("\"\u{1}\"", 1, 2), ("[1,\n2,\n}", 3, 1),
    ] as [(String, Int?, Int?)])
  func malformed(row: (text: String, line: Int?, column: Int?)) {
    let error = #expect(throws: JSONSyntaxError.self) { try parse(row.text) }
    #expect(error?.line == row.line, "\(error.debugDescription)")
    #expect(error?.column == row.column, "\(error.debugDescription)")
  }

  @Test("nesting is bounded, so that no text overflows the stack")
  func nesting() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: JSONSyntaxError.self) { try parse(text) }
  }

  @Test("random damage never traps")
  func damage() throws {
    let text = Array(#"{"a":[1,2.5,"x\u0041y",{"b":null}],"c":true}"#.utf8)
    var state: UInt64 = 7
    for _ in 0..<5000 {
      var damaged = text
      for _ in 0..<2 {
        state = state &* 6_364_136_223_846_793_005 &+ 1
        damaged[Int(state >> 33) % damaged.count] = UInt8(truncatingIfNeeded: state >> 17)
      }
      _ = try? JSONValue(parsing: damaged)
    }
  }
}
