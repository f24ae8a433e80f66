/// What is wrong with a JSON text.
public struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
  /// Line and column, counted from 1, of the first byte that does not fit.
  public var line: Int
  public var column: Int
  public var message: String

  public var description: String { "\(message) (line \(line), column \(column))" }
}

extension JSONValue {
  /// Parses one JSON text (RFC 8259), which must fill `bytes`.
  ///
  /// - Throws: `JSONSyntaxError`, also for nesting deeper than 64 levels.
  public init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }
}

/// A recursive-descent parser over bytes.
struct JSONParser {
  private static let deepest = 64
  let bytes: [UInt8]
  private var place = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard place == bytes.count else { throw error("expected the end of the text") }
    return value
  }

  private func error(_ expectation: String) -> JSONSyntaxError {
    let before = bytes[..<min(place, bytes.count)]
    let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
    let start = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    let found =
      place < bytes.count
      ? "'\(Character(Unicode.Scalar(bytes[place])))'" : "the end of the text"
    return JSONSyntaxError(
      line: line, column: place - start + 1, message: "\(expectation), found \(found)")
  }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[place]) { place += 1 }
  }

  /// The next byte that is not space; 0 at the end.
  private mutating func peek() -> UInt8 {
    skipSpace()
    return place < bytes.count ? bytes[place] : 0
  }

  private mutating func take(_ byte: UInt8, _ expectation: String) throws(JSONSyntaxError) {
    guard peek() == byte, place < bytes.count else { throw error(expectation) }
    place += 1
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth < Self.deepest else { throw error("expected at most 64 levels of nesting") }
    switch peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError)
    -> JSONValue
  {
    let expected = Array("\(text)".utf8)
    guard bytes[place...].starts(with: expected) else { throw error("expected a JSON value") }
    place += expected.count
    return value
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    place += 1
    var members: [JSONMember] = []
    if peek() == UInt8(ascii: "}") {
      place += 1
      return .object(members)
    }
    while true {
      guard peek() == UInt8(ascii: "\"") else { throw error("expected a member's name") }
      let name = try string()
      try take(UInt8(ascii: ":"), "expected ':'")
      members.append(JSONMember(name, try value(depth: depth + 1)))
      if peek() == UInt8(ascii: "}") {
        place += 1
        return .object(members)
      }
      try take(UInt8(ascii: ","), "expected ',' or '}'")
    }
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    place += 1
    var elements: [JSONValue] = []
    if peek() == UInt8(ascii: "]") {
      place += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(depth: depth + 1))
      if peek() == UInt8(ascii: "]") {
        place += 1
        return .array(elements)
      }
      try take(UInt8(ascii: ","), "expected ',' or ']'")
    }
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = place
    while place < bytes.count {
      let byte = bytes[place]
      let digit = byte &- UInt8(ascii: "0") < 10
      guard digit || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains(byte) else { break }
      place += 1
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    if let integer = Int(text), !text.hasPrefix("+") { return .integer(integer) }
    if let number = Double(text), number.isFinite, !text.hasPrefix("+") { return .number(number) }
    place = start
    throw error("expected a JSON value")
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    place += 1
    let start = place
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      guard bytes[place] >= 0x20 else { throw error("expected no control character") }
      if bytes[place] == UInt8(ascii: "\\") { return try escapedString(from: start) }
      place += 1
    }
    guard place < bytes.count else { throw error("expected '\"'") }
    place += 1
    return String(decoding: bytes[start..<place - 1], as: UTF8.self)
  }

  /// The rest of a string whose first escape is at `place`.
  private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
    var text = Array(bytes[start..<place])
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += Array(String(try escape()).utf8)
      case 0..<0x20:
        place -= 1
        throw error("expected no control character")
      default: text.append(byte)
      }
    }
    throw error("expected '\"'")
  }

  private mutating func escape() throws(JSONSyntaxError) -> Character {
    guard place < bytes.count else { throw error("expected an escape") }
    let byte = bytes[place]
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return Character(Unicode.Scalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default:
      place -= 1
      throw error("expected an escape")
    }
  }

  private mutating func unicodeEscape() throws(JSONSyntaxError) -> Character {
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return Character(scalar) }
    guard first < 0xdc00, bytes[place...].starts(with: [0x5c, 0x75]) else { return "\u{fffd}" }
    place += 2
    let second = try fourDigits()
    guard (0xdc00...0xdfff).contains(second) else { return "\u{fffd}" }
    let code = 0x1_0000 + (first - 0xd800) << 10 + (second - 0xdc00)
    return Unicode.Scalar(code).map { Character($0) } ?? "\u{fffd}"
  }

  private mutating func fourDigits() throws(JSONSyntaxError) -> UInt32 {
    let digits = bytes[place...].prefix(4)
    let text = String(decoding: digits, as: UTF8.self)
    guard digits.count == 4, !text.hasPrefix("+"), !text.hasPrefix("-"),
      let code = UInt32(text, radix: 16)
    else { throw error("expected four hexadecimal digits") }
    place += 4
    return code
  }
}
