internal import Bits
public import Designs
internal import GLibSupport
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import RISCVSystem
internal import Simulation
internal import Software
internal import Timing
internal import VMM

extension RunSpecification {
  /// Carries the run out.
  ///
  /// - Throws: `RunFailure` when the design, the usage or the workload cannot be modelled.
  public func run() throws(RunFailure) -> RunResult {
    if let inconsistency = design.inconsistency {
      throw RunFailure("design '\(design.name)': \(inconsistency)")
    }
    guard conditions.platform == .arm else { return try RISCVSystem(self).run() }
    var low = self
    low.costs = conditions.costs.at(.low)
    var result = try low.perform()
    let ranges = result.usedCosts.map { Set($0).intersection(conditions.costs.items(.range)) } ?? []
    if spansRanges, !ranges.isEmpty {
      var high = self
      high.costs = conditions.costs.at(.high)
      high.isTraced = false
      result.latenciesAtHighEnd = try high.perform().latencies
    }
    return result
  }

  /// Carries the run out at the end at which the cost model is read.
  private func perform() throws(RunFailure) -> RunResult {
    guard isTraced else { return try perform(sink: NoTrace()) { _ in nil } }
    return try perform(sink: TraceLog()) { $0.digest }
  }

  private func perform<Sink: TraceSink>(
    sink: Sink, digest: (Sink) -> String?
  ) throws(RunFailure) -> RunResult where Sink.Record == EngineEvent {
    var engine = try Engine(self, sink: sink)
    engine.start()
    // Far more events than set-up and messages can make.
    let limit = 10_000_000 + 100 * workload.messageCount * engine.machine.functions.count
    var events = 0
    while engine.step() {
      events += 1
      guard events < limit else { throw RunFailure("the run does not end: \(events) events") }
    }
    let text = digest(engine.sink)
    return engine.result(digest: text)
  }
}

extension TraceLog where Record == EngineEvent {
  /// The SHA-256 of the events in order: time, kind and message of each, little-endian.
  var digest: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * 13)
    for entry in entries {
      withLittleEndianBytes(of: entry.time.picoseconds) { bytes += $0 }
      bytes.append(entry.record.kind.rawValue)
      // The first VM's events stand without a number.
      if entry.record.vm != 0 { bytes.append(entry.record.vm) }
      withLittleEndianBytes(of: UInt32(bitPattern: entry.record.message)) { bytes += $0 }
    }
    return Digest.sha256(bytes)
  }

  private func withLittleEndianBytes(
    of value: some FixedWidthInteger, _ body: ([UInt8]) -> Void
  ) {
    body((0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
  }
}
