/// Every reader of this target on the same bytes, for fuzzing and for properties: whatever the bytes
/// are, none may trap, and lines must add up.
package enum AnyReader {
  /// Reads `bytes` as a log of each kind.
  ///
  /// - Returns: for each log with counts, its lines, and those of them that are accounted for.
  package static func read(_ bytes: [UInt8]) -> [(lines: Int, accounted: Int)] {
    var story = MachineStory()
    var log = EventLog()
    var kernel = KernelStory()
    var costs = CostTrace()
    let counts = [
      TraceReader.counts(of: bytes, into: &story), TraceReader.counts(of: bytes, into: &log),
      LogReader<KernelTraceParser>.counts(of: bytes, into: &kernel),
      LogReader<CostTraceParser>.counts(of: bytes, into: &costs),
    ]
    let report = StoryReport(
      name: "", story: story, counts: counts[0], guest: facts(bytes),
      companions: companions(bytes))
    _ = report.text.count + report.warnings.count
    let sessions = SessionCollector(log)
    for session in sessions.sessions.values { _ = session.messages.count }
    return counts.map {
      ($0.lines, $0.understood + $0.other + $0.garbled + $0.unreadable)
    }
  }

  private static func lines(_ bytes: [UInt8]) -> [Substring] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  private static func facts(_ bytes: [UInt8]) -> GuestFacts {
    var facts = GuestFacts()
    let lines = lines(bytes)
    var dump = PCIDump()
    var listing = VerboseListing()
    var sniffer = LineSniffer()
    for line in lines {
      _ = dump.take(line)
      _ = listing.take(line)
      sniffer.take(Array(line.utf8))
    }
    let words = lines.map { $0.split(separator: " ") }
    facts.readDevices(words)
    facts.readGroups(words)
    facts.readInterrupts(words)
    dump.add(to: &facts)
    listing.add(to: &facts)
    return facts
  }

  private static func companions(_ bytes: [UInt8]) -> MachineCompanions {
    var log = KernelLogStory(named: "log")
    for line in bytes.split(separator: 0x0a) { log.take(Array(line)) }
    log.finish()
    var companions = MachineCompanions()
    companions.kernelLogs = [log]
    return companions
  }
}

extension LogReader {
  /// The counts of a whole log.
  static func counts<Sink: TraceSink>(of bytes: [UInt8], into sink: inout Sink) -> TraceCounts
  where Sink.Event == Format.Event {
    var reader = LogReader()
    reader.take(bytes.span, into: &sink)
    reader.finish(into: &sink)
    return reader.counts
  }
}
