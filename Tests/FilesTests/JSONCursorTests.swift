import Files
import Testing

@Suite("JSONCursor")
struct JSONCursorTests {
  @Test("a value of the wrong kind is named by its path")
  func shapes() throws {
    let value = try JSONValue(parsing: Array(#"{"a":{"b":["0x10",7,"zz"]}}"#.utf8))
    let cursor = JSONCursor(value, at: Place(file: "x", line: 3))
    let list = try cursor.member("a").member("b").elements()
    #expect(try list[0].word() == 16)
    #expect(try list[1].word() == 7)
    let error = #expect(throws: InputError.self) { try list[2].word() }
    #expect(error?.field == "a.b[2]")
    #expect(
      error?.description
        == "x:3: field 'a.b[2]': expected a number such as \"0x1f\", found \"zz\"")
    #expect(throws: InputError.self) { try cursor.member("x") }
    #expect(throws: InputError.self) { try cursor.elements() }
  }

  @Test(
    "numbers are decimal or hexadecimal after 0x, and fit 64 bits",
    arguments: [
      ("0x1F", 31), ("18446744073709551615", .max), ("0xffffffffffffffff", .max), ("007", 7),
      ("0x10000000000000000", nil), ("18446744073709551616", nil), ("", nil), ("0x", nil),
      ("-1", nil), ("+1", nil), ("1f", nil), (" 1", nil), ("0x-1", nil), ("0x+1", nil),
    ] as [(String, UInt64?)])
  func numbers(row: (text: String, value: UInt64?)) {
    #expect(UInt64(number: row.text) == row.value)
  }
}
