package import ArgumentParser
import Files
import Glibc

/// Exit status of the program.
package enum ExitStatus {
  /// An expectation does not hold.
  package static let failed = ExitCode(1)
  /// A flag, a name or a file is wrong.
  package static let badInput = ExitCode(2)

  /// Says what ended a command, in one line on standard error, and gives the exit status.
  ///
  /// For mistakes in the arguments, the usage follows. What was asked for as help goes to standard
  /// output.
  ///
  /// - Parameter command: the program's root command, whose usage it is.
  package static func report(_ error: any Error, by command: any ParsableCommand.Type) -> Int32 {
    switch error {
    case let error as InputError:
      Output.error(error.description)
      return badInput.rawValue
    case let code as ExitCode: return code.rawValue
    default: break
    }
    let text = command.fullMessage(for: error)
    guard command.exitCode(for: error) != .success else {
      do throws(InputError) { try Output.write(text.isEmpty ? "" : text + "\n") } catch {
        Output.error(error.description)
        return badInput.rawValue
      }
      return ExitCode.success.rawValue
    }
    Output.note(text)
    return badInput.rawValue
  }
}
