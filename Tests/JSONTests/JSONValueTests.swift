import JSON
import Testing

@Suite("JSONValue")
struct JSONValueTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  @Test(
    "every kind of value parses and prints",
    arguments: [
      ("null", "null"), (" true ", "true"), ("-12", "-12"), ("1.5e1", "15.0"), ("[]", "[]"),
      ("{}", "{}"), ("[1, [2], {\"a\" : \"b\"}]", "[1,[2],{\"a\":\"b\"}]"),
      ("\"\\u0041\\n\\\"\\ud83d\\ude00\"", "\"A\\n\\\"😀\""),
      ("{\"b\":1,\"a\":2}", "{\"b\":1,\"a\":2}"),
    ])
  func values(row: (text: String, printed: String)) throws {
    let value = try parse(row.text)
    #expect(value.compactText == row.printed)
    #expect(try parse(value.indentedText) == value)
  }

  @Test(
    "malformed text names the line and the column",
    arguments: [
      ("", 1, 1), ("{", 1, 2), ("[1,]", 1, 4), ("{\"a\" 1}", 1, 6), ("[1]\n x", 2, 2),
      ("\"abc", 1, 5), ("tru", 1, 1), ("\"\\q\"", 1, 3), ("01x", 1, 3), ("+1", 1, 1),
      ("\"\u{1}\"", 1, 2),
    ])
  func malformed(row: (text: String, line: Int, column: Int)) {
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

  @Test("a value of the wrong kind is named by its path")
  func shapes() throws {
    let cursor = JSONCursor(try parse(#"{"a":{"b":["0x10",7,"zz"]}}"#))
    let list = try cursor.member("a").member("b").elements()
    #expect(try list[0].word() == 16)
    #expect(try list[1].word() == 7)
    let error = #expect(throws: JSONShapeError.self) { try list[2].word() }
    #expect(error?.path == "a.b[2]")
    #expect(throws: JSONShapeError.self) { try cursor.member("x") }
    #expect(throws: JSONShapeError.self) { try cursor.elements() }
  }

  @Test(
    "numbers are decimal or hexadecimal after 0x, and fit 64 bits",
    arguments: [
      ("0x1F", 31), ("18446744073709551615", .max), ("0xffffffffffffffff", .max), ("007", 7),
      ("0x10000000000000000", nil), ("18446744073709551616", nil), ("", nil), ("0x", nil),
      ("-1", nil), ("+1", nil), ("1f", nil), (" 1", nil),
    ] as [(String, UInt64?)])
  func numbers(row: (text: String, value: UInt64?)) {
    #expect(UInt64(number: row.text) == row.value)
  }
}
