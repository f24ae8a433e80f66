extension InputFile {
  /// The file's content as one YAML document of this shape.
  package func value(as shape: Shape) throws(InputError) -> CheckedValue {
    try parseYAML(text(), as: shape, at: Place(file: path))
  }

  /// The names of the file's outermost fields.
  package func topLevelNames() throws(InputError) -> [String] {
    guard
      case .mapping(let members)? = try YAMLNode.document(text(), at: Place(file: path))?.content
    else { return [] }
    return members.map(\.name)
  }
}

/// A YAML document that is parsed once and checked against several shapes.
package struct YAMLDocument {
  private let root: YAMLNode

  /// The document whose text starts at `origin`; `nil` when the text holds none. JSON is YAML, too.
  package init?(_ text: String, at origin: Place) throws(InputError) {
    guard let root = try YAMLNode.document(text, at: origin) else { return nil }
    self.root = root
  }

  /// The content, when it has this shape.
  package func value(as shape: Shape) throws(InputError) -> CheckedValue { try shape.check(root) }
}

/// A YAML document of this shape, whose text starts at `origin`. JSON is YAML, too.
package func parseYAML(_ text: String, as shape: Shape, at origin: Place) throws(InputError)
  -> CheckedValue
{
  guard let node = try YAMLNode.document(text, at: origin) else {
    throw InputError(expected: shape.expectation, found: "an empty file", at: origin)
  }
  return try shape.check(node)
}
