import Yams

extension InputFile {
  /// The file's content as one YAML document of this shape.
  package func value(as shape: Shape) throws(InputError) -> CheckedValue {
    try parseYAML(text(), as: shape, at: Place(file: path))
  }
}

extension InputFile {
  /// The names of the file's outermost fields.
  package func topLevelNames() throws(InputError) -> [String] {
    guard case .mapping(let mapping)? = try composeYAML(text(), at: Place(file: path)) else {
      return []
    }
    return mapping.keys.compactMap(\.string)
  }
}

/// A YAML document that is parsed once and checked against several shapes.
package struct YAMLDocument {
  private let root: Node
  private let origin: Place

  /// The document whose text starts at `origin`; `nil` when the text holds none. JSON is YAML, too.
  package init?(_ text: String, at origin: Place) throws(InputError) {
    guard let root = try composeYAML(text, at: origin) else { return nil }
    self.root = root
    self.origin = origin
  }

  /// The content, when it has this shape.
  package func value(as shape: Shape) throws(InputError) -> CheckedValue {
    try shape.check(root, at: origin)
  }
}

/// A YAML document of this shape, whose text starts at `origin`. JSON is YAML, too.
package func parseYAML(_ text: String, as shape: Shape, at origin: Place) throws(InputError)
  -> CheckedValue
{
  guard let node = try composeYAML(text, at: origin) else {
    throw InputError(expected: shape.expectation, found: "an empty file", at: origin)
  }
  return try shape.check(node, at: origin)
}

/// The root of a YAML document whose text starts at `origin`; `nil` when there is none.
private func composeYAML(_ text: String, at origin: Place) throws(InputError) -> Node? {
  do {
    return try compose(yaml: text)
  } catch let error as YamlError {
    throw InputError(error, at: origin)
  } catch {
    throw InputError("expected YAML, found text that cannot be read as such", at: origin)
  }
}

extension InputError {
  /// A file that is not YAML.
  fileprivate init(_ error: YamlError, at origin: Place) {
    func place(_ mark: Mark) -> Place {
      Place(file: origin.file, line: (origin.line ?? 1) + mark.line - 1, column: mark.column)
    }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      self.init("expected YAML: \(problem)", at: place(mark))
    case .duplicatedKeysInMapping(let names, let context):
      self.init(
        "expected each name once, found \(names.map(\.quoted).joined(separator: ", ")) twice",
        at: place(context.mark))
    case .reader(let problem, let offset, _, _):
      self.init("expected YAML: \(problem) at byte \(offset ?? 0)", at: origin)
    default:
      self.init("expected YAML, found text that cannot be read as such", at: origin)
    }
  }
}
