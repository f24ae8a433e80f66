package import ArgumentParser
import Files
import Glibc
import Scenarios

extension AsyncParsableCommand {
  /// Parses the arguments, runs the command that they name, and turns errors into messages and
  /// exit statuses.
  package static func runProgram() async {
    // A reader that closes the pipe early, such as 'head', ends the output and nothing else.
    signal(SIGPIPE, SIG_IGN)
    // A file beyond 'ulimit -f' is an error with words, not a signal.
    signal(SIGXFSZ, SIG_IGN)
    let root = configuration
    if let mistyped = MistypedCommand(
      CommandLine.arguments.dropFirst(), of: root, path: root.commandName ?? "doorbell")
    {
      Output.error("Unexpected argument '\(mistyped.word)'; did you mean '\(mistyped.nearest)'?")
      Output.note(
        "Usage: \(mistyped.path) <subcommand>\n  See '\(mistyped.path) --help' for more information."
      )
      Glibc.exit(ExitStatus.badInput.rawValue)
    }
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

/// A word that stands where a command must stand and is none, but is close to one.
private struct MistypedCommand {
  let word: String
  let nearest: String
  /// The command that it was given to.
  let path: String

  private init(word: String, nearest: String, path: String) {
    self.word = word
    self.nearest = nearest
    self.path = path
  }

  /// - Returns: `nil` where every word is a command, or is close to none.
  init?(_ arguments: ArraySlice<String>, of command: CommandConfiguration, path: String) {
    guard let word = arguments.first, !word.hasPrefix("-"), word != "help" else { return nil }
    let inner = command.subcommands.map { $0.configuration }
    if inner.isEmpty { return nil }
    if let next = inner.first(where: { $0.commandName == word }) {
      self.init(arguments.dropFirst(), of: next, path: "\(path) \(word)")
      return
    }
    // A command with a default one may be given that one's arguments, such as a file.
    if command.hasDefault, InputFile.exists(word) { return nil }
    guard let nearest = nearestName(to: word, among: inner.compactMap(\.commandName)) else {
      return nil
    }
    self.init(word: word.printableLine, nearest: nearest, path: path)
  }
}

extension CommandConfiguration {
  fileprivate var hasDefault: Bool {
    if case .some = defaultSubcommand { true } else { false }
  }
}
