/// A place in an input file, counted from 1.
public struct Place: Equatable, Sendable {
  /// The file as the user would name it.
  public let file: String
  public let line: Int
  public let column: Int

  public init(file: String, line: Int = 1, column: Int = 1) {
    self.file = file
    self.line = line
    self.column = column
  }
}

/// A mistake in what the user gave: a file, a name or an option. One line, worded as what was
/// expected and what was found.
public struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `nil` for mistakes that stand in no file.
  public let place: Place?
  /// The field, such as `expect.rmr-identity.verdict`; empty for a whole file.
  public let field: String
  public let message: String

  public init(_ message: String, at place: Place? = nil, field: String = "") {
    self.message = message
    self.place = place
    self.field = field
  }

  /// A value that is not what its place asks for.
  public init(expected: String, found: String, at place: Place, field: String) {
    self.init("expected \(expected), found \(found)", at: place, field: field)
  }

  /// `FILE:LINE:COLUMN: field 'A.B': MESSAGE`, on one line.
  public var description: String {
    let position = place.map { "\($0.file):\($0.line):\($0.column): " } ?? ""
    let subject = field.isEmpty ? "" : "field '\(field)': "
    return (position + subject + message).replacing("\n", with: "\\n")
  }
}

extension String {
  /// The text in quotes, shortened, for an error message.
  var quoted: String {
    count <= 48 ? "'\(self)'" : "'\(prefix(45))...'"
  }
}

/// `a, b or c`, for an error message.
func alternatives(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "nothing" }
  return names.dropLast().joined(separator: ", ") + " or " + last
}
