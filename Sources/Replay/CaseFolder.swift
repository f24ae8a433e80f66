package import Files
internal import Foundation

/// The files of one recorded machine: those of a folder, or those that are given together.
package struct RecordedCase {
  /// As the user wrote it: the folder, or the trace, or the first file.
  package let name: String
  /// QEMU's trace of the machine's SMMU and ITS.
  package private(set) var trace: String?
  /// Facts from the machine's kernel, if the files have them.
  package private(set) var guest: GuestFacts?
  /// Facts from the kernel of a guest inside that machine, if it was a hypervisor.
  package private(set) var innerGuest: GuestFacts?
  /// Counts that were made when the case was recorded.
  package private(set) var summary: JSONCursor?
  /// The command line of the machine.
  package private(set) var commandLine = ""
  /// Traces and logs of the machine's kernel, and of that of a guest inside it.
  package private(set) var kernelTraces: [String] = []
  package private(set) var kernelLogs: [String] = []
  /// Folders with the machine's memory.
  package private(set) var images: [String] = []
  /// The folder with everything, if there is one.
  package private(set) var folder: String?

  /// The machine of one folder or file.
  ///
  /// - Throws: `InputError` when a folder has nothing of a machine, or a file cannot be read.
  package init(_ path: String) throws(InputError) { try self.init(files: [path]) }

  /// The machine of these files, of whatever kinds; at most one folder with a trace, and at most
  /// one trace.
  package init(files: [String]) throws(InputError) {
    name = files.first ?? ""
    for path in files {
      if Self.isFolder(path) { try add(folder: path) } else { try add(file: path) }
    }
  }

  /// The machines of arguments: each folder with a trace is one, and each trace; what else is given
  /// belongs to the only one.
  ///
  /// - Throws: `InputError` when other files are given with several machines.
  package static func machines(_ paths: [String]) throws(InputError) -> [RecordedCase] {
    var machines: [String] = []
    var others: [String] = []
    for path in paths {
      let isMachine =
        isFolder(path)
        ? !InputFile.exists("\(path)/regs.json") : try MachineFileKind.detect(path) == .trace
      if isMachine { machines.append(path) } else { others.append(path) }
    }
    guard machines.count > 1 else { return [try RecordedCase(files: machines + others)] }
    if let other = others.first {
      throw InputError(
        expected: "one machine with the files that belong to it",
        found: "\(machines.count) machines and others files", at: Place(file: other))
    }
    var cases: [RecordedCase] = []
    for machine in machines { cases.append(try RecordedCase(machine)) }
    return cases
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue
  }

  // MARK: Files

  private mutating func add(file path: String) throws(InputError) {
    let kind = try MachineFileKind.detect(path)
    switch kind {
    case .trace:
      if let trace {
        throw InputError(
          expected: "one trace of the machine", found: "a second one beside \(trace)",
          at: Place(file: path))
      }
      trace = path
    case .kernelTrace: kernelTraces.append(path)
    case .kernelLog: kernelLogs.append(path)
    default:
      var facts = guest ?? GuestFacts()
      try facts.read(path, as: kind)
      guest = facts
    }
  }

  // MARK: Folders

  private static let traceNames = ["qemu-trace.log.gz", "qemu-trace.log"]
  private static let kernelTraceNames = [
    "ftrace.txt", "ftrace.txt.gz", "l1-ftrace.txt", "l1-ftrace.txt.gz",
  ]
  private static let kernelLogNames = ["dmesg.txt", "dmesg.txt.gz"]

  private mutating func add(folder path: String) throws(InputError) {
    if InputFile.exists("\(path)/regs.json") { images.append(path) }
    let found = Self.traceNames.map { "\(path)/\($0)" }.first(where: InputFile.exists)
    guard let found else {
      guard !images.isEmpty else {
        throw InputError(
          expected: "a qemu-trace.log.gz or qemu-trace.log in the folder, or a regs.json",
          found: "neither", at: Place(file: path))
      }
      return
    }
    trace = found
    folder = path
    guest = try Self.facts("\(path)/guest") ?? guest
    innerGuest = try Self.facts("\(path)/guest-l2")
    for side in ["guest", "guest-l2"] {
      kernelTraces += existing(Self.kernelTraceNames, in: "\(path)/\(side)")
      kernelLogs += existing(Self.kernelLogNames, in: "\(path)/\(side)")
    }
    let counts = "\(path)/summary.json"
    summary = InputFile.exists(counts) ? try InputFile(counts).json() : nil
    let line = "\(path)/cmdline.txt"
    commandLine = InputFile.exists(line) ? try InputFile(line).text() : ""
  }

  private func existing(_ names: [String], in folder: String) -> [String] {
    names.map { "\(folder)/\($0)" }.filter(InputFile.exists)
  }

  private static func facts(_ folder: String) throws(InputError) -> GuestFacts? {
    let folders = ["after", "before"].map { "\(folder)/\($0)" }
    guard let found = folders.first(where: InputFile.exists) else { return nil }
    return try GuestFacts(folder: found)
  }

  /// The trace, or the error that there is none.
  func neededTrace() throws(InputError) -> String {
    guard let trace else {
      throw InputError(
        expected: "a trace of QEMU", found: "none among the files", at: Place(file: name))
    }
    return trace
  }
}
