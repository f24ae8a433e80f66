/// Parser for a line of a report: the device that it names, words of a dump, numbers of a text.
enum ReportLine {
  /// Splits a line that holds several, their line breaks lost: each piece starts with the name of
  /// an SMMU's driver.
  static func pieces(of line: KernelLogLine) -> [ArraySlice<UInt8>] {
    let message = line.message
    var starts: [Int] = []
    var position = message.startIndex
    while let found = Self.find(Self.driver, in: message[position...]) {
      if found == message.startIndex || message[found - 1] == 0x20 { starts.append(found) }
      position = found + Self.driver.count
    }
    // "arm-smmu-v3 arm-smmu-v3.0.auto:" has the name twice.
    var pieces: [Int] = []
    for start in starts {
      if let last = pieces.last, start - last <= 16, !message[last..<start].contains(0x3a) {
        continue
      }
      pieces.append(start)
    }
    guard pieces.count > 1 else { return [message] }
    return pieces.indices.map { index in
      let end = index + 1 < pieces.count ? pieces[index + 1] : message.endIndex
      return withoutTime(message[pieces[index]..<end])
    }
  }

  /// A piece without the time stamp of the next line at its end.
  private static func withoutTime(_ piece: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var piece = piece
    while piece.last == 0x20 { piece.removeLast() }
    guard piece.last == UInt8(ascii: "]"), let start = piece.lastIndex(of: UInt8(ascii: "[")),
      piece[start...].count > 4, piece[(start + 1)...].contains(UInt8(ascii: "."))
    else { return piece }
    return piece[..<start]
  }

  private static let driver = Array("arm-smmu".utf8)

  private static func find(_ word: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
    guard text.count >= word.count, let first = word.first else { return nil }
    var position = text.startIndex
    while position <= text.endIndex - word.count {
      guard let next = text[position...].firstIndex(of: first),
        next <= text.endIndex - word.count
      else { return nil }
      if text[next...].starts(with: word) { return next }
      position = next + 1
    }
    return nil
  }

  /// The device in `DRIVER DEVICE: body`, and the body.
  static func subject(
    _ message: ArraySlice<UInt8>
  ) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
    var position = message.startIndex
    // The name of a device may hold colons, but no space follows those.
    while let colon = message[position...].firstIndex(of: 0x3a) {
      let after = colon + 1
      if after >= message.endIndex || message[after] == 0x20 || message[after] == 0x09 {
        let words = message[..<colon].split(separator: 0x20)
        guard words.count <= 2, let name = words.last, Self.isName(name) else { break }
        return (
          words.count == 2 ? name : [], message[after...].drop { $0 == 0x20 || $0 == 0x09 }
        )
      }
      position = after
    }
    return ([], message.drop { $0 == 0x20 || $0 == 0x09 })
  }

  static func startsWithNumber(_ message: ArraySlice<UInt8>) -> Bool {
    message.drop { $0 == 0x20 || $0 == 0x09 }.starts(with: "0x".utf8)
  }

  private static func isName(_ name: ArraySlice<UInt8>) -> Bool {
    // "event:" and "sid:" are words of a report.
    !name.elementsEqual("event".utf8) && !name.contains(0x28)
  }

  /// A word of a dump, `0x%016llx`, alone in its line; whether it is whole.
  static func word(_ body: ArraySlice<UInt8>) -> (value: UInt64, isWhole: Bool)? {
    var digits = body
    while let last = digits.last, last == 0x20 || last == 0x09 { digits.removeLast() }
    guard digits.starts(with: "0x".utf8) else { return nil }
    digits = digits.dropFirst(2)
    guard digits.count <= 16 else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      guard let number = hexDigit(digit) else { return nil }
      value = value << 4 | number
    }
    return (value, digits.count == 16)
  }

  /// Two or four whole words in a line, as people quote them.
  static func words(_ body: ArraySlice<UInt8>) -> [UInt64]? {
    guard body.starts(with: "0x".utf8) else { return nil }
    let parts = body.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x2c }
    guard parts.count == 2 || parts.count == 4 else { return nil }
    var words: [UInt64] = []
    for part in parts {
      guard let word = word(part), word.isWhole else { return nil }
      words.append(word.value)
    }
    return words
  }

  private static func hexDigit(_ digit: UInt8) -> UInt64? {
    switch digit {
    case 0x30...0x39: UInt64(digit - 0x30)
    case 0x41...0x46: UInt64(digit - 0x37)
    case 0x61...0x66: UInt64(digit - 0x57)
    default: nil
    }
  }

  /// Numbers after `0x` in a text.
  static func numbers(in text: String) -> [UInt64] {
    text.split(separator: "0x").dropFirst().compactMap {
      UInt64($0.prefix { $0.isHexDigit }, radix: 16)
    }
  }

  static func number(in text: String) -> UInt64 { numbers(in: text).first ?? 0 }
}
