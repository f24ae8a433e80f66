/// The numbers of one trace line, in the order of the event's arguments.
///
/// A number is `0x` with hexadecimal digits, or decimal digits with an optional sign, that follows
/// one of the marks before a value (space, `=`, `:`, `[`, `(`). Both of QEMU's text layouts print
/// the arguments in the order in which the event declares them, so that one list serves both:
/// `sid=0x8 iova=0xfff0` of the log, and `sid=0x8 addr=0xfff0` of simpletrace.py.
@frozen
package struct TraceValues: BitwiseCopyable, Sendable {
  /// No event that is read has more.
  @usableFromInline static let limit = 10
  @usableFromInline var words = InlineArray<10, UInt64>(repeating: 0)
  /// Number of values, 0 to 10.
  package private(set) var count = 0

  @inlinable
  init() {}

  /// Number `index`; 0 where the line has fewer.
  @inlinable
  package subscript(index: Int) -> UInt64 {
    index >= 0 && index < Self.limit ? words[index] : 0
  }

  mutating func append(_ word: UInt64) {
    guard count < Self.limit else { return }
    words[count] = word
    count += 1
  }
}

extension Span<UInt8> {
  /// Reads the numbers from `start` to the end of the line.
  ///
  /// - Returns: `nil` when a number is cut off, overflows, or runs into other letters.
  func values(from start: Int) -> TraceValues? {
    var values = TraceValues()
    var place = start
    var previous = UInt8(ascii: " ")
    while place < count {
      let byte = self[place]
      let isSigned = byte == UInt8(ascii: "-") && place + 1 < count && self[place + 1].isDigit
      if Self.precedesValue(previous), byte.isDigit || isSigned {
        guard let (word, next) = number(at: isSigned ? place + 1 : place) else { return nil }
        values.append(isSigned ? 0 &- word : word)
        place = next
        previous = self[next - 1]
      } else {
        previous = byte
        place += 1
      }
    }
    return values
  }

  private static func precedesValue(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "["),
      UInt8(ascii: "("):
      true
    default: false
    }
  }

  /// The number at `start` and the place after it.
  func number(at start: Int) -> (word: UInt64, next: Int)? {
    let isHex = start + 1 < count && self[start] == 0x30 && self[start + 1] == 0x78
    return isHex ? hexadecimal(at: start + 2) : decimal(at: start)
  }

  private func hexadecimal(at start: Int) -> (word: UInt64, next: Int)? {
    var word: UInt64 = 0
    var place = start
    while place < count {
      let byte = self[place]
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte &- 0x30
      case 0x61...0x66: digit = byte &- 0x57
      default: return place > start && !byte.isWordPart ? (word, place) : nil
      }
      guard word &>> 60 == 0 else { return nil }
      word = word &<< 4 | UInt64(digit)
      place &+= 1
    }
    return place > start ? (word, place) : nil
  }

  private func decimal(at start: Int) -> (word: UInt64, next: Int)? {
    var word: UInt64 = 0
    var place = start
    while place < count {
      let byte = self[place]
      guard byte.isDigit else { return place > start && !byte.isWordPart ? (word, place) : nil }
      guard word < 1 &<< 59 else { return nil }
      word = word &* 10 &+ UInt64(byte &- 0x30)
      place &+= 1
    }
    return place > start ? (word, place) : nil
  }

  /// Returns the first place of `text` at or after `start`.
  func find(_ text: [UInt8], from start: Int) -> Int? {
    guard let first = text.first, count - text.count >= start else { return nil }
    for place in start...(count - text.count)
    where self[place] == first && matches(text, at: place) {
      return place
    }
    return nil
  }

  /// Whether `text` stands at `start`.
  func matches(_ text: [UInt8], at start: Int) -> Bool {
    guard start >= 0, count - start >= text.count else { return false }
    for index in 0..<text.count where self[start + index] != text[index] { return false }
    return true
  }
}

extension UInt8 {
  @inline(__always)
  var isDigit: Bool { self &- 0x30 < 10 }
  /// A letter, a digit or `_`.
  @inline(__always)
  var isWordPart: Bool { isDigit || (self | 0x20) &- 0x61 < 26 || self == 0x5f }
}
