internal import Foundation

/// A source tree on disk.
package struct DirectoryTree: SourceTree {
  /// The top of the tree.
  package let path: String

  /// - Returns: `nil` when there is no such folder.
  package init?(_ path: String) {
    var isFolder: ObjCBool = false
    let isThere = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    guard isThere, isFolder.boolValue else { return nil }
    self.path = path
  }

  /// Bytes of one file that are read.
  private static let sizeLimit = 8 << 20
  /// Sources below one folder that are looked at, and levels of folders.
  private static let fileLimit = 20_000
  private static let maximumDepth = 12

  package func bytes(_ file: String) -> [UInt8]? {
    let url = URL(fileURLWithPath: "\(path)/\(file)")
    let values = try? url.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
    guard values?.isRegularFile == true, (values?.fileSize ?? 0) <= Self.sizeLimit,
      let data = try? Data(contentsOf: url)
    else { return nil }
    return [UInt8](data)
  }

  package func sources(under folder: String) -> [String] {
    var found: [String] = []
    var pending = [(folder, 0)]
    while let (next, depth) = pending.popLast(), found.count < Self.fileLimit {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(next)")) ?? []
      for name in names.sorted() {
        let file = "\(next)/\(name)"
        if SourceLanguage(path: name) != nil {
          found.append(file)
        } else if depth < Self.maximumDepth, !name.contains("."), Self.isFolder("\(path)/\(file)") {
          pending.append((file, depth + 1))
        }
      }
    }
    return found
  }

  /// Whether a path is a folder and no link to one, which could lead back.
  private static func isFolder(_ path: String) -> Bool {
    let values = try? URL(fileURLWithPath: path)
      .resourceValues(forKeys: [.isDirectoryKey, .isSymbolicLinkKey])
    return values?.isDirectory == true && values?.isSymbolicLink != true
  }
}
