/// A device tree while its source is read: nodes that later lines may change or delete, and references
/// that are resolved when all of them are known.
struct DeviceTreeDraft {
  final class Node {
    let name: String
    private weak var parent: Node?
    private var order: [String] = []
    private var parts: [String: [Part]] = [:]
    private var allChildren: [Node] = []
    private var childrenByName: [String: Node] = [:]
    private var isDeleted = false

    init(name: String, in parent: Node? = nil) {
      self.name = name
      self.parent = parent
    }

    var children: [Node] { allChildren.filter { !$0.isDeleted } }
    var properties: [(name: String, parts: [Part])] {
      order.compactMap { name in parts[name].map { (name, $0) } }
    }

    func child(_ name: String) -> Node? { childrenByName[name] }

    /// The child of that name, which is made where there is none.
    func makeChild(_ name: String) -> Node {
      if let child = childrenByName[name] { return child }
      let child = Node(name: name, in: self)
      allChildren.append(child)
      childrenByName[name] = child
      return child
    }

    func set(_ name: String, _ value: [Part]) {
      if parts.updateValue(value, forKey: name) == nil { order.append(name) }
    }

    func deleteProperty(_ name: String) {
      if parts.removeValue(forKey: name) != nil { order.removeAll { $0 == name } }
    }

    func delete() {
      isDeleted = true
      if parent?.childrenByName[name] === self { parent?.childrenByName[name] = nil }
    }
  }

  enum Part {
    case bytes([UInt8])
    /// A phandle of 32 bits.
    case phandle(Reference, line: Int)
    case path(Reference, line: Int)
  }

  enum Reference: Hashable, CustomStringConvertible {
    case label(String)
    case path(String)

    var description: String {
      switch self {
      case .label(let label): "&\(label)"
      case .path(let path): "&{\(path)}"
      }
    }
  }

  let root = Node(name: "")
  var labels: [String: Node] = [:]

  func node(_ reference: Reference) -> Node? {
    switch reference {
    case .label(let label): return labels[label]
    case .path(let path):
      var node = root
      for part in path.split(separator: "/") {
        guard let child = node.child(String(part)) else { return nil }
        node = child
      }
      return node
    }
  }

  /// The nodes in order, parents before their children, with a phandle for each that is referred to.
  func flattened() throws(DeviceTreeSource.Mistake) -> [DeviceTreeBlob.Node] {
    var order: [(node: Node, path: String, parent: Int?)] = []
    var pending: [(node: Node, path: String, parent: Int?)] = [(root, "/", nil)]
    while let next = pending.popLast() {
      order.append(next)
      for child in next.node.children.reversed() {
        let path = next.path == "/" ? "/\(child.name)" : "\(next.path)/\(child.name)"
        pending.append((child, path, order.count - 1))
      }
    }
    var positions: [ObjectIdentifier: Int] = [:]
    for (index, entry) in order.enumerated() { positions[ObjectIdentifier(entry.node)] = index }
    var phandles = phandles(of: order.map(\.node))
    var properties: [[DeviceTreeBlob.Property]] = []
    for entry in order {
      var found: [DeviceTreeBlob.Property] = []
      for property in entry.node.properties {
        var bytes: [UInt8] = []
        for part in property.parts {
          switch part {
          case .bytes(let some): bytes += some
          case .phandle(let reference, let line):
            let index = try index(of: reference, line: line, in: positions)
            bytes += Self.bigEndian(phandles.phandle(of: index))
          case .path(let reference, let line):
            let index = try index(of: reference, line: line, in: positions)
            bytes += Array(order[index].path.utf8) + [0]
          }
        }
        found.append(.init(name: property.name, bytes: bytes))
      }
      properties.append(found)
    }
    for (index, phandle) in phandles.added {
      properties[index].append(.init(name: "phandle", bytes: Self.bigEndian(phandle)))
    }
    return order.enumerated().map { index, entry in
      .init(path: entry.path, parent: entry.parent, properties: properties[index])
    }
  }

  private func index(
    of reference: Reference, line: Int, in positions: [ObjectIdentifier: Int]
  ) throws(DeviceTreeSource.Mistake) -> Int {
    guard let node = node(reference), let index = positions[ObjectIdentifier(node)] else {
      throw DeviceTreeSource.Mistake(line: line, message: "no node is called \(reference)")
    }
    return index
  }

  private static func bigEndian(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }

  /// Phandles that the source gives, and those that it leaves to the compiler.
  private struct Phandles {
    var given: [Int: UInt32] = [:]
    var taken: Set<UInt32> = []
    var added: [(index: Int, phandle: UInt32)] = []
    var next: UInt32 = 1

    mutating func phandle(of index: Int) -> UInt32 {
      if let known = given[index] { return known }
      while taken.contains(next) { next &+= 1 }
      given[index] = next
      taken.insert(next)
      added.append((index, next))
      return next
    }
  }

  private func phandles(of nodes: [Node]) -> Phandles {
    var phandles = Phandles()
    for (index, node) in nodes.enumerated() {
      let property = node.properties.first { $0.name == "phandle" || $0.name == "linux,phandle" }
      guard case .bytes(let bytes) = property?.parts.first, bytes.count == 4 else { continue }
      let phandle = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      phandles.given[index] = phandle
      phandles.taken.insert(phandle)
    }
    return phandles
  }
}
