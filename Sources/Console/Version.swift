import Files
import Foundation

/// Version of this program.
package enum Version {
  /// The semantic version (https://semver.org) of all that CONTRIBUTING.md calls stable. It stands
  /// here and nowhere else; `CHANGELOG.md` says what each brought.
  package static let number = "0.2.0"

  /// `0.2.0 (commit 1234abcd)`, with the commit where the installation or the checkout tells it.
  package static var text: String {
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    return number + (commit(around: program).map { " (commit \($0))" } ?? "")
  }

  /// The commit that an installation was made of, or that a checkout around the program is at.
  private static func commit(around program: String) -> String? {
    var folder = URL(fileURLWithPath: program).resolvingSymlinksInPath().deletingLastPathComponent()
    // '.build/TRIPLE/release' is three folders down a checkout.
    for _ in 0..<5 {
      if let commit = line(of: folder.appendingPathComponent("share/doorbell/commit")) {
        return commit
      }
      let git = folder.appendingPathComponent(".git")
      if FileManager.default.fileExists(atPath: git.path) { return commit(ofCheckout: git) }
      guard folder.path != "/" else { return nil }
      folder = folder.deletingLastPathComponent()
    }
    return nil
  }

  private static func commit(ofCheckout git: URL) -> String? {
    // In a second work tree '.git' is a file that names the folder.
    let link = line(of: git).flatMap { $0.hasPrefix("gitdir: ") ? String($0.dropFirst(8)) : nil }
    let folder =
      link.map { URL(fileURLWithPath: $0, relativeTo: git.deletingLastPathComponent()) }
      ?? git
    guard let head = line(of: folder.appendingPathComponent("HEAD")) else { return nil }
    guard head.hasPrefix("ref: ") else { return String(head.prefix(12)) }
    let common =
      line(of: folder.appendingPathComponent("commondir"))
      .map { folder.appendingPathComponent($0) } ?? folder
    return line(of: common.appendingPathComponent(String(head.dropFirst(5))))
      .map { String($0.prefix(12)) }
  }

  /// The first line of a small file, without what is not printable; `nil` where there is none.
  private static func line(of file: URL) -> String? {
    guard let text = try? String(contentsOf: file, encoding: .utf8), text.utf8.count < 4096,
      let line = text.split(separator: "\n").first
    else { return nil }
    return line.allSatisfy { $0.isASCII && !$0.isWhitespace || $0 == " " } ? String(line) : nil
  }
}
