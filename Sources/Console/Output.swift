package import Files
import Foundation
package import Reports

/// The program's two streams.
package enum Output {
  /// Writes a report to standard output. A closed pipe is no error: the reader has enough.
  package static func write(_ text: String) throws(InputError) {
    try OutputFile.writeStandardOutput(text.printable(keepingColor: terminal.hasColor))
  }

  /// Writes one line of error to standard error.
  package static func error(_ message: String) { note("doorbell: error: \(message)") }

  /// Writes a line to standard error.
  package static func note(_ line: String) { writeError(line.printable() + "\n") }

  /// Writes to standard error as it is; a closed standard error is no error.
  package static func writeError(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }

  /// Asks on a terminal; without one the answer is no.
  package static func confirms(_ question: String) -> Bool {
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return false }
    writeError("doorbell: \(question) [y/N] ")
    return ["y", "yes"].contains(readLine()?.lowercased())
  }

  /// Terminal of standard output: its width and whether it takes colour. `NO_COLOR`
  /// (https://no-color.org) and `TERM=dumb` turn colour off; `COLUMNS` sets the width.
  package static var terminal: Terminal {
    let environment = ProcessInfo.processInfo.environment
    let isTerminal = isatty(STDOUT_FILENO) == 1
    let wantsColor = environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    let asked = environment["COLUMNS"].flatMap(Int.init)
    let width = asked ?? (isTerminal ? windowWidth : nil)
    return Terminal(width: width ?? 120, hasColor: isTerminal && wantsColor)
  }

  /// Whether a width was asked for, or there is a window: other text is not broken for it, so that
  /// tools find its lines whole.
  package static var hasWidth: Bool {
    isatty(STDOUT_FILENO) == 1 || ProcessInfo.processInfo.environment["COLUMNS"] != nil
  }

  /// The width of the terminal's window; `nil` when it has none.
  private static var windowWidth: Int? {
    var size = winsize()
    let answer = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
    return answer == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
  }
}
