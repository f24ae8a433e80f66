/// A value together with its place in a document, so that errors can name it.
package struct JSONCursor: Sendable {
  package var value: JSONValue
  /// The file, and the line for a text that fills one.
  package var place: Place
  /// The names that lead here, such as `vector.ops[0].rw`; empty for the document itself.
  package var field: String

  package init(_ value: JSONValue, at place: Place, field: String = "") {
    self.value = value
    self.place = place
    self.field = field
  }

  /// The error that something about this value is not as expected.
  package func error(_ message: String) -> InputError {
    InputError(message, at: place, field: field)
  }

  /// The error that this value is not `expected`.
  package func error(expected: String) -> InputError {
    InputError(expected: expected, found: value.kind, at: place, field: field)
  }

  private func child(_ name: String, _ value: JSONValue) -> JSONCursor {
    JSONCursor(value, at: place, field: field.isEmpty ? name : "\(field).\(name)")
  }

  /// The member called `name`, or `nil` when there is none.
  package func optional(_ name: String) throws(InputError) -> JSONCursor? {
    guard case .object = value else { throw error(expected: "an object") }
    return value[name].map { child(name, $0) }
  }

  /// The member called `name`.
  package func member(_ name: String) throws(InputError) -> JSONCursor {
    guard let member = try optional(name) else {
      throw error("expected a member \"\(name)\", found none")
    }
    return member
  }

  /// The members in order.
  package func members() throws(InputError) -> [(name: String, cursor: JSONCursor)] {
    guard case .object(let members) = value else { throw error(expected: "an object") }
    return members.map { ($0.name, child($0.name, $0.value)) }
  }

  /// The elements in order.
  package func elements() throws(InputError) -> [JSONCursor] {
    guard case .array(let elements) = value else { throw error(expected: "an array") }
    return elements.enumerated().map { JSONCursor($1, at: place, field: "\(field)[\($0)]") }
  }

  package func string() throws(InputError) -> String {
    guard case .string(let text) = value else { throw error(expected: "a string") }
    return text
  }

  package func bool() throws(InputError) -> Bool {
    switch value {
    case .bool(let value): return value
    case .integer(0): return false
    case .integer(1): return true
    default: throw error(expected: "true or false")
    }
  }

  /// A number of 64 bits: a JSON integer that is not negative, or a string of hexadecimal digits
  /// after `0x` or of decimal digits.
  package func word() throws(InputError) -> UInt64 {
    switch value {
    case .integer(let number) where number >= 0: return UInt64(number)
    case .string(let text):
      if let number = UInt64(number: text) { return number }
    default: break
    }
    throw error(expected: "a number such as \"0x1f\"")
  }
}
