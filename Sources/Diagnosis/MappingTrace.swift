internal import Files

/// Mappings of IOVAs in a trace of Linux (`iommu:map`, `iommu:unmap`): of each page that was asked
/// for, or else of the latest, whether it is mapped and since when.
///
/// Memory does not grow with the trace: intervals are kept for addresses that are asked for, and the
/// latest 65,536 otherwise.
package struct MappingTrace: Sendable {
  package struct Change: Sendable {
    package var isMap: Bool
    package var range: ClosedRange<UInt64>
    /// The first physical address of a mapping.
    package var target: UInt64?
    /// Microseconds of the trace's clock.
    package var time: UInt64?
    package var source: Evidence
  }

  /// In the order of the trace.
  package private(set) var changes: [Change] = []
  /// Changes that were dropped to stay within bounds.
  package private(set) var dropped = 0
  /// Domains that functions were attached to or detached from.
  package private(set) var attachments = Bounded<Sourced<(function: PCIFunction?, time: UInt64?)>>(
    limit: 1024)
  package var lines = 0
  private var next = 0
  private static let limit = 65_536

  package init() {}

  package var isEmpty: Bool { lines == 0 }

  mutating func take(_ text: String, _ source: @autoclosure () -> Evidence) -> Bool {
    if text.contains("attach_device_to_domain:") || text.contains("detach_device_from_domain:") {
      lines += 1
      attachments.append(
        Sourced((PCIFunction.first(in: text), Self.time(of: text)), source()))
      return true
    }
    guard let range = text.firstRange(of: "IOMMU: iova=") else { return false }
    let isMap = text.contains(" map: ")
    guard isMap || text.contains(" unmap: ") else { return false }
    let rest = text[range.upperBound...]
    let words = rest.split(separator: " ")
    // "iova=START - END paddr=... size=..." since 4.19, "iova=START paddr=... size=..." before.
    guard let first = words.first.flatMap({ UInt64(number: $0) }) else { return false }
    func value(_ name: String) -> UInt64? {
      words.first { $0.hasPrefix(name) }.flatMap { UInt64(number: $0.dropFirst(name.count)) }
    }
    let size = value("unmapped_size=") ?? value("size=") ?? 4096
    let (last, overflow) = first.addingReportingOverflow(max(size, 1) - 1)
    lines += 1
    keep(
      Change(
        isMap: isMap, range: first...(overflow ? .max : last), target: value("paddr="),
        time: Self.time(of: text), source: source()))
    return true
  }

  /// Whether a line is an event of ftrace: `TASK-PID [CPU] FLAGS SECONDS.MICROSECONDS: event:`, the
  /// flags left out by trace-cmd.
  static func isEvent(_ line: [UInt8]) -> Bool {
    guard let open = line.prefix(64).firstIndex(of: UInt8(ascii: "[")), open > 2,
      line[open - 1] == 0x20
    else { return false }
    let digits = line[(open + 1)...].prefix { 0x30...0x39 ~= $0 }
    guard digits.count == 3, digits.endIndex < line.count,
      line[digits.endIndex] == UInt8(ascii: "]"),
      let colon = line[digits.endIndex...].prefix(48).firstIndex(of: UInt8(ascii: ":"))
    else { return false }
    let fraction = line[digits.endIndex..<colon].suffix(6)
    let point = fraction.startIndex - 1
    return fraction.count == 6 && fraction.allSatisfy { 0x30...0x39 ~= $0 }
      && point > digits.endIndex && line[point] == UInt8(ascii: ".")
  }

  private mutating func keep(_ change: Change) {
    guard changes.count >= Self.limit else {
      changes.append(change)
      return
    }
    changes[next] = change
    next = (next + 1) % Self.limit
    dropped += 1
  }

  /// `640.118203:` before the event.
  static func time(of text: String) -> UInt64? {
    for word in text.split(separator: " ").prefix(8) where word.last == ":" {
      let parts = word.dropLast().split(separator: ".")
      if parts.count == 2, parts[1].count == 6, let seconds = UInt64(parts[0]),
        let fraction = UInt64(parts[1]), seconds < 1 << 40
      {
        return seconds * 1_000_000 + fraction
      }
    }
    return nil
  }

  /// The changes of an address, in order of time.
  package func history(of address: UInt64) -> [Change] {
    let ordered = dropped == 0 ? changes : Array(changes[next...] + changes[..<next])
    return ordered.filter { $0.range.contains(address) }
  }
}
