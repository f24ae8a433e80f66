import Foundation
import ResultFixtures

/// One run of the built program.
struct Run {
  let status: Int32
  let output: String
  /// Without the lines that say what takes over a second, as anything may on a busy machine.
  let error: String

  /// The program, which is built into the folder of the test bundle.
  static let program = URL(fileURLWithPath: CommandLine.arguments[0])
    .deletingLastPathComponent().appendingPathComponent("doorbell")

  /// - Parameters:
  ///   - arguments: those of the program.
  ///   - environment: changes to the environment.
  init(_ arguments: String..., environment: [String: String] = [:]) throws {
    try self.init(arguments: arguments, environment: environment)
  }

  init(arguments: [String], environment: [String: String] = [:]) throws {
    let process = Process()
    process.executableURL = Self.program
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: repository)
    var variables = ProcessInfo.processInfo.environment
    for name in ["DOORBELL_HOME", "COLUMNS", "NO_COLOR"] { variables[name] = nil }
    process.environment = variables.merging(environment) { $1 }
    let folder = try TemporaryFolder(["out": "", "err": ""])
    let streams = try ["out", "err"].map {
      try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder.path)/\($0)"))
    }
    process.standardOutput = streams[0]
    process.standardError = streams[1]
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    status = process.terminationStatus
    output = try String(contentsOfFile: "\(folder.path)/out", encoding: .utf8)
    error = try String(contentsOfFile: "\(folder.path)/err", encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !($0.hasPrefix("doorbell: ") && $0.hasSuffix(" ...")) }
      .joined(separator: "\n")
  }
}

/// What a shell command that runs `$doorbell` prints and ends with.
func shell(_ command: String) throws -> (status: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/bin/sh")
  process.arguments = ["-c", command]
  process.currentDirectoryURL = URL(fileURLWithPath: repository)
  process.environment = ProcessInfo.processInfo.environment.merging(["doorbell": Run.program.path])
  { $1 }
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}
