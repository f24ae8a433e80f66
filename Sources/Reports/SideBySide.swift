/// Two columns of text that share the width of a terminal, with a mark between them: nothing where
/// both say the same, `|` where they differ, `<` and `>` where one side alone has something.
struct SideBySide {
  private let width: Int
  private let column: Int

  init(on terminal: Terminal) {
    width = terminal.width
    column = (terminal.width - 3) / 2
  }

  /// One row, as many lines as its longer side needs.
  func row(_ left: String, _ mark: Character, _ right: String) -> String {
    let (leftLines, rightLines) = (lines(left), lines(right))
    return (0..<max(leftLines.count, rightLines.count, 1)).map { number in
      let first = number < leftLines.count ? leftLines[number] : ""
      let second = number < rightLines.count ? rightLines[number] : ""
      let padding = String(repeating: " ", count: column - first.count)
      var line = "\(first)\(padding) \(number == 0 ? mark : " ") \(second)"
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// A line across both columns.
  func across(_ text: String) -> String {
    let title = "-- \(text) "
    return title + String(repeating: "-", count: max(0, width - title.count)) + "\n"
  }

  /// `text` in lines that fit a column; the ones after the first are indented, and words longer
  /// than a line are broken.
  private func lines(_ text: String) -> [String] {
    let indent = "  "
    return text.split(separator: "\n").flatMap { part in
      let words = part.split(separator: " ").flatMap { pieces(of: $0) }
      return wrap(words.joined(separator: " "), width: column - indent.count).enumerated()
        .map { $0 == 0 ? $1 : indent + $1 }
    }
  }

  private func pieces(of word: Substring) -> [String] {
    let room = column - 2
    return stride(from: 0, to: word.count, by: room).map { String(word.dropFirst($0).prefix(room)) }
  }
}
