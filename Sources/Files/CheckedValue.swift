/// A part of an input file that has the shape it must have, with the place where it stands.
package struct CheckedValue: Sendable {
  package enum Content: Sendable {
    case text(String)
    case integer(UInt64)
    case number(Double)
    case boolean(Bool)
    case list([CheckedValue])
    case mapping([Member])
  }

  package struct Member: Sendable {
    package let name: String
    /// Place of the name in the file.
    package let place: Place
    package let value: CheckedValue

    package init(name: String, place: Place, value: CheckedValue) {
      self.name = name
      self.place = place
      self.value = value
    }
  }

  package let content: Content
  package let place: Place
  /// The names of the fields that lead here, joined with dots.
  package let field: String

  /// The value of a field; `nil` when it is absent.
  package subscript(name: String) -> CheckedValue? { members.first { $0.name == name }?.value }

  package var members: [Member] { if case .mapping(let members) = content { members } else { [] } }
  package var items: [CheckedValue] { if case .list(let items) = content { items } else { [] } }
  package var text: String { if case .text(let text) = content { text } else { "" } }
  package var integer: UInt64 { if case .integer(let value) = content { value } else { 0 } }
  package var number: Double { if case .number(let value) = content { value } else { 0 } }
  package var boolean: Bool { if case .boolean(let value) = content { value } else { false } }

  /// The text of a field; empty when it is absent.
  package func text(_ name: String) -> String { self[name]?.text ?? "" }
  /// The integer of a field; zero when it is absent.
  package func integer(_ name: String) -> UInt64 { self[name]?.integer ?? 0 }

  /// The case that a field names; `nil` when the field is absent.
  package func choice<Word: RawRepresentable<String>>(_ name: String, _: Word.Type = Word.self)
    -> Word?
  {
    self[name].flatMap { Word(rawValue: $0.text) }
  }

  package init(content: Content, place: Place, field: String) {
    self.content = content
    self.place = place
    self.field = field
  }

  /// The error that this value is not what it must be.
  package func error(expected: String) -> InputError {
    InputError(expected: expected, found: found, at: place, field: field)
  }

  /// The value, for a message.
  private var found: String {
    switch content {
    case .text(let text): text.quoted
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .boolean(let value): String(value)
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}

extension CheckedValue {
  /// The value on one line, as a reader would write it.
  package var plainText: String {
    switch content {
    case .text(let text): text
    case .integer(let value): value < 10 ? String(value) : "0x" + String(value, radix: 16)
    case .number(let value): String(value)
    case .boolean(let value): String(value)
    case .list(let items): "[" + items.map(\.plainText).joined(separator: ", ") + "]"
    case .mapping(let members):
      members.map { "\($0.name): \($0.value.plainText)" }.joined(separator: ", ")
    }
  }
}
