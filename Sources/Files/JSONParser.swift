internal import Foundation

/// Syntax error in a JSON text.
package struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
  /// Line and column, counted from 1, near which the text stops being JSON; `nil` where the parser
  /// does not say.
  package var line: Int?
  package var column: Int?
  /// Message of Foundation's parser, without the place.
  package var message: String

  package var description: String {
    guard let line, let column else { return message }
    return "\(message) (line \(line), column \(column))"
  }
}

extension JSONValue {
  /// Parses one JSON text (RFC 8259), which must fill `bytes`.
  ///
  /// Foundation does the work, so what it lets pass passes here: a comma before a closing bracket.
  /// It does not keep the order of members: they come sorted by name, the same on every run.
  ///
  /// - Throws: `JSONSyntaxError`, also for nesting deeper than Foundation's 512 levels.
  package init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
    do {
      let tree = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      self = JSONValue(tree)
    } catch {
      throw JSONSyntaxError(error as NSError, in: bytes)
    }
  }

  /// The class of the numbers that stand for truth values.
  private static let truth = type(of: NSNumber(value: true))

  /// The value of what Foundation's parser returns.
  private init(_ tree: Any) {
    switch tree {
    case let text as String: self = .string(text)
    case let elements as [Any]: self = .array(elements.map { JSONValue($0) })
    case let members as [String: Any]:
      let sorted = members.sorted { $0.key < $1.key }
      self = .object(sorted.map { Member($0.key, JSONValue($0.value)) })
    // 0 and 1 bridge to truth values too: only the class tells them from `true` and `false`.
    case let value as NSNumber where type(of: value) == Self.truth: self = .bool(value.boolValue)
    case let value as Int: self = .integer(value)
    case let value as Double: self = .number(value)
    default: self = .null
    }
  }
}

extension JSONSyntaxError {
  /// The place stands in the text of the error, as in "Invalid value around character 5."
  fileprivate init(_ error: NSError, in bytes: [UInt8]) {
    let text = error.userInfo[NSDebugDescriptionErrorKey] as? String ?? error.localizedDescription
    let sentence = text.hasSuffix(".") ? String(text.dropLast()) : text
    guard let match = sentence.wholeMatch(of: /(.*) around character ([0-9]+)/),
      let place = Int(match.2)
    else {
      self.init(line: nil, column: nil, message: sentence)
      return
    }
    let before = bytes[..<min(place, bytes.count)]
    let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
    let start = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    self.init(line: line, column: place - start + 1, message: String(match.1))
  }
}
