import ArgumentParser

@main
struct Doorbell: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doorbell",
    abstract: "Nested translation and MSI virtualization on Arm, bit by bit.",
    subcommands: [VerifyCommand.self, TranslateCommand.self, DecodeCommand.self])
}
