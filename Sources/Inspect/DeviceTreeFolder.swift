package import Files
package import Firmware
internal import Foundation

/// A device tree as the kernel shows it: a folder for each node, a file for each property
/// (/proc/device-tree, /sys/firmware/devicetree/base).
package enum DeviceTreeFolder {
  /// Nodes and properties of one tree that are read, and bytes of one property.
  private static let limit = 200_000
  package static let propertyLimit = 4 << 20
  private static let maximumDepth = 64

  /// Whether a folder with these names is a tree's root.
  package static func isRoot(_ names: [String]) -> Bool {
    names.contains("#address-cells") && names.contains("compatible")
  }

  /// - Throws: `InputError` for a folder that cannot be read, or is larger than any tree.
  package static func tree(at root: String) throws(InputError) -> DeviceTreeBlob {
    var nodes: [DeviceTreeBlob.Node] = []
    var pending: [(folder: String, path: String, parent: Int?, depth: Int)] = [(root, "/", nil, 1)]
    var count = 0
    while let next = pending.popLast() {
      let place = Place(file: next.folder)
      guard next.depth <= maximumDepth else {
        throw InputError(
          "the device tree nests deeper than \(maximumDepth) levels", at: place)
      }
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: next.folder) else {
        throw InputError("the folder cannot be read", at: place)
      }
      var properties: [DeviceTreeBlob.Property] = []
      for name in names.sorted() {
        count += 1
        guard count <= limit else {
          throw InputError("more than \(limit) nodes and properties", at: Place(file: root))
        }
        let file = "\(next.folder)/\(name)"
        let values = try? URL(fileURLWithPath: file).resourceValues(forKeys: [
          .isDirectoryKey, .isSymbolicLinkKey, .isRegularFileKey,
        ])
        if values?.isDirectory == true, values?.isSymbolicLink != true {
          let path = next.path == "/" ? "/\(name)" : "\(next.path)/\(name)"
          pending.append((file, path, nodes.count, next.depth + 1))
        } else if values?.isRegularFile == true {
          let bytes = try InputFile(file).bytes(limit: propertyLimit)
          properties.append(.init(name: name, bytes: bytes))
        }
      }
      nodes.append(.init(path: next.path, parent: next.parent, properties: properties))
    }
    return DeviceTreeBlob(nodes: nodes)
  }

  /// The folders of trees in an archive, member by member: what stands below `device-tree` or
  /// `devicetree/base`, where the kernel has them.
  package struct Members: Sendable {
    private struct Entry: Sendable {
      /// The names of the nodes and of the property.
      var path: [Substring]
      var bytes: [UInt8]
    }
    private var entries: [String: [Entry]] = [:]
    private var count = 0
    private var size = 0
    private static let sizeLimit = 64 << 20

    package init() {}

    /// The folder of the tree that a member belongs to, and its place below; `nil` for a member of no
    /// tree.
    package static func place(of member: String) -> (root: String, path: [Substring])? {
      let parts = member.split(separator: "/")
      for (index, part) in parts.enumerated() where index + 1 < parts.count {
        let isRoot =
          part == "device-tree" || part == "base" && index > 0 && parts[index - 1] == "devicetree"
        if isRoot {
          return (
            parts[...index].joined(separator: "/"), Array(parts[(index + 1)...])
          )
        }
      }
      return nil
    }

    /// Takes a property; what is more than a tree has is left out.
    package mutating func add(_ bytes: [UInt8], root: String, path: [Substring]) {
      guard count < limit, size < Self.sizeLimit, path.count <= maximumDepth, !path.isEmpty else {
        return
      }
      count += 1
      size += bytes.count
      entries[root, default: []].append(Entry(path: path, bytes: bytes))
    }

    /// The trees by the folder of their root; a folder without a root node's properties is none.
    package var trees: [(root: String, tree: DeviceTreeBlob)] {
      entries.sorted { $0.key < $1.key }.compactMap { root, entries in
        let own = entries.filter { $0.path.count == 1 }.map { String($0.path[0]) }
        return isRoot(own) ? (root, Self.tree(entries)) : nil
      }
    }

    /// Nodes in the order of their paths, so that each comes behind its parent.
    private static func tree(_ entries: [Entry]) -> DeviceTreeBlob {
      var properties: [String: [DeviceTreeBlob.Property]] = ["/": []]
      for entry in entries {
        var path = ""
        for part in entry.path.dropLast() {
          path += "/\(part)"
          if properties[path] == nil { properties[path] = [] }
        }
        properties[path.isEmpty ? "/" : path]?.append(
          .init(name: String(entry.path[entry.path.count - 1]), bytes: entry.bytes))
      }
      let paths = properties.keys.sorted()
      let places = Dictionary(uniqueKeysWithValues: paths.enumerated().map { ($1, $0) })
      return DeviceTreeBlob(
        nodes: paths.map { path in
          let above = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
          return .init(
            path: path, parent: path == "/" ? nil : places[above.isEmpty ? "/" : above],
            properties: properties[path] ?? [])
        })
    }
  }
}
