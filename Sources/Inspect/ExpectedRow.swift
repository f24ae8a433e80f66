internal import ArmFormats
internal import Bits
internal import Files
internal import SMMU

/// One row of an expectation file; `ImageCheck` documents the format.
struct ExpectedRow {
  /// Expected value, and the one found instead.
  typealias Problem = (expected: String, found: String)

  let kind: String
  private let stream: UInt32
  private let substream: UInt32?
  private let address: UInt64
  /// `nil` where the row does not say.
  private let isWrite: Bool?
  private let expectation: Expectation

  private enum Expectation {
    case output(UInt64)
    case bypass
    case abort
    case event([UInt64])
    case eventName(String)
    case leaf(Leaf)
    case unmappedAtStage2(ipa: UInt64)
  }

  private struct Leaf {
    var output: UInt64
    var ipa: UInt64?
    var size: UInt64
    /// Whether a read and a write succeed.
    var reads: Bool
    var writes: Bool
    var isNested: Bool
  }

  init(_ row: JSONCursor) throws(InputError) {
    kind = try row.member("expect").string()
    stream = UInt32(truncatingIfNeeded: try row.member("sid").word())
    substream = try row.optional("ssid").map { (value) throws(InputError) in
      UInt32(truncatingIfNeeded: try value.word())
    }
    address = try row.member("iova").word()
    isWrite = try row.optional("rw").map { (value) throws(InputError) in
      try value.string() == "w"
    }
    expectation = try Self.expectation(kind, row)
  }

  private static func expectation(_ kind: String, _ row: JSONCursor) throws(InputError)
    -> Expectation
  {
    switch kind {
    case "ok": return .output(try row.member("pa").word())
    case "bypass": return .bypass
    case "abort": return .abort
    case "fault-s2": return .unmappedAtStage2(ipa: try row.member("ipa").word())
    case "map": return .leaf(try leaf(row))
    case "fault":
      guard let events = try row.optional("events") else {
        return .eventName(try row.member("event").string())
      }
      guard let first = try events.elements().first else {
        throw events.error("expected an event, found none")
      }
      var words: [UInt64] = []
      for word in try first.elements() { words.append(try word.word()) }
      return .event(words)
    default:
      throw try row.member("expect").error(expected: "ok, bypass, abort, fault, map or fault-s2")
    }
  }

  private static func leaf(_ row: JSONCursor) throws(InputError) -> Leaf {
    let accessible = try row.optional("af")?.bool() ?? true
    let size = try row.member("size").word()
    guard size >= 8, size & (size &- 1) == 0 else {
      throw try row.member("size").error(expected: "a power of two of at least 8")
    }
    let reads = try row.optional("read")?.bool() ?? true
    let writes = try row.optional("write")?.bool() ?? true
    let ipa = try row.optional("ipa").map { (value) throws(InputError) in try value.word() }
    return Leaf(
      output: try row.member("pa").word(), ipa: ipa, size: size, reads: reads && accessible,
      writes: writes && accessible, isNested: ipa != nil)
  }

  /// The access in words.
  var access: String {
    let direction = isWrite.map { $0 ? "write of " : "read of " } ?? ""
    return "StreamID \(hex(UInt64(stream))), \(direction)IOVA \(hex(address))"
  }

  private func translate(_ address: UInt64, isWrite: Bool, _ image: inout MemoryImage)
    -> TranslationReport
  {
    image.translate(
      Transaction(
        streamID: stream, substreamID: substream, address: IOVA(address), isWrite: isWrite))
  }

  /// Returns the expectation that does not hold, or `nil`.
  func problem(in image: inout MemoryImage, exact: Bool) -> Problem? {
    if case .leaf(let leaf) = expectation { return problem(leaf, &image) }
    if let isWrite { return problem(isWrite: isWrite, &image, exact) }
    guard let problem = problem(isWrite: false, &image, exact) else { return nil }
    return self.problem(isWrite: true, &image, exact) == nil ? nil : problem
  }

