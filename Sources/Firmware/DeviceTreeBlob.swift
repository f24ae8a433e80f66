internal import CFdt

/// A text without what a terminal might obey: control and format characters as `\u{1b}`.
func printable(_ text: String) -> String {
  guard text.utf8.contains(where: { $0 < 0x20 || $0 > 0x7e }) else { return text }
  return text.unicodeScalars.reduce(into: "") { result, scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
}

/// A flattened device tree (Devicetree Specification 0.4, chapter 5), unpacked.
///
/// This file holds every use of libfdt, and every `unsafe` of reading a device tree.
public struct DeviceTreeBlob: Equatable, Sendable {
  public struct Property: Equatable, Sendable {
    public let name: String
    public let bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
      self.name = name
      self.bytes = bytes
    }
  }

  public struct Node: Equatable, Sendable {
    /// The full path; `/` for the root.
    public let path: String
    /// The parent's position among the nodes; `nil` for the root.
    public let parent: Int?
    public fileprivate(set) var properties: [Property] = []

    public init(path: String, parent: Int?, properties: [Property] = []) {
      self.path = printable(path)
      self.parent = parent
      self.properties = properties
    }
  }

  /// Thrown for bytes that are no device tree, with the reason in libfdt's words.
  public struct BadBlob: Error, Equatable, CustomStringConvertible {
    public let description: String
  }

  /// In the order of the blob: parents before their children.
  public private(set) var nodes: [Node] = []

  /// Linux unpacks this many levels (`FDT_MAX_DEPTH`).
  private static let maximumDepth = 64

  /// Whether a file starts like a flattened device tree.
  public static func isBlob(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0xd0, 0x0d, 0xfe, 0xed])
  }

  /// - Throws: `BadBlob` when libfdt finds the blob malformed, or it nests deeper than 64 levels.
  public init(_ bytes: [UInt8]) throws(BadBlob) {
    let answer: Result<[Node], BadBlob> = unsafe bytes.withUnsafeBytes { buffer in
      guard let blob = buffer.baseAddress else { return .failure(Self.error(-FDT_ERR_TRUNCATED)) }
      // After this check every offset that libfdt hands out lies inside the buffer.
      let check = unsafe fdt_check_full(blob, buffer.count)
      guard check == 0 else { return .failure(Self.error(check)) }
      return unsafe Self.unpack(blob)
    }
    nodes = try answer.get()
  }

  /// A tree that was read in another way.
  ///
  /// - Parameter nodes: parents before their children.
  public init(nodes: [Node]) { self.nodes = nodes }

  private static func error(_ code: Int32) -> BadBlob {
    BadBlob(
      description: "expected a flattened device tree, found "
        + (unsafe String(cString: fdt_strerror(code))))
  }

  private static func unpack(_ blob: UnsafeRawPointer) -> Result<[Node], BadBlob> {
    var nodes: [Node] = []
    var ancestors: [Int] = []
    var depth: Int32 = 0
    var offset: Int32 = 0
    while offset >= 0, depth >= 0 {
      guard depth < maximumDepth else {
        return .failure(
          BadBlob(description: "the device tree nests deeper than \(maximumDepth) levels"))
      }
      ancestors.removeLast(max(0, ancestors.count - Int(depth)))
      let parent = ancestors.last
      let name = unsafe fdt_get_name(blob, offset, nil).map { unsafe String(cString: $0) } ?? ""
      var node = Node(path: path(of: name, under: parent.map { nodes[$0].path }), parent: parent)
      node.properties = unsafe properties(blob, of: offset)
      ancestors.append(nodes.count)
      nodes.append(node)
      offset = unsafe fdt_next_node(blob, offset, &depth)
    }
    return .success(nodes)
  }

  private static func path(of name: String, under parent: String?) -> String {
    guard let parent else { return "/" }
    return parent == "/" ? "/\(name)" : "\(parent)/\(name)"
  }

  private static func properties(_ blob: UnsafeRawPointer, of node: Int32) -> [Property] {
    var properties: [Property] = []
    var offset = unsafe fdt_first_property_offset(blob, node)
    while offset >= 0 {
      var name: UnsafePointer<CChar>?
      var length: Int32 = 0
      if let value = unsafe fdt_getprop_by_offset(blob, offset, &name, &length), length >= 0,
        let name = unsafe name
      {
        let bytes = unsafe UnsafeRawBufferPointer(start: value, count: Int(length))
        properties.append(unsafe Property(name: String(cString: name), bytes: Array(bytes)))
      }
      offset = unsafe fdt_next_property_offset(blob, offset)
    }
    return properties
  }
}
