/// A device tree as source (Devicetree Specification 0.4, chapter 6), in the form that `dtc -O dts`
/// prints and people write by hand: labels, references, cells, strings, bytes, `/bits/`, later changes
/// to a node, deletions. What needs the C preprocessor is refused by name, as is `/include/`.
public struct DeviceTreeSource {
  /// Thrown when a source cannot be read, with the place and the reason.
  public struct Mistake: Error, Equatable, CustomStringConvertible {
    /// Counted from 1.
    public let line: Int
    public let message: String
    public var description: String { "line \(line): \(message)" }
  }

  /// Whether bytes look like the source of a device tree.
  public static func isSource(_ bytes: [UInt8]) -> Bool {
    var reader = Self(bytes: bytes.prefix(1 << 16).map { $0 })
    guard !reader.bytes.contains(0), (try? reader.skipBlanks()) != nil else { return false }
    if reader.starts(with: "/dts-v1/") || reader.starts(with: "#include") { return true }
    guard reader.accept("/") else { return false }
    return (try? reader.skipBlanks()) != nil && reader.peek == 0x7b
  }

  /// Reads a source.
  public static func tree(_ bytes: [UInt8]) throws(Mistake) -> DeviceTreeBlob {
    var reader = Self(bytes: bytes)
    try reader.read()
    return DeviceTreeBlob(nodes: try reader.draft.flattened())
  }

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var draft = DeviceTreeDraft()
  private typealias Node = DeviceTreeDraft.Node
  private typealias Part = DeviceTreeDraft.Part
  private typealias Reference = DeviceTreeDraft.Reference
  private var count = 0

  /// Nodes and properties of one source; a dtc source of the largest board has 20,000.
  private static let limit = 1_000_000
  private static let maximumDepth = 64

  private init(bytes: [UInt8]) { self.bytes = bytes }

  // MARK: Characters

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func starts(with text: String) -> Bool {
    bytes[position...].starts(with: text.utf8)
  }

  private mutating func accept(_ text: String) -> Bool {
    guard starts(with: text) else { return false }
    position += text.utf8.count
    return true
  }

  private func mistake(_ message: String) -> Mistake { Mistake(line: line, message: message) }

  private func mistake(expected: String) -> Mistake {
    let found = peek.map { byte in
      (0x21...0x7e).contains(byte)
        ? "'\(String(decoding: bytes[position...].prefix(12).prefix { (0x21...0x7e).contains($0) }, as: UTF8.self))'"
        : "byte \(byte)"
    }
    return mistake("expected \(expected), found \(found ?? "the end")")
  }

  private mutating func expect(_ text: String) throws(Mistake) {
    try skipBlanks()
    guard accept(text) else { throw mistake(expected: "'\(text)'") }
  }

  /// Skips blanks, comments, and the line marks that a preprocessor leaves (`# 12 "file"`).
  private mutating func skipBlanks() throws(Mistake) {
    while let byte = peek {
      if byte == 0x0a {
        line += 1
        position += 1
      } else if byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0c {
        position += 1
      } else if starts(with: "//") || starts(with: "# ") {
        while let next = peek, next != 0x0a {
          _ = next
          position += 1
        }
      } else if starts(with: "/*") {
        let start = line
        position += 2
        while !starts(with: "*/") {
          guard let next = peek else {
            throw Mistake(line: start, message: "a comment without an end")
          }
          if next == 0x0a { line += 1 }
          position += 1
        }
        position += 2
      } else {
        return
      }
    }
  }

