package import Files
internal import Inspect

/// A kind of file that says something of a recorded machine.
package enum MachineFileKind: String, CaseIterable, Sendable {
  case trace = "a trace of QEMU"
  case kernelTrace = "a trace of Linux (ftrace or trace-cmd)"
  case kernelLog = "a kernel log"
  case configurationDump = "configuration space (lspci -xxxx)"
  case verboseListing = "a listing of functions (lspci -vv)"
  case tableListing = "a listing of MSI-X tables"
  case groups = "a listing of IOMMU groups"
  case interrupts = "/proc/interrupts"

  /// Lines from which a file's kind is told.
  private static let sample = 2000

  /// Tells what a file is from what its first lines look like.
  ///
  /// - Throws: `InputError` when it cannot be read, or no line is of a known kind.
  package static func detect(_ path: String) throws(InputError) -> MachineFileKind {
    var sniffer = LineSniffer()
    let file = try InputFile(path)
    var read = 0
    while read < sample {
      do {
        guard let line = try file.line() else { break }
        sniffer.take(line)
        read += 1
      } catch {
        // A log that was cut off: what came before says what it is.
        guard read > 0 else { throw error }
        break
      }
    }
    guard let kind = sniffer.kind else {
      let kinds = allCases.map(\.rawValue).joined(separator: ", ")
      throw InputError(
        expected: kinds, found: read == 0 ? "an empty file" : "no line of any of these",
        at: Place(file: path))
    }
    return kind
  }
}

/// Counts the lines that look like each kind.
struct LineSniffer {
  private var votes: [MachineFileKind: Int] = [:]
  private var trace = TraceParser()
  private var kernelTrace = KernelTraceParser()
  private var dump = PCIDump()
  private var listing = VerboseListing()

  /// The kind that most lines are of; of as many, the one that is declared first.
  var kind: MachineFileKind? {
    MachineFileKind.allCases.filter { votes[$0] ?? 0 > 0 }.reversed().max {
      votes[$0, default: 0] < votes[$1, default: 0]
    }
  }

  mutating func take(_ line: [UInt8]) {
    let line = Array(line.prefix(1 << 12))
    switch trace.parse(line.span) {
    case .event, .garbled: return vote(.trace, 4)
    case .other: return vote(.trace)
    case .unreadable: break
    }
    switch kernelTrace.parse(line.span) {
    case .event, .garbled, .other: return vote(.kernelTrace, 4)
    case .unreadable: break
    }
    takeText(Substring(String(decoding: line, as: UTF8.self)))
  }

  private mutating func takeText(_ line: Substring) {
    let words = line.split(whereSeparator: { " \t\r".contains($0) })
    guard let first = words.first else { return }
    if line.hasPrefix("# tracer:") { return vote(.kernelTrace, 8) }
    if first.hasPrefix("msix[") || first == "msix:" || line.contains(" vendor=") {
      return vote(.tableListing, 8)
    }
    if first == "group" || first == "resv" { return vote(.groups, 4) }
    if line.contains("ITS-PCI-MSI") || first == "CPU0"
      || line.contains(" GICv3 ") && first.hasSuffix(":")
    {
      return vote(.interrupts, 4)
    }
    let rows = dump.rows
    if dump.take(line), dump.rows > rows { return vote(.configurationDump, 2) }
    let known = listing.rows
    if listing.take(line), listing.rows > known { return vote(.verboseListing, 2) }
    if Self.isLog(line) { vote(.kernelLog, 2) }
  }

  /// A line with the time stamp or the tag of a kernel, or a driver's own words without.
  private static func isLog(_ line: Substring) -> Bool {
    line.contains("arm-smmu") || KernelLogLine(Array(line.utf8)).isKernel
  }

  private mutating func vote(_ kind: MachineFileKind, _ weight: Int = 1) {
    votes[kind, default: 0] += weight
  }
}
