internal import CYaml

/// A part of a YAML document, with the place where it stands.
///
/// libyaml takes the text apart; the tree is built here and not by Yams since a file may come from
/// a stranger: names are plain texts, so that none is expanded to be compared, and the whole is
/// bounded, counting what aliases repeat.
package struct YAMLNode: Sendable {
  package enum Content: Sendable {
    /// Without quotes and as it is written: `isPlain` tells `null` from `"null"`.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([Member])
  }

  package struct Member: Sendable {
    package let name: String
    /// Place of the name in the file.
    package let place: Place
    package let value: YAMLNode
  }

  package let content: Content
  package let place: Place
  /// The nodes of the tree, this one included, as often as aliases repeat them.
  fileprivate let count: Int
  /// The levels of the tree: 1 for a scalar.
  fileprivate let depth: Int

  /// The most levels of a document.
  package static let depthLimit = 100
  /// The most values of a document, names not counted.
  package static let countLimit = 250_000

  /// The root of the one document in `text`; `nil` when there is none.
  ///
  /// A byte order mark at the beginning is skipped (YAML 1.2.2, 5.2).
  ///
  /// - Parameter origin: place at which the text starts.
  /// - Throws: `InputError` for text that is not YAML, for a second document, a name that is not a
  ///   text or stands twice, and for more levels or values than the limits.
  package static func document(_ text: String, at origin: Place) throws(InputError) -> YAMLNode? {
    var text = text
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    // 'withUTF8' does not pass typed errors on.
    let result = text.withUTF8 { bytes -> Result<YAMLNode?, InputError> in
      Result { () throws(InputError) in
        var composer = unsafe YAMLComposer(bytes, at: origin)
        defer { composer.end() }
        return try composer.document()
      }
    }
    return try result.get()
  }

  /// An empty value, `~` or `null`, not in quotes.
  package var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null"].contains(text)
  }

  /// Description of the node, for a message.
  package var found: String {
    switch content {
    case .scalar(let text, _): isNull ? "nothing" : text.quoted
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// One step of libyaml through a document.
private struct YAMLEvent {
  enum Kind {
    case scalar(String, isPlain: Bool)
    case alias(String)
    case sequenceStart
    case mappingStart
    case end
    case documentStart
    case streamEnd
  }

  let kind: Kind
  /// The name that an alias may call the node by.
  let anchor: String?
  let place: Place
}

/// Builds the tree of a document from libyaml's events.
@safe
private struct YAMLComposer {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let origin: Place
  private var anchors: [String: YAMLNode] = [:]
  private var count = 0

  /// - Parameter bytes: stay in place until `end`.
  init(_ bytes: UnsafeBufferPointer<UInt8>, at origin: Place) {
    self.origin = origin
    unsafe parser = .allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    _ = unsafe yaml_parser_initialize(parser)
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  func end() {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
  }

  mutating func document() throws(InputError) -> YAMLNode? {
    let first = try next()
    guard case .documentStart = first.kind else { return nil }
    let root = try node(from: next(), level: 1)
    let second = try next()
    guard case .streamEnd = second.kind else {
      throw InputError(expected: "one document", found: "another behind it", at: second.place)
    }
    return root
  }

  private mutating func node(from event: YAMLEvent, level: Int) throws(InputError) -> YAMLNode {
    guard level <= YAMLNode.depthLimit else { throw tooDeep(at: event.place) }
    if case .alias(let name) = event.kind { return try repeated(name, event, level: level) }
    try count(1, at: event.place)
    var depth = 1
    var size = 1
    let content: YAMLNode.Content
    switch event.kind {
    case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
    case .sequenceStart:
      var items: [YAMLNode] = []
      while let item = try nextInside() {
        let node = try node(from: item, level: level + 1)
        (depth, size) = (max(depth, node.depth + 1), size + node.count)
        items.append(node)
      }
      content = .sequence(items)
    case .mappingStart:
      var members: [YAMLNode.Member] = []
      var names: Set<String> = []
      while let key = try nextInside() {
        let name = try name(from: key)
        guard names.insert(name).inserted else {
          throw InputError(
            "expected each name once, found \(name.quoted) twice", at: key.place)
        }
        let node = try node(from: next(), level: level + 1)
        (depth, size) = (max(depth, node.depth + 1), size + node.count)
        members.append(YAMLNode.Member(name: name, place: key.place, value: node))
      }
      content = .mapping(members)
    default: throw InputError(expected: "YAML", found: "other text", at: event.place)
    }
    let node = YAMLNode(content: content, place: event.place, count: size, depth: depth)
    if let anchor = event.anchor { anchors[anchor] = node }
    return node
  }

  /// The node that an alias stands for.
  private mutating func repeated(
    _ name: String, _ event: YAMLEvent, level: Int
  ) throws(InputError) -> YAMLNode {
    guard let node = anchors[name] else {
      throw InputError(
        expected: "the name of an anchor above", found: "*\(name)", at: event.place)
    }
    guard level + node.depth - 1 <= YAMLNode.depthLimit else { throw tooDeep(at: event.place) }
    try count(node.count, at: event.place)
    return node
  }

  private func name(from event: YAMLEvent) throws(InputError) -> String {
    let found: String
    switch event.kind {
    case .scalar(let text, _): return text
    case .alias(let name):
      if case .scalar(let text, _)? = anchors[name]?.content { return text }
      found = "an alias"
    case .sequenceStart: found = "a list"
    default: found = "a mapping"
    }
    throw InputError(expected: "a name", found: found, at: event.place)
  }

  private mutating func count(_ nodes: Int, at place: Place) throws(InputError) {
    count += nodes
    guard count <= YAMLNode.countLimit else {
      throw InputError(
        expected: "at most \(YAMLNode.countLimit) values, counting what aliases repeat",
        found: "more", at: place)
    }
  }

  private func tooDeep(at place: Place) -> InputError {
    InputError(expected: "at most \(YAMLNode.depthLimit) levels", found: "more", at: place)
  }

  // MARK: Events

  /// The next event; `nil` at the end of the list or mapping that is being read.
  private func nextInside() throws(InputError) -> YAMLEvent? {
    let event = try next()
    if case .end = event.kind { return nil }
    return event
  }

  /// The next event that says something.
  private func next() throws(InputError) -> YAMLEvent {
    while true {
      var event = yaml_event_t()
      guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem }
      defer { unsafe yaml_event_delete(&event) }
      let place = place(unsafe event.start_mark)
      let data = unsafe event.data
      switch unsafe event.type {
      case YAML_SCALAR_EVENT:
        let scalar = unsafe data.scalar
        let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return YAMLEvent(
          kind: .scalar(
            unsafe String(decoding: bytes, as: UTF8.self),
            isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE),
          anchor: unsafe Self.text(scalar.anchor), place: place)
      case YAML_ALIAS_EVENT:
        let name = unsafe Self.text(data.alias.anchor) ?? ""
        return YAMLEvent(kind: .alias(name), anchor: nil, place: place)
      case YAML_SEQUENCE_START_EVENT:
        let anchor = unsafe Self.text(data.sequence_start.anchor)
        return YAMLEvent(kind: .sequenceStart, anchor: anchor, place: place)
      case YAML_MAPPING_START_EVENT:
        let anchor = unsafe Self.text(data.mapping_start.anchor)
        return YAMLEvent(kind: .mappingStart, anchor: anchor, place: place)
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
        return YAMLEvent(kind: .end, anchor: nil, place: place)
      case YAML_DOCUMENT_START_EVENT:
        return YAMLEvent(kind: .documentStart, anchor: nil, place: place)
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT:
        return YAMLEvent(kind: .streamEnd, anchor: nil, place: place)
      default: continue
      }
    }
  }

  private static func text(_ characters: UnsafeMutablePointer<UInt8>?) -> String? {
    unsafe characters.map { unsafe String(cString: $0) }
  }

  private func place(_ mark: yaml_mark_t) -> Place {
    Place(
      file: origin.file, line: (origin.line ?? 1) + Int(mark.line), column: Int(mark.column) + 1)
  }

  /// Error that keeps the text from being YAML, in libyaml's words.
  private var problem: InputError {
    guard unsafe parser.pointee.error != YAML_MEMORY_ERROR,
      let text = unsafe parser.pointee.problem.map({ unsafe String(cString: $0) })
    else { return InputError(expected: "YAML", found: "other text", at: origin) }
    if text.hasPrefix("Maximum nesting level") {
      return tooDeep(at: unsafe place(parser.pointee.problem_mark))
    }
    guard unsafe parser.pointee.error != YAML_READER_ERROR else {
      return InputError(
        "expected YAML: \(text) at byte \(unsafe parser.pointee.problem_offset)", at: origin)
    }
    return InputError("expected YAML: \(text)", at: unsafe place(parser.pointee.problem_mark))
  }
}
