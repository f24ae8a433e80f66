/// Where a report is shown.
package struct Terminal: Equatable, Sendable {
  /// Columns.
  package let width: Int
  package let hasColor: Bool

  /// - Parameter width: at least 40 are used.
  package init(width: Int = 100, hasColor: Bool = false) {
    self.width = max(width, 40)
    self.hasColor = hasColor
  }

  /// How much attention a text deserves.
  package enum Tone: String {
    case good = "32"
    case bad = "31"
    case warning = "33"
    case heading = "1"
    case quiet = "2"
  }

  /// `text` with the escape sequences of its tone, where the terminal has colour.
  package func paint(_ text: String, _ tone: Tone?) -> String {
    guard hasColor, let tone, !text.isEmpty else { return text }
    return "\u{1B}[\(tone.rawValue)m\(text)\u{1B}[0m"
  }
}

/// `text` broken between words into lines of at most `width` characters. Longer words stay whole.
func wrap(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.count + 1 + word.count > width {
      lines.append(line)
      line = ""
    }
    line += line.isEmpty ? String(word) : " " + word
  }
  return line.isEmpty ? lines : lines + [line]
}

/// `text` as a paragraph: wrapped, each line after `indent`.
package func paragraph(_ text: String, indent: String, width: Int) -> String {
  wrap(text, width: max(width - indent.count, 20)).map { indent + $0 + "\n" }.joined()
}
