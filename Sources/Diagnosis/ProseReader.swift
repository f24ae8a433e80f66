/// Tells letters and changes to programs from other texts, by lines that are part of none of the
/// forms that are read here.
///
/// Such a text may quote a log, of its writer's machine or of another one.
struct ProseReader: Sendable {
  private var sentences = 0
  private var headers = 0
  private var isChange = false
  private var quoted: Set<Int> = []
  private static let limit = 4096

  /// Takes a line without a kernel's time stamp.
  mutating func read(_ line: [UInt8]) {
    guard sentences < 8 || !isChange, let first = line.first else { return }
    switch first {
    case UInt8(ascii: "d"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "@"):
      if Self.marksOfChanges.contains(where: line.starts(with:)) { isChange = true }
    case UInt8(ascii: "F"), UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "D"):
      if Self.headersOfLetters.contains(where: line.starts(with:)) { headers += 1 }
    default: break
    }
    if Self.isSentence(line) { sentences += 1 }
  }

  /// Notes a line of a log's form without a time stamp. Words alone are the writer's own question.
  mutating func quote(_ message: ArraySlice<UInt8>, _ number: Int) {
    let isNumber = message.first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: "0")
    if !isNumber, quoted.count < Self.limit { quoted.insert(number) }
  }

  /// Quotation that the text contains; `nil` if it is no letter and no change.
  var quotation: Quotation? {
    guard !quoted.isEmpty else { return nil }
    if isChange { return Quotation(writer: .change, lines: quoted) }
    guard headers > 0 && sentences > 0 || sentences > 1 else { return nil }
    return Quotation(writer: .letter, lines: quoted)
  }

  private static let marksOfChanges = ["diff --git ", "--- a/", "+++ b/", "@@ -"].map {
    Array($0.utf8)
  }
  private static let headersOfLetters = ["From: ", "Subject: ", "To: ", "Date: "].map {
    Array($0.utf8)
  }

  /// At least five words of letters alone, and few other ones.
  private static func isSentence(_ line: [UInt8]) -> Bool {
    guard (20...400).contains(line.count) else { return false }
    var plain = 0
    var others = 0
    for word in line.split(separator: 0x20) {
      let letters =
        word.last.map { [0x2c, 0x2e, 0x3a, 0x3f, 0x21, 0x3b].contains($0) } == true
        ? word.dropLast() : word
      let isPlain =
        !letters.isEmpty
        && letters.allSatisfy { byte in
          0x41...0x5a ~= byte || 0x61...0x7a ~= byte || byte == 0x27
        }
      if isPlain { plain += 1 } else { others += 1 }
    }
    return plain >= 5 && others * 2 <= plain
  }
}
