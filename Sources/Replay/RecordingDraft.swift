internal import Bits
internal import Files
internal import GLibSupport

/// A recording while it is made: what does not change, then what happened, each with its source.
///
/// `scenarios/recordings/README.md` describes the format.
struct RecordingDraft {
  /// Facts, in the order of the file.
  private(set) var facts: [JSONValue] = []
  private var events: [Event] = []
  /// Members of the header that say what was recorded, before `lines` and `sha256`.
  var header: [JSONValue.Member] = []
  /// Remarks on gaps in the files, a sentence each.
  var remarks: [String] = []

  private struct Event {
    /// Nanoseconds on the clock of the trace.
    let time: Int
    /// The line that orders events of one time; half a line stands before it.
    let position: Double
    var members: [JSONValue.Member]
    let source: String
  }

  static let format = "doorbell-recording"
  static let version = 1

  mutating func add(fact kind: String, _ members: [JSONValue.Member], from source: String) {
    facts.append(
      .object([.init("fact", .string(kind))] + members + [.init("from", .string(source))]))
  }

  /// Adds an event.
  ///
  /// - Parameter time: nanoseconds on the clock of the trace.
  mutating func add(
    at time: Int, _ position: Double, by agent: String, _ action: String,
    _ members: [JSONValue.Member], from source: String
  ) {
    events.append(
      Event(
        time: time, position: position,
        members: [.init("by", .string(agent)), .init("do", .string(action))] + members,
        source: source))
  }

  var isEmpty: Bool { events.isEmpty }

  /// The time of the first event, from which all times of the recording count.
  var epoch: Int { events.map(\.time).min() ?? 0 }

  /// The file's text.
  func text() -> String {
    let start = epoch
    let order = events.indices.sorted {
      (events[$0].time, events[$0].position, $0) < (events[$1].time, events[$1].position, $1)
    }
    let happened = order.map { index -> JSONValue in
      let event = events[index]
      return .object(
        [.init("at", .integer(event.time - start))]
          + event.members.map { Self.shifted($0, by: start) }
          + [.init("from", .string(event.source))])
    }
    let lines = facts.map { Self.shifted($0, by: start) } + happened
    return text(of: lines.map(\.compactText))
  }

  /// The header and these lines.
  func text(of lines: [String]) -> String {
    let body = lines.map { $0 + "\n" }.joined()
    let top =
      [
        JSONValue.Member("format", .string(Self.format)),
        .init("version", .integer(Self.version)),
      ] + header + [
        .init("lines", .integer(lines.count)), .init("sha256", .string(Digest.sha256(body.utf8))),
      ]
    return JSONValue.object(top).compactText + "\n" + body
  }

  /// Members that are times, given on the clock of the trace.
  private static let times: Set<String> = ["acknowledgedAt", "firstRead", "zero"]

  private static func shifted(_ member: JSONValue.Member, by start: Int) -> JSONValue.Member {
    guard times.contains(member.name), case .integer(let time) = member.value else {
      return member
    }
    return .init(member.name, .integer(time - start))
  }

  private static func shifted(_ fact: JSONValue, by start: Int) -> JSONValue {
    guard case .object(let members) = fact else { return fact }
    return .object(members.map { shifted($0, by: start) })
  }
}

extension JSONValue {
  /// An address or a word, as a recording writes it.
  static func word(_ value: UInt64) -> JSONValue { .string(hex(value)) }
  static func word(_ value: UInt32) -> JSONValue { .string(hex(UInt64(value))) }
}
