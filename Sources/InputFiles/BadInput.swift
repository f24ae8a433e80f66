/// A file that cannot be used: the sentence names the file, the line where there is one, what
/// was expected and what was found.
public struct BadInput: Error, Equatable, CustomStringConvertible {
  public var file: String
  /// Counted from 1; `nil` where the file as a whole is meant.
  public var line: Int?
  public var message: String

  public init(file: String, line: Int? = nil, _ message: String) {
    self.file = file
    self.line = line
    self.message = message
  }

  public var description: String {
    line.map { "\(file):\($0): \(message)" } ?? "\(file): \(message)"
  }
}
