internal import ArmFormats

/// Reads lines of QEMU's trace: those of its log, with or without a time before the event, and
/// those that `simpletrace.py` prints.
///
///     2026-11-22T13:18:35.043208Z smmuv3_get_ste STE addr: 0x40350200
///     4711@1700000000.123456:smmuv3_get_ste STE addr: 0x40350200
///     smmuv3_get_ste STE addr: 0x40350200
///     smmuv3_get_ste 12.500 pid=4711 addr=0x40350200
package struct TraceParser: LogFormat {
  /// Time of the line read last, in microseconds: since 1970, or of `simpletrace.py` since the
  /// first line; `nil` if lines have no time.
  package private(set) var time: Int?
  var names = EventNames<TraceEventKind>()
  /// The stage of the last walk. Lines of a QEMU that has one stage alone (before 9.1) need not say
  /// which.
  private(set) var onlyStage: UInt64 = 1
  private var sinceStart: Int?
  private let commandNames: [(name: [UInt8], opcode: SMMUOpcode)]
  private let eventNames: [(name: [UInt8], kind: EventKind)]
  private static let failure = Array("translation failed for iova=".utf8)
  private static let process = Array("pid=".utf8)
  private static let commandPrefix = Array("SMMU_CMD_".utf8)
  private static let eventPrefix = Array("SMMU_EVT_".utf8)

  package var counts: [TraceCounts.EventCount] { names.counts }

  package init() {
    commandNames = (0...UInt8.max).map(SMMUOpcode.init).compactMap { opcode in
      let name = opcode.description
      return name.hasPrefix("CMD_") ? (Array("SMMU_\(name)".utf8), opcode) : nil
    }
    eventNames = (0...UInt8.max).map(EventKind.init).compactMap { kind in
      let name = kind.description
      return name.hasPrefix("unknown") ? nil : (Array("SMMU_EVT_\(name)".utf8), kind)
    }
  }

  /// Reads one line, without its newline.
  package mutating func parse(_ line: borrowing Span<UInt8>) -> LogLine<TraceEvent> {
    var end = line.count
    if end > 0, line[end - 1] == 0x0d { end -= 1 }
    let line = line.extracting(0..<end)
    guard let start = skipTime(line) else { return .unreadable }
    var place = start
    while place < line.count, line[place].isWordPart { place += 1 }
    guard place > start else { return .unreadable }
    if place < line.count, line[place] != UInt8(ascii: " ") {
      return failedTranslation(line, start, place)
    }
    guard looksLikeName(line, start..<place) else { return .unreadable }
    guard let kind = names.count(start..<place, of: line) else { return .other }
    switch kind {
    case .pageDescriptor, .blockDescriptor, .invalidDescriptor: return .other
    default: break
    }
    let text = skipSimpleHeader(line, place)
    if kind == .configurationWrite {
      return configurationWrite(line, text).map { .event($0) } ?? .garbled
    }
    guard let values = line.values(from: text), let event = event(kind, values, line, text)
    else { return .garbled }
    if case .descriptor(let fetch) = event { onlyStage = fetch.stage }
    return .event(event)
  }

  /// A trace event's name has an underscore and begins with a letter.
  private func looksLikeName(_ line: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard (line[range.lowerBound] | 0x20) &- 0x61 < 26 else { return false }
    for place in range where line[place] == 0x5f { return true }
    return false
  }

  /// QEMU's own message about a failed translation, which is no trace event:
  /// `<region> translation failed for iova=<address> (<event>)`.
  private mutating func failedTranslation(
    _ line: borrowing Span<UInt8>, _ start: Int, _ place: Int
  ) -> LogLine<TraceEvent> {
    guard line[place] == UInt8(ascii: "-"),
      let found = line.find(Self.failure, from: place)
    else { return .unreadable }
    // Counted by the first word of the region's name.
    _ = names.count(start..<place, of: line)
    let number = found + Self.failure.count
    guard let (address, next) = line.number(at: number), let kind = eventName(in: line, next)
    else { return .garbled }
    return .event(.failed(kind, address: address))
  }

  /// The place after the time, if the line begins with one.
  private mutating func skipTime(_ line: borrowing Span<UInt8>) -> Int? {
    guard line.count > 0, line[0].isDigit else { return line.count > 0 ? 0 : nil }
    if line.count > 20, line[4] == UInt8(ascii: "-"), let (stamp, next) = line.utcTime() {
      time = stamp
      return next
    }
    guard let (stamp, next) = line.processTime() else { return nil }
    time = stamp
    return next
  }

  /// The place after `<microseconds> pid=<number>` of `simpletrace.py`, if it is there.
  private mutating func skipSimpleHeader(_ line: borrowing Span<UInt8>, _ start: Int) -> Int {
    guard start + 1 < line.count, line[start + 1].isDigit,
      let (whole, dot) = line.prefixNumber(at: start + 1), dot + 5 < line.count,
      line[dot] == UInt8(ascii: "."), line.matches(Self.process, at: dot + 5),
      let (_, next) = line.prefixNumber(at: dot + 9)
    else { return start }
    let passed = (sinceStart ?? 0).addingReportingOverflow(Int(truncatingIfNeeded: whole))
    sinceStart = passed.overflow ? 0 : passed.partialValue
    time = sinceStart
    return next
  }

  /// The command that the line names.
  func commandName(in line: borrowing Span<UInt8>, _ start: Int) -> SMMUOpcode? {
    guard let found = line.find(Self.commandPrefix, from: start) else { return nil }
    for known in commandNames where line.isWord(known.name, at: found) { return known.opcode }
    return nil
  }

  /// The event that the line names.
  func eventName(in line: borrowing Span<UInt8>, _ start: Int) -> EventKind? {
    guard let found = line.find(Self.eventPrefix, from: start) else { return nil }
    for known in eventNames where line.isWord(known.name, at: found) { return known.kind }
    return nil
  }
}
