extension Span<UInt8> {
  /// `YYYY-MM-DDTHH:MM:SS.ffffffZ ` at the start: microseconds since 1970, and the place after it.
  /// On a whole second GLib prints no fraction (`g_date_time_format_iso8601`).
  func utcTime() -> (microseconds: Int, next: Int)? {
    guard count > 20, self[7] == UInt8(ascii: "-"), self[10] == UInt8(ascii: "T"),
      self[13] == 0x3a, self[16] == 0x3a,
      let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2),
      let hour = digits(11, 2), let minute = digits(14, 2), let second = digits(17, 2)
    else { return nil }
    let seconds = (Self.day(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
    if self[19] == UInt8(ascii: "Z"), self[20] == UInt8(ascii: " ") {
      return (seconds * 1_000_000, 21)
    }
    guard count > 27, self[19] == UInt8(ascii: "."), self[26] == UInt8(ascii: "Z"),
      self[27] == UInt8(ascii: " "), let fraction = digits(20, 6)
    else { return nil }
    return (seconds * 1_000_000 + fraction, 28)
  }

  /// `pid@seconds.microseconds:` at the start.
  func processTime() -> (microseconds: Int, next: Int)? {
    guard let (_, at) = prefixNumber(at: 0), at < count, self[at] == UInt8(ascii: "@"),
      let (seconds, dot) = prefixNumber(at: at + 1), seconds < 1 << 40, dot + 7 < count,
      self[dot] == UInt8(ascii: "."), let fraction = digits(dot + 1, 6),
      self[dot + 7] == UInt8(ascii: ":")
    else { return nil }
    return (Int(seconds) * 1_000_000 + fraction, dot + 8)
  }

  /// Exactly `length` decimal digits at `start`.
  private func digits(_ start: Int, _ length: Int) -> Int? {
    var value = 0
    for place in start..<start + length {
      guard self[place].isDigit else { return nil }
      value = value &* 10 &+ Int(self[place] &- 0x30)
    }
    return value
  }

  /// Decimal digits at `start`, at most 18, whatever follows them.
  func prefixNumber(at start: Int) -> (word: UInt64, next: Int)? {
    var place = start
    var word: UInt64 = 0
    while place < count, place - start < 18, self[place].isDigit {
      word = word &* 10 &+ UInt64(self[place] &- 0x30)
      place += 1
    }
    return place > start ? (word, place) : nil
  }

  /// Whether `text` stands at `start` and ends there.
  func isWord(_ text: [UInt8], at start: Int) -> Bool {
    guard matches(text, at: start) else { return false }
    let end = start + text.count
    return end == count || !self[end].isWordPart
  }

  /// Days from 1970-01-01 to a day of the Gregorian calendar, counting months from March.
  private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = (month + 9) % 12
    let years = month > 2 ? year : year - 1
    let inYear = (153 * shifted + 2) / 5 + day - 1
    return years * 365 + years / 4 - years / 100 + years / 400 + inYear - 719_468
  }
}
