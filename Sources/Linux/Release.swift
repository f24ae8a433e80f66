/// A release of Linux or of a VMM: `6.5`, `6.18.15`.
public struct Release: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let major: Int
  public let minor: Int
  /// The number of the stable release; 0 for the first of them.
  public let patch: Int

  public init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Reads `MAJOR.MINOR` or `MAJOR.MINOR.PATCH`, and distributions' names such as
  /// `6.12.15-amd64`, of which they say no more; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    let numbers = text.prefix { $0 != "-" && $0 != "+" && $0 != " " }
    let parts = numbers.split(separator: ".", omittingEmptySubsequences: false)
      .map { Self.number($0) }
    guard (2...3).contains(parts.count), let major = parts[0], let minor = parts[1] else {
      return nil
    }
    guard parts.count == 3 else {
      self.init(major, minor)
      return
    }
    guard let patch = parts[2] else { return nil }
    self.init(major, minor, patch)
  }

  /// At most four digits, and nothing else.
  private static func number(_ text: some StringProtocol) -> Int? {
    guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
      return nil
    }
    return Int(text)
  }

  public static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }

  /// Whether both are stable releases of the same line, as 6.18 and 6.18.15 are.
  func isOfLine(_ other: Release) -> Bool { major == other.major && minor == other.minor }

  public var description: String {
    patch == 0 ? "\(major).\(minor)" : "\(major).\(minor).\(patch)"
  }
}
