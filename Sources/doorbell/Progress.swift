import Foundation
import Synchronization

/// Says on standard error what takes over a second: a line, and on a terminal a count that grows
/// and goes away at the end.
final class Progress: Sendable {
  private let message: String
  private let count = Atomic(0)
  private let isTerminal = isatty(STDERR_FILENO) == 1
  /// Draws, and is told when to stop, so that nothing is drawn after the end.
  private let queue = DispatchQueue(label: "progress")
  private let isOver = Atomic(false)

  private init(_ message: String) {
    self.message = message
    queue.asyncAfter(deadline: .now() + 1) { [weak self] in self?.draw() }
  }

  /// Does `work` and says what it is when it takes long.
  static func during<Value>(
    _ message: String, _ work: (Progress) async throws -> Value
  ) async rethrows -> Value {
    let progress = Progress(message)
    defer { progress.end() }
    return try await work(progress)
  }

  /// Does `work` and says what it is when it takes long.
  static func during<Value>(
    _ message: String, _ work: (Progress) throws -> Value
  ) rethrows -> Value {
    let progress = Progress(message)
    defer { progress.end() }
    return try work(progress)
  }

  /// How far the work has come.
  func show(_ count: Int) { self.count.store(count, ordering: .relaxed) }

  /// Takes the count away.
  private func end() {
    queue.sync {
      isOver.store(true, ordering: .relaxed)
      if isTerminal { Output.writeError("\r\u{1b}[K") }
    }
  }

  private func draw() {
    guard !isOver.load(ordering: .relaxed) else { return }
    guard isTerminal else { return Output.note("doorbell: \(message) ...") }
    let count = count.load(ordering: .relaxed)
    Output.writeError("\rdoorbell: \(message) ... \(count > 0 ? String(count) : "")")
    queue.asyncAfter(deadline: .now() + 0.1) { [weak self] in self?.draw() }
  }
}
