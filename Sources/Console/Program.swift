package import ArgumentParser
import Glibc

extension AsyncParsableCommand {
  /// Parses the arguments, runs the command that they name, and turns errors into messages and
  /// exit statuses.
  package static func runProgram() async {
    // A reader that closes the pipe early, such as 'head', ends the output and nothing else.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try await asyncParseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      Glibc.exit(ExitStatus.report(error, by: Self.self))
    }
  }
}
