import InputFiles

/// A part of an input file that has the shape it must have, with the place where it stands.
struct CheckedValue {
  enum Content {
    case text(String)
    case integer(UInt64)
    case number(Double)
    case boolean(Bool)
    case list([CheckedValue])
    case mapping([Member])
  }

  struct Member {
    let name: String
    /// Where the name stands.
    let place: Place
    let value: CheckedValue
  }

  let content: Content
  let place: Place
  /// The names of the fields that lead here, joined with dots.
  let field: String

  /// The value of a field; `nil` when it is absent.
  subscript(name: String) -> CheckedValue? { members.first { $0.name == name }?.value }

  var members: [Member] { if case .mapping(let members) = content { members } else { [] } }
  var items: [CheckedValue] { if case .list(let items) = content { items } else { [] } }
  var text: String { if case .text(let text) = content { text } else { "" } }
  var integer: UInt64 { if case .integer(let value) = content { value } else { 0 } }
  var number: Double { if case .number(let value) = content { value } else { 0 } }
  var boolean: Bool { if case .boolean(let value) = content { value } else { false } }

  /// The text of a field; empty when it is absent.
  func text(_ name: String) -> String { self[name]?.text ?? "" }
  /// The integer of a field; zero when it is absent.
  func integer(_ name: String) -> UInt64 { self[name]?.integer ?? 0 }

  /// The case that a field names; `nil` when the field is absent.
  func choice<Word: RawRepresentable<String>>(_ name: String, _: Word.Type = Word.self) -> Word? {
    self[name].flatMap { Word(rawValue: $0.text) }
  }

  /// The error that this value is not what it must be.
  func error(expected: String) -> InputError {
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
