internal import ArmFormats
internal import Bits
package import Designs
internal import GIC
package import Machine
internal import SMMU
package import Simulation
package import Software
internal import Timing

/// The record of a run: steps, exits, journeys, times. It is a sink: nothing in it decides anything.
package struct Recorder {
  package internal(set) var steps: [RunResult.PerformedStep] = []
  /// How many steps had been performed when the message in question was sent.
  var stepsBeforeMessage: Int?
  var exits = RunResult.Exits()
  /// When in its life the guest is whose step is executed, and what its kernel is doing.
  var occasion = RunResult.Exits.Occasion.setup
  var phase: KernelPhase?
  /// The stays of each message, where they are recorded.
  var timeline: Timeline?
  /// The mappings of both stages when the message in question was sent.
  var mappings: StreamMappings?
  var accesses: [RunResult.DeviceAccess] = []
  /// Each device's first MSI-X entry when it first signals.
  package internal(set) var firstMessages: [RunResult.Message?] = []
  /// The message whose journey is recorded, once it is sent; -1 before.
  var tracedMessage: Int32 = -1
  package var stops: [Journey.Stop] = []
  /// Reason why each device's first message that was not delivered ended as it did.
  var reasons: [String?] = []
  var journeyReason: String?
  /// The times of the MSIs that arrived by themselves.
  var breakdown = Breakdown()
  /// MSIs that the ITS made virtual LPIs.
  var injectedByHardware = 0

  /// Whether a message's journey is recorded.
  func recordsJourney(_ index: Int32) -> Bool { index == tracedMessage }

  // MARK: Software

  /// Records a step, with whose it is where there are several.
  mutating func add<Call>(_ step: Step<Call>, of owner: String, at time: SimulatedTime) {
    var record = RunResult.PerformedStep(
      time: time, agent: step.agent, function: step.function, text: owner + step.text,
      belief: step.belief)
    record.payload = step.payload
    record.refusal = step.refusal
    record.device = step.device
    steps.append(record)
  }

  /// Counts an exit that is no access of the guest's kernel.
  mutating func count(_ cause: ExitCause, on occasion: RunResult.Exits.Occasion) {
    exits.add(cause, on: occasion)
  }

  /// Counts an access of the guest's kernel that leaves the guest.
  mutating func count(_ cause: ExitCause, isRead: Bool) {
    exits.add(cause, on: occasion, phase, isRead: isRead)
  }

  // MARK: Journeys

  /// Adds a stop to the journey; ask `recordsJourney` first, so that no other message pays for the
  /// text.
  package mutating func visit(
    _ place: Journey.Place, _ address: UInt64?, _ words: [UInt64], _ meaning: String,
    at time: SimulatedTime
  ) {
    stops.append(
      .init(time: time, place: place, address: address, words: words, meaning: meaning))
  }

  /// The descriptors of the walk, then the write's end, then the ITS's tables.
  package mutating func visitPlatform(
    _ walk: ReadCounter, _ tables: ReadCounter, _ outcome: WriteOutcome, from start: SimulatedTime,
    walked: SimulatedTime, read: SimulatedTime, hop: SimulatedTime
  ) {
    var time = start
    for descriptor in walk.descriptors {
      time += read
      visit(
        .smmu(descriptor.step), descriptor.address.rawValue,
        (0..<min(descriptor.wordCount, descriptor.shownWords)).map { descriptor.words[$0] },
        descriptor.meaning, at: time)
    }
    visit(
      .write(outcome.end), outcome.address?.rawValue, [], outcome.meaning, at: walked + hop)
    visitTables(tables.tables, isVirtual: false, from: walked + hop, each: read)
  }

  /// The tables that an ITS and a redistributor read, one after the other.
  mutating func visitTables(
    _ reads: [ITSTableRead], isVirtual: Bool, from start: SimulatedTime, each: SimulatedTime
  ) {
    var time = start
    for read in reads {
      time += each
      visit(
        .table(read.meaning.table, isVirtual: isVirtual), read.address.rawValue, [read.raw],
        read.meaning.text, at: time)
    }
  }

  // MARK: Ends

  /// Records the end of a message.
  ///
  /// - Parameter text: the reason, which is asked for only where it is kept.
  mutating func end(
    _ index: Int32, of device: DeviceIndex, _ verdict: Verdict, at time: SimulatedTime,
    _ text: () -> String
  ) {
    timeline?.end(Int(index), verdict, at: time)
    let isFirstOfItsKind = verdict != .delivered && reasons[device.rawValue] == nil
    guard isFirstOfItsKind || recordsJourney(index) else { return }
    let text = text()
    if isFirstOfItsKind { reasons[device.rawValue] = text }
    if recordsJourney(index) { journeyReason = text }
  }
}
