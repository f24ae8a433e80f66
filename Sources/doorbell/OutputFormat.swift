import ArgumentParser
import Foundation

/// How a command prints its result.
enum ProofFormat: String, ExpressibleByArgument, CaseIterable {
  case table
  case json
}

/// Ends a command with `message` on standard error and exit status 2: the input is bad.
func badInput(_ message: String) -> ExitCode {
  FileHandle.standardError.write(Data("doorbell: \(message)\n".utf8))
  return ExitCode(2)
}
