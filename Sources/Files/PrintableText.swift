extension String {
  /// The text with every character spelt out that a terminal would obey, or that would show the
  /// text in another order than it has: control characters other than a newline and a tab, the
  /// separators and the marks of direction of Unicode, invisible characters, noncharacters.
  ///
  /// Names and texts from files reach terminals, logs and spreadsheets only so.
  ///
  /// - Parameter keepingColor: whether sequences that set colour and weight and nothing else stay.
  package func printable(keepingColor: Bool = false) -> String {
    guard utf8.contains(where: { Self.mayBeginHidden($0) }) else { return self }
    var text = ""
    text.reserveCapacity(utf8.count)
    var rest = unicodeScalars[...]
    while let scalar = rest.first {
      if scalar == "\u{1B}", keepingColor, let length = Self.colorLength(rest) {
        text.unicodeScalars.append(contentsOf: rest.prefix(length))
        rest = rest.dropFirst(length)
        continue
      }
      if scalar.isHidden {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
      rest = rest.dropFirst()
    }
    return text
  }

  /// The text as one line: as `printable`, with newlines and tabs spelt out, too.
  package var printableLine: String {
    let text = printable()
    guard text.utf8.contains(where: { $0 == 0x0a || $0 == 0x09 }) else { return text }
    return text.replacing("\n", with: "\\n").replacing("\t", with: "\\t")
  }

  /// Whether a byte may begin a character that is spelt out; most texts have none.
  private static func mayBeginHidden(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x09, 0x0a: false
    case 0..<0x20, 0x7f, 0xc2, 0xd8, 0xe2, 0xef, 0xf0...0xf4: true
    default: false
    }
  }

  /// The length of `ESC [ digits m` at the beginning; `nil` for anything else.
  private static func colorLength(_ text: Substring.UnicodeScalarView) -> Int? {
    var length = 1
    var rest = text.dropFirst()
    guard rest.first == "[" else { return nil }
    rest = rest.dropFirst()
    length += 1
    while let digit = rest.first, ("0"..."9").contains(digit), length < 6 {
      rest = rest.dropFirst()
      length += 1
    }
    return rest.first == "m" ? length + 1 : nil
  }
}

extension Unicode.Scalar {
  /// Whether the character is spelt out where people read: see `String.printable`.
  package var isHidden: Bool {
    switch value {
    case 0x09, 0x0a: false
    case 0..<0x20, 0x7f...0x9f, 0xad: true
    // The marks of direction, and what overrides it.
    case 0x061c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x206f: true
    // Separators of lines, spaces without a width, the byte order mark.
    case 0x2028, 0x2029, 0x200b...0x200d, 0x2060...0x2065, 0xfeff, 0xfff9...0xfffb: true
    // Tags, which spell words invisibly.
    case 0xe0000...0xe007f: true
    default: value & 0xfffe == 0xfffe || (0xfdd0...0xfdef).contains(value)
    }
  }
}
