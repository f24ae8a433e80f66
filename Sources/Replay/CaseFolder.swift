internal import Foundation
public import InputFiles

/// What a trace argument names: a trace alone, or a folder with a trace and what belongs to it.
public struct RecordedCase {
  /// As the user wrote it.
  public let name: String
  public let trace: String
  /// What the machine's kernel said, if the folder has it.
  public let guest: GuestFacts?
  /// What the kernel of a guest inside that machine said, if it was a hypervisor.
  public let innerGuest: GuestFacts?
  /// Counts that were made when the case was recorded.
  public let summary: JSONCursor?
  /// The command line of the machine.
  public let commandLine: String

  /// - Throws: `InputError` when a folder has no trace, or a file in it cannot be read.
  public init(_ path: String) throws(InputError) {
    name = path
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    guard exists, isFolder.boolValue else {
      (trace, guest, innerGuest, summary, commandLine) = (path, nil, nil, nil, "")
      return
    }
    let names = ["qemu-trace.log.gz", "qemu-trace.log"].map { "\(path)/\($0)" }
    guard let trace = names.first(where: InputFile.exists) else {
      throw InputError(
        "expected a qemu-trace.log.gz or qemu-trace.log in the folder", at: Place(file: path))
    }
    self.trace = trace
    guest = try Self.facts("\(path)/guest")
    innerGuest = try Self.facts("\(path)/guest-l2")
    let counts = "\(path)/summary.json"
    summary = InputFile.exists(counts) ? try InputFile(counts).json() : nil
    let line = "\(path)/cmdline.txt"
    commandLine =
      InputFile.exists(line) ? try InputFile(line).text() : ""
  }

  private static func facts(_ folder: String) throws(InputError) -> GuestFacts? {
    let folders = ["after", "before"].map { "\(folder)/\($0)" }
    guard let found = folders.first(where: InputFile.exists) else { return nil }
    return try GuestFacts(folder: found)
  }
}
