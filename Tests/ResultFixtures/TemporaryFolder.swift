import Foundation

/// A folder that goes away with the value that stands for it.
public final class TemporaryFolder: Sendable {
  public let path: String

  /// - Parameter files: their texts, by their paths in the folder.
  public init(_ files: [String: String] = [:]) throws {
    path = NSTemporaryDirectory() + "doorbell-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(text, to: name) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func write(_ text: String, to name: String) throws {
    let file = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  /// `message` with the folder's path taken out.
  public func relative(_ message: String) -> String { message.replacing(path + "/", with: "") }
}

/// The root of the repository.
public var repository: String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
}
