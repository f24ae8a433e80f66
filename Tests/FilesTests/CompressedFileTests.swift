import Files
import Foundation
import Testing

@Suite("CompressedFile")
struct CompressedFileTests {
  /// "one\ntwo\n" as gzip -9n makes it.
  private let compressed: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0xcf, 0x4b, 0xe5, 0x2a, 0x29,
    0xcf, 0xe7, 0x02, 0x00, 0xe6, 0x0b, 0xba, 0x12, 0x08, 0x00, 0x00, 0x00,
  ]

  private func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws
    -> Result
  {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(bytes).write(to: place)
    defer { try? FileManager.default.removeItem(at: place) }
    return try body(place.path)
  }

  private func lines(_ bytes: [UInt8]) throws -> [String] {
    try withFile(bytes) { path in
      let file = try CompressedFile(path: path)
      var lines: [String] = []
      while let line = try file.line() { lines.append(String(decoding: line, as: UTF8.self)) }
      return lines
    }
  }

  @Test("plain and compressed files read the same")
  func both() throws {
    #expect(try lines(compressed) == ["one", "two"])
    #expect(try lines(Array("one\ntwo\n".utf8)) == ["one", "two"])
    #expect(try lines(Array("one\ntwo".utf8)) == ["one", "two"])
    #expect(try lines([]) == [])
    #expect(try lines(Array("\n\n".utf8)) == ["", ""])
  }

  @Test("lines longer than the block are whole")
  func longLines() throws {
    let long = String(repeating: "x", count: 200_000)
    #expect(try lines(Array("a\n\(long)\nb\n".utf8)) == ["a", long, "b"])
  }

  @Test("the rest of a file follows the lines read")
  func rest() throws {
    try withFile(compressed) { path in
      let file = try CompressedFile(path: path)
      #expect(try file.line() == Array("one".utf8))
      #expect(try file.rest(limit: 1 << 20) == Array("two\n".utf8))
      #expect(try file.line() == nil)
    }
  }

  @Test("a file cut short or damaged is an error, wherever it is cut")
  func damaged() throws {
    for length in 2..<compressed.count {
      #expect(throws: CompressedFile.ReadError.self, "cut at \(length)") {
        try lines(Array(compressed.prefix(length)))
      }
    }
    var bytes = compressed
    bytes[20] ^= 0xff
    #expect(throws: CompressedFile.ReadError.self) { try lines(bytes) }
  }

  @Test("a missing file, a directory and an overlong line are errors")
  func errors() throws {
    #expect(throws: CompressedFile.ReadError.self) { try CompressedFile(path: "/nonexistent/x") }
    #expect(throws: CompressedFile.ReadError.self) { try CompressedFile(path: "/") }
    try withFile(Array("0123456789\n".utf8)) { path in
      let file = try CompressedFile(path: path)
      #expect(throws: CompressedFile.ReadError.tooLong(limit: 4)) { try file.line(limit: 4) }
    }
  }
}
