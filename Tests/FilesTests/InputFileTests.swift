import Files
import Foundation
import Testing

@Suite("InputFile")
struct InputFileTests {
  private func message(_ bytes: [UInt8], _ body: (InputFile) throws -> Void) throws -> String {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(bytes).write(to: place)
    defer { try? FileManager.default.removeItem(at: place) }
    let error = #expect(throws: InputError.self) { try body(InputFile(place.path)) }
    return error?.description.replacingOccurrences(of: place.path, with: "FILE") ?? "no error"
  }

  @Test("an error names the place as far as it is known, and the field")
  func description() {
    #expect(InputError("m").description == "m")
    #expect(InputError("m", at: Place(file: "f")).description == "f: m")
    #expect(
      InputError("m", at: Place(file: "f", line: 2), field: "a.b").description
        == "f:2: field 'a.b': m")
    #expect(
      InputError(expected: "x", found: "y\n", at: Place(file: "f", line: 2, column: 3))
        .description == "f:2:3: expected x, found y\\n")
  }

  @Test("a missing file and a folder are told apart")
  func missing() {
    #expect(throws: InputError("no such file", at: Place(file: "/no/such"))) {
      try InputFile("/no/such")
    }
    #expect(throws: InputError(expected: "a file", found: "a folder", at: Place(file: "/"))) {
      try InputFile("/")
    }
  }

  @Test("text is UTF-8, and JSON is named by line and column")
  func content() throws {
    #expect(
      try message([0x61, 0xff]) { _ = try $0.text() }
        == "FILE: expected UTF-8 text, found other bytes")
    #expect(
      try message(Array("{\n \"a\" 1}".utf8)) { _ = try $0.json() }
        == "FILE:2:6: expected JSON: Invalid value")
    #expect(
      try message(Array("[1]\n\n[1 2]\n".utf8)) { while try $0.jsonLine() != nil {} }
        == "FILE:3:4: expected JSON: Invalid value")
    #expect(
      try message(Array("{".utf8)) { _ = try $0.json() }
        == "FILE: expected JSON: Unexpected end of file during JSON parse")
  }
}
