import Foundation
import Synchronization

/// Says on standard error what takes over a second: a line, and on a terminal a count that grows
/// and goes away at the end.
package final class Progress: Sendable {
  private let message: String
  private let count = Atomic(0)
  /// Total amount of work; 0 if unknown.
  private let total: Int
  private let start = ContinuousClock.now
  private let isTerminal = isatty(STDERR_FILENO) == 1
  /// Draws, and is told when to stop, so that nothing is drawn after the end.
  private let queue = DispatchQueue(label: "progress")
  private let isOver = Atomic(false)

  private init(_ message: String, total: Int) {
    self.message = message
    self.total = total
    queue.asyncAfter(deadline: .now() + 1) { [weak self] in self?.draw() }
  }

  /// Does `work` and says what it is when it takes long.
  ///
  /// - Parameter total: total amount of work, for a bar; 0 for a count alone.
  package static func during<Value>(
    _ message: String, of total: Int = 0, _ work: (Progress) async throws -> Value
  ) async rethrows -> Value {
    let progress = Progress(message, total: total)
    defer { progress.end() }
    return try await work(progress)
  }

  /// Does `work` and says what it is when it takes long.
  package static func during<Value>(
    _ message: String, _ work: (Progress) throws -> Value
  ) rethrows -> Value {
    let progress = Progress(message, total: 0)
    defer { progress.end() }
    return try work(progress)
  }

  /// Sets the amount of work done so far.
  package func show(_ count: Int) { self.count.store(count, ordering: .relaxed) }

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
    let far = total > 0 ? bar(count) : count > 0 ? String(count) : ""
    Output.writeError("\rdoorbell: \(message) ... \(far)")
    queue.asyncAfter(deadline: .now() + 0.1) { [weak self] in self?.draw() }
  }
  /// `[#######.............] 7/20, 35 %, 2.1/s, 6 s left`.
  private func bar(_ count: Int) -> String {
    let full = min(20, 20 * max(0, count) / max(1, total))
    return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: 20 - full)
      + "] \(count)/\(total)" + pace(count)
  }

  /// The part that is done, the rate, and how long the rest takes at that.
  private func pace(_ count: Int) -> String {
    let elapsed = start.duration(to: .now)
    let seconds = elapsed / Duration.seconds(1)
    guard count > 0, seconds > 1 else { return "" }
    let rate = Double(count) / seconds
    let left = Int((Double(max(0, total - count)) / rate).rounded(.up))
    let tenths = Int((rate * 10).rounded())
    let share = 100 * count / max(1, total)
    return ", \(share) %, \(tenths / 10).\(tenths % 10)/s, \(left) s left\u{1b}[K"
  }
}