  private static func isNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: ",._+-?#@".utf8.contains(byte)
    }
  }

  private mutating func name() -> String {
    let start = position
    while let byte = peek, Self.isNameCharacter(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private static func isLabel(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
          || $0 == 0x5f
      }
  }

  // MARK: Grammar

  private mutating func read() throws(Mistake) {
    while true {
      try skipBlanks()
      guard peek != nil else { break }
      try refusePreprocessor()
      if accept("/dts-v1/") || accept("/plugin/") {
        try expect(";")
      } else if accept("/memreserve/") {
        while let byte = peek, byte != 0x3b { position += 1 }
        try expect(";")
      } else if accept("/delete-node/") {
        try delete(reference: try reference())
      } else if accept("/omit-if-no-ref/") {
        continue
      } else if accept("/") {
        try body(of: draft.root, depth: 1)
      } else {
        // Labels, and a reference to a node that is changed.
        var found: [String] = []
        while peek != 0x26 {
          let label = name()
          guard Self.isLabel(label), accept(":") else {
            throw mistake(expected: "'/ {' or a reference to a node")
          }
          found.append(label)
          try skipBlanks()
        }
        let reference = try reference()
        guard let node = draft.node(reference) else {
          throw mistake("no node is called \(reference.description)")
        }
        for label in found { draft.labels[label] = node }
        try body(of: node, depth: 1)
      }
    }
  }

  private func refusePreprocessor() throws(Mistake) {
    if starts(with: "/include/") || starts(with: "#") {
      throw mistake(
        "expected a source that needs no other file and no preprocessor, found "
          + "\(starts(with: "#") ? "a preprocessor line" : "/include/"): give the blob (.dtb), or what "
          + "'cpp -nostdinc -undef -x assembler-with-cpp FILE' and 'dtc -O dts' of the package "
          + "device-tree-compiler make of it")
    }
  }

  private mutating func body(of node: Node, depth: Int) throws(Mistake) {
    guard depth <= Self.maximumDepth else {
      throw mistake("the device tree nests deeper than \(Self.maximumDepth) levels")
    }
    try expect("{")
    while true {
      try skipBlanks()
      if accept("}") { break }
      try refuseEnd()
      if accept("/delete-node/") {
        try skipBlanks()
        if peek == 0x26 {
          try delete(reference: try reference())
        } else {
          node.child(name())?.delete()
          try expect(";")
        }
        continue
      }
      if accept("/delete-property/") {
        try skipBlanks()
        node.deleteProperty(name())
        try expect(";")
        continue
      }
      _ = accept("/omit-if-no-ref/")
      try member(of: node, depth: depth)
    }
    try expect(";")
  }

  private func refuseEnd() throws(Mistake) {
    if peek == nil { throw mistake("expected '}', found the end") }
    if starts(with: "/include/") { try refusePreprocessor() }
  }

  /// A property, or a node, with labels before it.
  private mutating func member(of node: Node, depth: Int) throws(Mistake) {
    var found: [String] = []
    while true {
      try skipBlanks()
      let start = position
      let name = name()
      guard !name.isEmpty else { throw mistake(expected: "a property or a node") }
      // A colon ends a label; a name of one may hold no other characters.
      if peek == 0x3a, Self.isLabel(name) {
        position += 1
        found.append(name)
        continue
      }
      try skipBlanks()
      count += 1
      guard count <= Self.limit else {
        throw mistake("more than \(Self.limit) nodes and properties")
      }
      if peek == 0x7b {
        let child = node.makeChild(name)
        for label in found { draft.labels[label] = child }
        return try body(of: child, depth: depth + 1)
      }
      if name.hasPrefix("#"), ["#include", "#define", "#if", "#ifdef", "#ifndef"].contains(name) {
        position = start
        try refusePreprocessor()
      }
      node.set(name, accept(";") ? [] : try values())
      return
    }
  }

  private mutating func values() throws(Mistake) -> [Part] {
    try expect("=")
    var parts: [Part] = []
    var width = 4
    while true {
      try skipBlanks()
      if accept("/bits/") {
        try skipBlanks()
        let bits = try number()
        guard [8, 16, 32, 64].contains(bits) else { throw mistake("/bits/ takes 8, 16, 32 or 64") }
        width = Int(bits) / 8
        continue
      }
      if accept("<") {
        parts += try cells(width: width)
        width = 4
      } else if peek == 0x22 {
        parts.append(.bytes(try string() + [0]))
      } else if accept("[") {
        parts.append(.bytes(try byteString()))
      } else if peek == 0x26 {
        parts.append(.path(try reference(), line: line))
      } else {
        let label = name()
        guard Self.isLabel(label), accept(":") else { throw mistake(expected: "a value") }
        continue
      }
      try skipBlanks()
      while Self.isLabel(peekLabel()) {
        _ = name()
        guard accept(":") else { throw mistake(expected: "':'") }
        try skipBlanks()
      }
      if accept(";") { return parts }
      guard accept(",") else { throw mistake(expected: "',' or ';'") }
    }
  }

  private func peekLabel() -> String {
    var copy = self
    return copy.name()
  }

  private mutating func cells(width: Int) throws(Mistake) -> [Part] {
    var parts: [Part] = []
    var bytes: [UInt8] = []
    while true {
      try skipBlanks()
      if accept(">") {
        if !bytes.isEmpty { parts.append(.bytes(bytes)) }
        return parts
      }
      if peek == 0x26 {
        if !bytes.isEmpty { parts.append(.bytes(bytes)) }
        bytes = []
        parts.append(.phandle(try reference(), line: line))
        continue
      }
      if let byte = peek,
        byte == 0x28 || byte == 0x27 || (0x30...0x39).contains(byte) || byte == 0x2d
      {
        let value = try number()
        bytes += (0..<width).map {
          UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - $0)))
        }
        continue
      }
      let label = name()
      guard Self.isLabel(label), accept(":") else {
        throw mistake(
          label.isEmpty
            ? mistake(expected: "a number, a reference or '>'").message
            : "expected a number, found '\(label)': run the C preprocessor over the source first")
      }
    }
  }

  /// A number: decimal, octal or hexadecimal, a character, or an expression in parentheses.
  private mutating func number(depth: Int = 0) throws(Mistake) -> UInt64 {
    try skipBlanks()
    if accept("(") {
      guard depth < 32 else { throw mistake("an expression in more than 32 parentheses or signs") }
      let value = try expression(depth: depth + 1, level: 0)
      try expect(")")
      return value
    }
    guard depth < 32 else { throw mistake("an expression in more than 32 parentheses or signs") }
    if accept("-") { return 0 &- (try number(depth: depth + 1)) }
    if accept("~") { return ~(try number(depth: depth + 1)) }
    if accept("!") { return try number(depth: depth + 1) == 0 ? 1 : 0 }
    if accept("'") {
      guard let byte = peek else { throw mistake("expected a character, found the end") }
      position += 1
      guard accept("'") else { throw mistake(expected: "'''") }
      return UInt64(byte)
    }
    let start = position
    let isHex = accept("0x") || accept("0X")
    let digits = position
    while let byte = peek,
      (0x30...0x39).contains(byte)
        || (isHex && ((0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)))
    { position += 1 }
    let text = String(decoding: bytes[digits..<position], as: UTF8.self)
    let isOctal = !isHex && text.count > 1 && text.hasPrefix("0")
    guard let value = UInt64(text, radix: isHex ? 16 : isOctal ? 8 : 10) else {
      position = start
      throw mistake(expected: "a number of 64 bits")
    }
    while let byte = peek, byte == 0x55 || byte == 0x4c || byte == 0x75 || byte == 0x6c {
      position += 1
    }
    return value
  }

  /// Operators by how tightly they bind, loosest first; each level is read from left to right.
  private static let operators: [[String]] = [
    ["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<=", ">=", "<", ">"], ["<<", ">>"],
    ["+", "-"], ["*", "/", "%"],
  ]

  private mutating func expression(depth: Int, level: Int) throws(Mistake) -> UInt64 {
    guard level < Self.operators.count else { return try number(depth: depth) }
    var value = try expression(depth: depth, level: level + 1)
    while true {
      try skipBlanks()
      guard let sign = Self.operators[level].first(where: { isOperator($0) }) else { return value }
      _ = accept(sign)
      let other = try expression(depth: depth, level: level + 1)
      value = try apply(sign, value, other)
    }
  }

  /// Whether an operator stands here, and not a longer one that starts with it.
  private func isOperator(_ sign: String) -> Bool {
    guard starts(with: sign) else { return false }
    let longer = ["||", "&&", "<<", ">>", "<=", ">=", "==", "!="]
    return !longer.contains { $0.count > sign.count && $0.hasPrefix(sign) && starts(with: $0) }
  }

  private func apply(_ sign: String, _ one: UInt64, _ two: UInt64) throws(Mistake) -> UInt64 {
    switch sign {
    case "||": return one != 0 || two != 0 ? 1 : 0
    case "&&": return one != 0 && two != 0 ? 1 : 0
    case "|": return one | two
    case "^": return one ^ two
    case "&": return one & two
    case "==": return one == two ? 1 : 0
    case "!=": return one != two ? 1 : 0
    case "<=": return one <= two ? 1 : 0
    case ">=": return one >= two ? 1 : 0
    case "<": return one < two ? 1 : 0
    case ">": return one > two ? 1 : 0
    case "<<": return two < 64 ? one << two : 0
    case ">>": return two < 64 ? one >> two : 0
    case "+": return one &+ two
    case "-": return one &- two
    case "*": return one &* two
    default:
      guard two != 0 else { throw mistake("a division by zero") }
      return sign == "/" ? one / two : one % two
    }
  }

  private mutating func string() throws(Mistake) -> [UInt8] {
    let start = line
    position += 1
    var found: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case 0x22: return found
      case 0x5c:
        guard let escaped = peek else { break }
        position += 1
        found.append(escape(escaped))
      default:
        if byte == 0x0a { line += 1 }
        found.append(byte)
      }
    }
    throw Mistake(line: start, message: "a string without an end")
  }

  /// The byte after a backslash; `\x` and octal digits take what follows.
  private mutating func escape(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x6e: return 0x0a
    case 0x74: return 0x09
    case 0x72: return 0x0d
    case 0x61: return 0x07
    case 0x62: return 0x08
    case 0x66: return 0x0c
    case 0x76: return 0x0b
    case 0x78:
      var value: UInt8 = 0
      for _ in 0..<2 {
        guard let next = peek, let digit = UInt8(String(decoding: [next], as: UTF8.self), radix: 16)
        else { break }
        value = value << 4 | digit
        position += 1
      }
      return value
    case 0x30...0x37:
      var value = byte - 0x30
      for _ in 0..<2 {
        guard let next = peek, (0x30...0x37).contains(next) else { break }
        value = value << 3 | (next - 0x30)
        position += 1
      }
      return value
    default: return byte
    }
  }

  private mutating func byteString() throws(Mistake) -> [UInt8] {
    var found: [UInt8] = []
    while true {
      try skipBlanks()
      if accept("]") { return found }
      guard position + 2 <= bytes.count,
        let byte = UInt8(
          String(decoding: bytes[position..<position + 2], as: UTF8.self), radix: 16),
        bytes[position] != 0x2b
      else { throw mistake(expected: "two hexadecimal digits or ']'") }
      found.append(byte)
      position += 2
    }
  }

  private mutating func reference() throws(Mistake) -> Reference {
    try expect("&")
    if accept("{") {
      let start = position
      while let byte = peek, byte != 0x7d, byte != 0x0a { position += 1 }
      let path = String(decoding: bytes[start..<position], as: UTF8.self)
      guard accept("}") else { throw mistake(expected: "'}'") }
      return .path(path)
    }
    let label = name()
    guard !label.isEmpty else { throw mistake(expected: "a label") }
    return .label(label)
  }

  private mutating func delete(reference: Reference) throws(Mistake) {
    try expect(";")
    guard let node = draft.node(reference) else {
      throw mistake("no node is called \(reference.description)")
    }
    node.delete()
  }
}
