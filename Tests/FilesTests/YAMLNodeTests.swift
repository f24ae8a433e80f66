import Files
import Testing

@Suite("YAMLNode")
struct YAMLNodeTests {
  private static func document(_ text: String) throws -> YAMLNode? {
    try YAMLNode.document(text, at: Place(file: "f"))
  }

  private static func message(_ text: String) -> String {
    do {
      _ = try document(text)
      return "no error"
    } catch { return "\(error)" }
  }

  @Test("names and values know their places, and quotes tell a text from nothing")
  func places() throws {
    let root = try #require(try Self.document("a: 1\nb:\n  - null\n  - \"null\"\n"))
    guard case .mapping(let members) = root.content else {
      Issue.record("no mapping")
      return
    }
    #expect(members.map(\.name) == ["a", "b"])
    #expect(members.map(\.place.line) == [1, 2])
    guard case .sequence(let items) = members[1].value.content else {
      Issue.record("no list")
      return
    }
    #expect(items.map(\.place) == [3, 4].map { Place(file: "f", line: $0, column: 5) })
    #expect(items.map(\.isNull) == [true, false])
  }

  @Test("a byte order mark is skipped, an empty text is no document, JSON is YAML")
  func texts() throws {
    #expect(try Self.document("\u{feff}a: 1\n") != nil)
    #expect(try Self.document("# a comment\n") == nil)
    #expect(try Self.document(#"{"a": [1, "x\t"], "b": {}}"#) != nil)
  }

  @Test(
    "what a document must not have is one error with its place",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "f:3:1: expected each name once, found 'a' twice"),
      ("? [a]\n: 1", "f:1:3: expected a name, found a list"),
      ("? {a: b}\n: 1", "f:1:3: expected a name, found a mapping"),
      ("a: &x [b]\n? *x\n: 1", "f:2:3: expected a name, found an alias"),
      ("a: *x", "f:1:4: expected the name of an anchor above, found *x"),
      ("a: 1\n---\nb: 2\n", "f:2:1: expected one document, found another behind it"),
      ("a:\n\tb: 1", "f:2:1: expected YAML: found character that cannot start any token"),
      ("a: \u{1}", "f: expected YAML: control characters are not allowed at byte 3"),
    ])
  func mistakes(text: String, expected: String) { #expect(Self.message(text) == expected) }

  @Test("aliases stand for what they name, and count as often as they repeat it")
  func aliases() throws {
    let root = try #require(try Self.document("a: &x [1, 2]\nb: *x\n"))
    guard case .mapping(let members) = root.content,
      case .sequence(let items) = members[1].value.content
    else {
      Issue.record("no list")
      return
    }
    #expect(items.count == 2)
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let part = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      bomb += "a\(level): &a\(level) [\(part)]\n"
    }
    for text in [bomb, bomb + "? *a9\n: 1\n"] {
      #expect(Self.message(text).contains("values, counting what aliases repeat"))
    }
  }

  @Test("nesting is bounded, by brackets as by aliases", arguments: [101, 999, 100_000])
  func depth(levels: Int) {
    #expect(Self.message(String(repeating: "[", count: levels)).contains("at most 100 levels"))
    let nested = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
    let again = String(repeating: "[", count: 60) + "*x" + String(repeating: "]", count: 60)
    #expect(Self.message("a: &x \(nested)\nb: \(again)\n").contains("at most 100 levels"))
  }

  /// Every way to cut or change a document ends with a tree or an error.
  @Test("no mutation of a document traps")
  func mutations() {
    let text = "a: &x {b: [1, 'two', \"three\"], c: |\n  text\n}\nd: *x\n? e\n: !!str f # g\n"
    let bytes = Array(text.utf8)
    for end in bytes.indices { _ = Self.message(String(decoding: bytes[..<end], as: UTF8.self)) }
    for index in bytes.indices {
      for byte in Array("[]{}*&!|>'\"%@`#:-?,\n\t\0".utf8) {
        var changed = bytes
        changed[index] = byte
        _ = Self.message(String(decoding: changed, as: UTF8.self))
      }
    }
  }
}
