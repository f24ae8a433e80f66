import Foundation

/// A count on standard error for work that takes over a second, when that is a terminal.
final class Progress {
  private let what: String
  private let start = Date()
  private var last = Date()
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var isShown = false

  init(_ what: String) { self.what = what }

  /// Shows `count`, at most ten times a second.
  func show(_ count: Int) {
    guard isTerminal, count & 15 == 0 else { return }
    let now = Date()
    guard now.timeIntervalSince(start) > 1, now.timeIntervalSince(last) > 0.1 else { return }
    last = now
    isShown = true
    FileHandle.standardError.write(Data("\r\(count) \(what)".utf8))
  }

  /// Takes the count away.
  func end() {
    guard isShown else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
    isShown = false
  }
}
