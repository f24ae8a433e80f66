internal import Files
internal import Inspect

/// Reads of a trace of QEMU what its SMMU refused: `translation failed for iova=`, and the event that
/// names the stream. `doorbell replay` tells the rest.
struct MachineTraceReader: Sendable {
  private(set) var events: [Sourced<LoggedEvent>] = []
  private var failure: UInt64?
  private static let limit = 4096
  private static let scanner = KeywordScanner([
    (word: "translation failed for iova=", category: 0),
    (word: "smmuv3_propagate_event ", category: 1), (word: "smmuv3_record_event ", category: 1),
    (word: " smmuv3_", category: 2), (word: " gicv3_its_", category: 2),
    (word: ":smmuv3_", category: 2),
    (word: ":gicv3_its_", category: 2), (word: " smmu_ptw_", category: 2),
    (word: " gicv3_", category: 2),
  ])

  mutating func take(_ bytes: [UInt8], file: String, number: Int) -> Bool {
    let classes = Self.scanner.categories(in: bytes[...])
    guard classes != 0 else { return false }
    guard classes & 3 != 0 else { return true }
    let text = String(decoding: bytes.prefix(1024), as: UTF8.self)
    if classes & 1 != 0, let range = text.firstRange(of: "iova=") {
      failure = UInt64(number: text[range.upperBound...].prefix { $0.isHexDigit || $0 == "x" })
      return true
    }
    guard let name = text.firstRange(of: "SMMU_EVT_"), let sid = text.firstRange(of: "sid="),
      let stream = UInt64(number: text[sid.upperBound...].prefix { $0.isHexDigit || $0 == "x" }),
      let kind = Self.kinds[String(text[name.upperBound...].prefix { $0 != " " && $0 != ")" })]
    else { return true }
    defer { failure = nil }
    guard events.count < Self.limit else { return true }
    // The trace has neither direction nor class: a write of its own is taken, as of an MSI.
    let words = [stream << 32 | UInt64(kind), 0x0200_0000_0000, failure ?? 0, 0]
    let event = LoggedEvent(words: words, missing: failure == nil ? [2, 3] : [3], isRaw: false)
    events.append(
      Sourced(event, Evidence(file: file, line: number, text: KernelFacts.shown(text))))
    return true
  }

  /// Types of events by the names that QEMU gives them.
  private static let kinds: [String: UInt8] = [
    "F_UUT": 0x01, "C_BAD_STREAMID": 0x02, "F_STE_FETCH": 0x03, "C_BAD_STE": 0x04,
    "F_STREAM_DISABLED": 0x06, "C_BAD_SUBSTREAMID": 0x08, "F_CD_FETCH": 0x09, "C_BAD_CD": 0x0a,
    "F_WALK_EABT": 0x0b, "F_TRANSLATION": 0x10, "F_ADDR_SIZE": 0x11, "F_ACCESS": 0x12,
    "F_PERMISSION": 0x13,
  ]
}
