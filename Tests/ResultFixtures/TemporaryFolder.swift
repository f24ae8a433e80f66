import Foundation

/// A folder that goes away with the value that stands for it.
package final class TemporaryFolder: Sendable {
  package let path: String

  /// - Parameter files: their texts, by their paths in the folder.
  package init(_ files: [String: String] = [:]) throws {
    path = NSTemporaryDirectory() + "doorbell-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(text, to: name) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func write(_ text: String, to name: String) throws {
    let file = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  /// `message` with the folder's path taken out.
  package func relative(_ message: String) -> String { message.replacing(path + "/", with: "") }
}

/// The root of the repository.
package var repository: String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
}
