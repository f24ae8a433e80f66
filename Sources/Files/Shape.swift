/// Shape that a part of an input file must have.
///
/// One description serves for checking files and for the JSON Schema, so that the two cannot
/// drift apart.
package indirect enum Shape: Sendable {
  case text(TextForm)
  /// A decimal or `0x` hexadecimal integer.
  case integer(ClosedRange<UInt64>)
  /// 0, or a number within `numbers`.
  case number
  case boolean
  case choice([Choice])
  case list(Shape)
  /// A mapping with these fields. An open one may have others, which are not read.
  case record([Field], open: Bool = false)
  /// A mapping with exactly one of these fields.
  case oneOf([Field])
  /// A mapping from names of the user's choosing.
  case dictionary(keys: String, Shape)
  /// A scalar of one shape, or a mapping of another.
  case either(Shape, mapping: Shape)
  /// Any value: what it must be depends on what it is compared with.
  case anything
  /// A mapping from paths of fields to values for them, or to lists of values. `shapeOf` gives the
  /// shape of the field with a path, or throws at the path's place.
  case settings(
    listed: Bool, shapeOf: @Sendable (String, Place) throws(InputError) -> Shape)

  /// Range of a number other than 0: products and quotients of a few are still numbers.
  static let numbers = 1e-18...1e18

  /// A kind of text.
  package struct TextForm: Sendable {
    /// Expected text, for messages: `a kernel version such as 6.5`.
    package let expectation: String
    /// A regular expression for the whole text; `nil` for any text that is not empty.
    package let pattern: String?

    package init(_ expectation: String, pattern: String? = nil) {
      self.expectation = expectation
      self.pattern = pattern
    }
  }

  /// One word of a closed list.
  package struct Choice: Sendable {
    package let word: String
    package let text: String

    package init(_ word: String, _ text: String = "") {
      self.word = word
      self.text = text
    }
  }

  /// A named field of a mapping.
  package struct Field: Sendable {
    package let name: String
    package let shape: Shape
    /// Meaning, for the schema.
    package let text: String
    package let isRequired: Bool
    /// Default of an absent field, for the schema.
    package let standard: JSONValue?

    package static func required(_ name: String, _ shape: Shape, _ text: String) -> Field {
      Field(name: name, shape: shape, text: text, isRequired: true, standard: nil)
    }

    package static func optional(
      _ name: String, _ shape: Shape, _ text: String, standard: JSONValue? = nil
    ) -> Field {
      Field(name: name, shape: shape, text: text, isRequired: false, standard: standard)
    }
  }

  /// Expected value, for messages.
  package var expectation: String {
    switch self {
    case .text(let form): form.expectation
    case .integer(let range) where range.upperBound == .max: "an integer (decimal or 0x...)"
    case .integer(let range) where range.count == 1: String(range.lowerBound)
    case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number: "a number from 0 to 1e18"
    case .boolean: "true or false"
    case .choice(let choices): alternatives(choices.map(\.word))
    case .list: "a list"
    case .record(let fields, _):
      fields.contains(where: \.isRequired)
        ? "a mapping with \(fields.filter(\.isRequired).map(\.name).joined(separator: ", "))"
        : "a mapping"
    case .oneOf(let fields): "a mapping with one of \(alternatives(fields.map(\.name)))"
    case .dictionary(let keys, _): "a mapping from \(keys)"
    case .either(let scalar, let mapping): "\(scalar.expectation), or \(mapping.expectation)"
    case .anything: "a value"
    case .settings: "a mapping from paths of fields"
    }
  }
}

extension Shape {
  /// Text without a form of its own.
  package static let anyText = Shape.text(TextForm("a text"))

  /// A choice among the cases of an enumeration, each with its meaning.
  package static func choice<Word: CaseIterable & RawRepresentable<String>>(
    of _: Word.Type, _ meaning: (Word) -> String
  ) -> Shape {
    .choice(Word.allCases.map { Choice($0.rawValue, meaning($0)) })
  }
}