  private func problem(isWrite: Bool, _ image: inout MemoryImage, _ exact: Bool) -> Problem? {
    let report = translate(address, isWrite: isWrite, &image)
    let holds: Bool
    let expected: String
    switch expectation {
    case .output(let output):
      expected = "PA \(hex(output))"
      holds = report.output == output
    case .bypass:
      expected = "bypass"
      holds = report.output == address && report.isBypass
    case .abort:
      expected = "abort"
      holds = report.isSilent || (!exact && report.isOutOfRange)
    case .event(let words):
      let event = EventRecord(words: words)
      expected = "\(event[.kind]) \(words.map { hex($0) }.joined(separator: " "))"
      holds = report.matches(event, exact: exact)
    case .eventName(let name):
      expected = name
      holds = report.event.map { "\($0[.kind])" == name } ?? false
    case .unmappedAtStage2(let ipa):
      expected = "a stage 2 fault on IPA page \(hex(ipa))"
      holds = report.isStage2Fault(on: ipa)
    case .leaf: return nil
    }
    return holds ? nil : (expected, report.shortOutcome)
  }

  /// Tries the first and the last word of a leaf, in both directions.
  private func problem(_ leaf: Leaf, _ image: inout MemoryImage) -> Problem? {
    for offset in [0, leaf.size &- 4] {
      for isWrite in [false, true] {
        let report = translate(address &+ offset, isWrite: isWrite, &image)
        let allowed = isWrite ? leaf.writes : leaf.reads
        let expected = leaf.output &+ offset
        if allowed ? report.output != expected : report.event == nil {
          let wanted = allowed ? "PA \(hex(expected))" : "a fault"
          return ("a \(isWrite ? "write" : "read") with \(wanted)", report.shortOutcome)
        }
        guard allowed, let problem = structureProblem(leaf, offset, report) else { continue }
        return problem
      }
    }
    return nil
  }

  private func structureProblem(_ leaf: Leaf, _ offset: UInt64, _ report: TranslationReport)
    -> Problem?
  {
    if let ipa = leaf.ipa, let found = report.intermediate, found != ipa &+ offset {
      return ("IPA \(hex(ipa &+ offset))", "IPA \(hex(found))")
    }
    guard case .translated(let translation) = report.result else { return nil }
    let size = UInt64(1) &<< UInt64(translation.pageShift)
    guard leaf.isNested ? size <= leaf.size : size == leaf.size else {
      return ("a page of \(hex(leaf.size)) bytes", "one of \(hex(size)) bytes")
    }
    return nil
  }
}

extension TranslationReport {
  var isBypass: Bool {
    if case .bypassed = result { return true }
    return false
  }

  /// Terminated, and no event even where the queue is on.
  var isSilent: Bool {
    switch result {
    case .aborted, .faulted(_, .suppressed), .ignored(_, .suppressed): true
    default: false
    }
  }

  /// The input address is beyond what the tables can hold.
  var isOutOfRange: Bool {
    guard let event else { return false }
    return event[.kind] == .translation || event[.kind] == .addressSize
  }

  func isStage2Fault(on ipa: UInt64) -> Bool {
    guard let event, event[.stage2], event[.kind] == .translation else { return false }
    return event[.ipa] == ipa &>> 12
  }

  /// Whether the event is `expected`: bit for bit, or in what the architecture makes definite.
  func matches(_ expected: EventRecord, exact: Bool) -> Bool {
    guard let event, !isSilent else { return false }
    if exact { return event == expected }
    guard event[.kind] == expected[.kind], event[.stream] == expected[.stream],
      event[.inputAddress] == expected[.inputAddress]
    else { return false }
    guard event[.kind].isTranslationRelated else { return true }
    return event[.stage2] == expected[.stage2] && event[.faultClass] == expected[.faultClass]
      && (!event[.stage2] || event[.ipa] == expected[.ipa])
  }

  /// The result in a few words.
  var shortOutcome: String {
    if let output { return "\(isBypass ? "bypass to " : "")PA \(hex(output))" }
    guard let event else { return outcome }
    return "\(event[.kind]) \(event.words.map { hex($0) }.joined(separator: " "))"
  }
}
