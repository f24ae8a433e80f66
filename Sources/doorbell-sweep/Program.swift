import ArgumentParser
import Console
import SweepCommands

/// The program that `doorbell sweep` runs where sweeps are not built into `doorbell` itself.
@main
struct Program: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doorbell", abstract: "Sweeps of Doorbell.", subcommands: [SweepGroup.self])

  static let _errorPrefix = "doorbell: error: "

  static func main() async { await runProgram() }
}
