/// A place in an input file.
package struct Place: Equatable, Sendable, CustomStringConvertible {
  /// The file as the user would name it.
  package var file: String
  /// Counted from 1; `nil` where the file as a whole is meant.
  package var line: Int?
  /// Counted from 1; `nil` where only the line is known.
  package var column: Int?

  package init(file: String, line: Int? = nil, column: Int? = nil) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// `FILE:LINE:COLUMN`, as far as they are known.
  package var description: String {
    ([file] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":")
  }
}

/// A mistake in what the user gave: a file, a name or an option. One line, worded as what was
/// expected and what was found.
package struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `nil` for mistakes that stand in no file.
  package var place: Place?
  /// The field, such as `expect.rmr-identity.verdict`; empty for a whole file.
  package var field: String
  package var message: String

  package init(_ message: String, at place: Place? = nil, field: String = "") {
    self.message = message
    self.place = place
    self.field = field
  }

  /// A value that is not what its place asks for.
  package init(expected: String, found: String, at place: Place? = nil, field: String = "") {
    self.init("expected \(expected), found \(found)", at: place, field: field)
  }

  /// `FILE:LINE:COLUMN: field 'A.B': MESSAGE`, on one line; control characters are spelt out.
  package var description: String {
    let position = place.map { "\($0): " } ?? ""
    let subject = field.isEmpty ? "" : "field '\(field)': "
    return (position + subject + message).printableLine
  }
}
