package import Files

/// A line of a file, or what was read in a binary file.
package struct Evidence: Hashable, Sendable {
  /// The file as the user would name it; of an archive's member `archive/member`.
  package var file: String
  /// Counted from 1; `nil` for what is no text.
  package var line: Int?
  /// The line, or a part of it; for binary files what was read.
  package var text: String

  package init(file: String, line: Int?, text: String) {
    self.file = file
    self.line = line
    self.text = text
  }

  package var json: JSONValue {
    [
      "file": .string(file), "line": line.map { .integer($0) } ?? .null, "text": .string(text),
    ]
  }

  /// `FILE:LINE: TEXT`.
  package var description: String {
    "\(file)\(line.map { ":\($0)" } ?? ""): \(text)"
  }
}

/// A value and the line that says it.
package struct Sourced<Value: Sendable>: Sendable {
  package var value: Value
  package var source: Evidence

  package init(_ value: Value, _ source: Evidence) {
    self.value = value
    self.source = source
  }
}

extension Sourced: Equatable where Value: Equatable {}
extension Sourced: Hashable where Value: Hashable {}

/// An array that keeps the first elements and counts the others, so that no file fills memory.
package struct Bounded<Element: Sendable>: Sendable, RandomAccessCollection {
  package private(set) var elements: [Element] = []
  /// Elements that were not kept.
  package private(set) var left = 0
  private let limit: Int

  package init(limit: Int) { self.limit = limit }

  package mutating func append(_ element: @autoclosure () -> Element) {
    if elements.count < limit { elements.append(element()) } else { left += 1 }
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { elements.count }
  package subscript(index: Int) -> Element {
    get { elements[index] }
    set { elements[index] = newValue }
  }
}
