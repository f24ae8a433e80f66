internal import ArmFormats
internal import Bits
internal import Files

/// An event as the driver describes it in words, since Linux 6.14 (`arm_smmu_dump_event`).
struct DescribedEvent: Sendable {
  let name: String
  let kind: EventKind?
  var client: String?
  var record = EventRecord()

  /// The types that the manual names.
  static let kinds: [String: EventKind] = {
    let all = (1...UInt8.max).map(EventKind.init(rawValue:)).map { ("\($0)", $0) }
    let named = all.filter { $0.0.hasPrefix("F_") || $0.0.hasPrefix("C_") || $0.0.hasPrefix("E_") }
    return Dictionary(named, uniquingKeysWith: { first, _ in first })
  }()

  init(name: String) {
    self.name = name
    kind = Self.kinds[name]
    record[.kind] = kind ?? EventKind(rawValue: 0)
  }

  /// Whether the text is about the record with these words.
  func describes(_ words: [UInt64], missing: [Int]) -> Bool {
    let other = EventRecord(words: words)
    if !missing.contains(0) {
      guard other[.stream] == record[.stream], kind == nil || other[.kind] == kind else {
        return false
      }
    }
    guard let kind, kind.isTranslationRelated, !missing.contains(2) else { return true }
    return other[.inputAddress] == record[.inputAddress]
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
