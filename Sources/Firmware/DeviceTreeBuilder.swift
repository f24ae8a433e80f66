/// Builds a flattened device tree, version 17 (Devicetree Specification 0.4, chapter 5).
public struct DeviceTreeBuilder: Sendable {
  private enum Token {
    static let beginNode: UInt32 = 1
    static let endNode: UInt32 = 2
    static let property: UInt32 = 3
    static let end: UInt32 = 9
  }

  private var structure: [UInt8] = []
  private var names: [UInt8] = []
  private var offsets: [String: UInt32] = [:]

  /// - Parameter body: adds the root's properties, then its nodes.
  public init(root body: (inout Self) -> Void) {
    node("", body)
    append(Token.end)
  }

  /// Adds a node; its properties must come before its own nodes.
  public mutating func node(_ name: String, _ body: (inout Self) -> Void) {
    append(Token.beginNode)
    append(padded: Array(name.utf8) + [0])
    body(&self)
    append(Token.endNode)
  }

  /// Adds a property of big-endian cells; pass none for a boolean property.
  public mutating func property(_ name: String, _ cells: [UInt32] = []) {
    property(name, bytes: cells.flatMap(Self.bigEndian))
  }

  /// Adds a property of zero-terminated strings.
  public mutating func property(_ name: String, strings: [String]) {
    property(name, bytes: strings.flatMap { Array($0.utf8) + [0] })
  }

  private mutating func property(_ name: String, bytes: [UInt8]) {
    append(Token.property)
    append(UInt32(truncatingIfNeeded: bytes.count))
    append(offset(of: name))
    append(padded: bytes)
  }

  private mutating func offset(of name: String) -> UInt32 {
    if let known = offsets[name] { return known }
    let offset = UInt32(truncatingIfNeeded: names.count)
    offsets[name] = offset
    names += Array(name.utf8) + [0]
    return offset
  }

  private mutating func append(_ word: UInt32) { structure += Self.bigEndian(word) }

  private mutating func append(padded bytes: [UInt8]) {
    structure += bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  private static func bigEndian(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }

  /// The blob.
  public func build() -> [UInt8] {
    // A header of ten words, then the memory reservation block, which holds its end alone.
    let header: UInt32 = 40
    let start = header + 16
    let strings = start + UInt32(truncatingIfNeeded: structure.count)
    let size = strings + UInt32(truncatingIfNeeded: names.count)
    let words: [UInt32] = [
      0xd00d_feed, size, start, strings, header, 17, 16, 0,
      UInt32(truncatingIfNeeded: names.count), UInt32(truncatingIfNeeded: structure.count),
    ]
    return words.flatMap(Self.bigEndian) + Array(repeating: 0, count: 16) + structure + names
  }
}
