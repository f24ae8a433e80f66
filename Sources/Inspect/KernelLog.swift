internal import ArmFormats
internal import Bits
internal import Files

/// One event that a kernel log shows, and how often.
package struct LoggedEvent: Equatable, Sendable {
  /// The four words of the record, as dumped or as put together from the decoded text.
  package var words: [UInt64]
  /// Whether the log held the raw words; otherwise bits that the text does not mention are zero.
  package var isRaw: Bool
  /// The device's name, where the driver gave it.
  package var client: String?
  /// The type's number as the log's own text names it, where the driver did not know the type.
  package var count = 1
}

/// The SMMUv3 events in pasted kernel-log lines: the dumps of Linux's driver
/// (`drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c`, `arm_smmu_dump_event`).
///
/// Two forms are read, with or without time stamps and prefixes, also when line breaks were lost:
/// `event 0x10 received:` and four words, and since Linux 6.14 the text
/// `event: F_TRANSLATION client: ... sid: ... ssid: ... iova: ... ipa: ...` after it.
package struct KernelLog: Sendable {
  /// The events in order; equal neighbours are counted.
  package private(set) var events: [LoggedEvent] = []
  /// How often the driver said that the event queue had overflowed.
  package private(set) var overflows = 0
  /// What is odd about the log.
  package private(set) var remarks: [String] = []

  private var raw: [UInt64]?
  private var announced: UInt64 = 0
  private var described: DescribedEvent?

  /// Different events beyond those kept: a flood of them leaves the first.
  package private(set) var left = 0
  private static let limit = 4096

  /// An empty log, to be read line by line.
  package init() {}

  package init(_ text: String) {
    read(text)
    finish()
  }

  /// Reads a line, or several.
  package mutating func read(_ text: String) {
    // Most lines of a log are about something else.
    guard raw != nil || described != nil || text.contains("event") || text.contains("EVTQ") else {
      return
    }
    var tokens = text.split(whereSeparator: \.isWhitespace)[...]
    while let token = tokens.popFirst() { read(token, &tokens) }
  }

  /// Ends the log: an event may have been cut off.
  package mutating func finish() {
    finishRaw()
    finishDescribed()
  }

  private mutating func read(_ token: Substring, _ rest: inout ArraySlice<Substring>) {
    switch token {
    case "event" where rest.dropFirst().first?.hasPrefix("received") == true:
      finishRaw()
      finishDescribed()
      announced = rest.popFirst().flatMap { UInt64(number: $0) } ?? 0
      rest.removeFirst()
      raw = []
    case "event:":
      finishRaw()
      finishDescribed()
      described = DescribedEvent(name: rest.popFirst().map(String.init) ?? "")
    case "EVTQ" where rest.first == "overflow": overflows += 1
    default:
      if raw != nil, token.hasPrefix("0x"), let word = UInt64(number: token) {
        raw?.append(word)
        if raw?.count == 4 { finishRaw() }
      } else {
        described?.read(token, &rest)
      }
    }
  }

  private mutating func finishRaw() {
    guard let words = raw else { return }
    raw = nil
    guard words.count == 4 || !words.isEmpty else {
      remarks.append("\"event \(hex(announced)) received:\" is followed by no words")
      return
    }
    if remarks.count > 100 { remarks.removeLast() }
    if words.count < 4 { remarks.append("an event has \(words.count) of its 4 words") }
    if words[0] & 0xff != announced {
      remarks.append(
        "the log announces event \(hex(announced)); word 0 says \(hex(words[0] & 0xff))")
    }
    append(LoggedEvent(words: words, isRaw: true, client: nil))
  }

  private mutating func finishDescribed() {
    guard let event = described else { return }
    described = nil
    let record = event.record
    // The text describes the words dumped just before it.
    if let last = events.indices.last, events[last].isRaw, events[last].client == nil,
      let words = Optional(events[last].words), words[0] >> 32 == record[word: 0] >> 32
    {
      events[last].client = event.client
      merge()
    } else {
      if event.kind == nil { remarks.append("the driver does not know event \"\(event.name)\"") }
      append(LoggedEvent(words: record.words, isRaw: false, client: event.client))
    }
  }

  private mutating func append(_ event: LoggedEvent) {
    guard events.count < Self.limit else {
      left += 1
      return
    }
    events.append(event)
    merge()
  }

  /// Counts the last event as one more of the event before it when they are equal.
  private mutating func merge() {
    guard events.count > 1 else { return }
    let last = events[events.count - 1]
    var before = events[events.count - 2]
    before.count = 1
    guard before == last else { return }
    events.removeLast()
    events[events.count - 1].count += 1
  }
}

/// An event as the driver describes it in words.
struct DescribedEvent {
  let name: String
  var client: String?
  var record = EventRecord()

  init(name: String) {
    self.name = name
    record[.kind] = kind ?? EventKind(rawValue: 0)
  }

  /// The type of that name.
  var kind: EventKind? {
    (0...UInt8.max).map(EventKind.init(rawValue:)).first { "\($0)" == name }
  }

  mutating func read(_ token: Substring, _ rest: inout ArraySlice<Substring>) {
    switch token {
    case "client:": readClient(&rest)
    case "sid:": record[.stream] = UInt32(truncatingIfNeeded: number(&rest))
    case "ssid:":
      record[.substream] = UInt32(truncatingIfNeeded: number(&rest))
      record[.substreamValid] = record[.substream] != 0
    case "iova:": record[word: 2] = number(&rest)
    case "ipa:", "fetch_addr:": record[word: 3] = number(&rest)
    case "stag:": record[.stallTag] = UInt16(truncatingIfNeeded: number(&rest))
    default: readAttribute(token)
    }
  }

  private mutating func readAttribute(_ token: Substring) {
    switch token {
    case "priv": record[.privileged] = true
    case "inst": record[.instruction] = true
    case "read": record[.read] = true
    case "s2": record[.stage2] = true
    case "stall": record[.stall] = true
    case "ttd_read": record[.tableRead] = true
    case "\"CD": record[.faultClass] = .context
    case "\"Stage": record[.faultClass] = .table
    case "\"Input": record[.faultClass] = .input
    default: break
    }
  }

  /// The name of a device, or "(unassigned sid)".
  private mutating func readClient(_ rest: inout ArraySlice<Substring>) {
    guard var text = rest.popFirst().map(String.init) else { return }
    if text.hasPrefix("("), let more = rest.first, more.hasSuffix(")") {
      text += " \(more)"
      rest.removeFirst()
    }
    client = text
  }

  private func number(_ rest: inout ArraySlice<Substring>) -> UInt64 {
    guard let token = rest.first, let value = UInt64(number: token) else { return 0 }
    rest.removeFirst()
    return value
  }
}

extension KernelLog {
  /// Every event taken apart, with the client and the count in the title.
  package func decoded(_ context: DecodeContext = .init()) -> [DecodedRecord] {
    events.flatMap { event in
      RecordKind.event.decode(event.words, context: context).map { record in
        var record = record
        if let client = event.client { record.title += ", client \(client)" }
        if event.count > 1 { record.title += ", \(event.count) times in a row" }
        if !event.isRaw {
          record.notes.append("put together from the driver's text: the raw words are not in it")
        }
        return record
      }
    }
  }

  /// Remarks on the log as a whole.
  package var notes: [String] {
    guard overflows > 0 else { return remarks }
    return remarks + [
      "the event queue overflowed \(overflows) time\(overflows == 1 ? "" : "s"): events are lost, "
        + "and the one that matters may be among them; look at the first events after boot, or "
        + "quieten the device that floods the queue"
    ]
  }
}
