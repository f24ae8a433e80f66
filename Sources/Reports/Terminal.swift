/// Terminal on which a report is shown: its width and whether it has colour.
package struct Terminal: Equatable, Sendable {
  /// Columns.
  package let width: Int
  package let hasColor: Bool

  /// - Parameter width: at least 40 are used.
  package init(width: Int = 100, hasColor: Bool = false) {
    self.width = max(width, 40)
    self.hasColor = hasColor
  }

  /// Tone of a text: the attention that it deserves.
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

/// `text` with lines that are too long for `width` broken between words, the rest of each indented
/// below it. Lines that are commands stay whole, to be copied.
package func hanging(_ text: String, width: Int) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    let indent = String(line.prefix { $0 == " " })
    guard line.count > width, !line.dropFirst(indent.count).hasPrefix("doorbell ") else {
      return String(line)
    }
    return broken(line, width: width, indent: String((indent + "  ").prefix(width / 2)))
  }.joined(separator: "\n")
}

/// One line in several. Columns keep their distance: only single spaces are places to break.
private func broken(_ line: Substring, width: Int, indent: String) -> String {
  var output = ""
  var rest = line
  while rest.count > width {
    let head = rest.prefix(width + 1)
    let text = head.drop { $0 == " " }
    let place =
      text.indices.dropFirst().last {
        isGap(in: rest, at: $0) && rest.index(after: $0) != rest.endIndex
      }
      ?? rest[head.endIndex...].indices.first { isGap(in: rest, at: $0) }
    guard let place else { break }
    output += rest[..<place] + "\n"
    rest = Substring(indent + rest[rest.index(after: place)...])
  }
  return output + rest
}

/// Whether there is a single space between two words.
private func isGap(in text: Substring, at place: Substring.Index) -> Bool {
  guard text[place] == " ", place > text.startIndex else { return false }
  let next = text.index(after: place)
  return text[text.index(before: place)] != " " && next < text.endIndex && text[next] != " "
}

/// Each line of `text` as a paragraph.
package func paragraphs(_ text: String, indent: String, width: Int) -> String {
  text.split(separator: "\n").map { paragraph(String($0), indent: indent, width: width) }.joined()
}

/// `text` as a paragraph: wrapped, each line after `indent`.
package func paragraph(_ text: String, indent: String, width: Int) -> String {
  wrap(text, width: max(width - indent.count, 20)).map { indent + $0 + "\n" }.joined()
}
