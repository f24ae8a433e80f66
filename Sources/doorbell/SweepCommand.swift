import ArgumentParser
import Console
import Files
import Foundation
import Glibc

/// Runs the program 'doorbell-sweep' in its own place.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a scenario at many points: grids and lists of values for any field.",
    discussion: "'doorbell sweep --help' says more; it is a program of its own, 'doorbell-sweep'."
  )

  @Argument(parsing: .captureForPassthrough)
  var arguments: [String] = []

  func run() throws {
    let own = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0])
    let program = own.resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("doorbell-sweep").path
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw InputError(
        "expected the program 'doorbell-sweep' beside 'doorbell', found none; 'tools/doorbell sweep' "
          + "builds it, as does 'swift build -c release --product doorbell-sweep'")
    }
    execute(program, arguments)
    throw InputError("\(program) cannot be run: errno \(errno)")
  }

  /// Replaces this program; returns only when that fails.
  private func execute(_ program: String, _ arguments: [String]) {
    var words = unsafe ([program] + arguments).map { unsafe strdup($0) }
    unsafe words.append(nil)
    _ = unsafe execv(program, &words)
    unsafe words.forEach { unsafe free($0) }
  }
}
