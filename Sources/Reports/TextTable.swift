/// Aligned columns of text. A cell may have several lines; the last column is wrapped.
package struct TextTable {
  package enum Alignment { case left, right }

  package struct Cell: ExpressibleByStringLiteral {
    let lines: [String]
    let tone: Terminal.Tone?

    package init(_ text: String, _ tone: Terminal.Tone? = nil) {
      lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      self.tone = tone
    }

    package init(stringLiteral text: String) { self.init(text) }

    var width: Int { lines.map(\.count).max() ?? 0 }
  }

  private let titles: [Cell]
  private let alignments: [Alignment]
  private var rows: [(cells: [Cell], note: String)] = []
  private static let gap = "  "

  package init(_ columns: [(title: String, alignment: Alignment)]) {
    titles = columns.map { Cell($0.title, .heading) }
    alignments = columns.map(\.alignment)
  }

  /// Adds a row, and sentences that stand below it, each line a paragraph.
  package mutating func add(_ cells: [Cell], note: String = "") { rows.append((cells, note)) }

  /// The width of each column.
  private var widths: [Int] {
    titles.indices.map { column in
      max(titles[column].width, rows.map { $0.cells[column].width }.max() ?? 0)
    }
  }

  /// The width of the table when nothing is wrapped.
  var naturalWidth: Int {
    widths.reduce(0, +) + Self.gap.count * max(titles.count - 1, 0)
  }

  /// The table, each line ended by a newline.
  ///
  /// A table that is too wide has its texts wrapped, the last column first; if that is not enough,
  /// it is printed in parts, each with some columns beside the first.
  package func render(on terminal: Terminal) -> String {
    let parts = parts(terminal.width)
    return parts.enumerated().map { number, columns in
      render(columns, withNotes: number == parts.count - 1, on: terminal)
    }.joined(separator: "\n")
  }

  // MARK: Fitting

  /// Width that the last column keeps while others can give way.
  private static let lastWidth = 20

  /// The fewest characters that a column needs: its longest word, or all of a number.
  private func leastWidth(_ column: Int) -> Int {
    guard alignments[column] == .left else { return widths[column] }
    return ([titles[column]] + rows.map { $0.cells[column] }).flatMap(\.lines).flatMap {
      $0.split(separator: " ")
    }.map(\.count).max() ?? 0
  }

  /// The columns of each part.
  private func parts(_ width: Int) -> [[Int]] {
    let least = titles.indices.map(leastWidth)
    func room(_ columns: [Int]) -> Int {
      columns.reduce(0) { $0 + least[$1] } + Self.gap.count * max(columns.count - 1, 0)
    }
    guard titles.count > 2, room(Array(titles.indices)) > width else {
      return [Array(titles.indices)]
    }
    var parts: [[Int]] = []
    for column in titles.indices.dropFirst() {
      let longer = (parts.last ?? [0]) + [column]
      if !parts.isEmpty, room(longer) <= width {
        parts[parts.count - 1] = longer
      } else {
        parts.append([0, column])
      }
    }
    return parts
  }

  /// The widths of these columns so that they fit, as far as words and numbers allow.
  private func fitted(_ columns: [Int], _ width: Int) -> [Int] {
    let natural = widths
    let least = titles.indices.map(leastWidth)
    var fitted = columns.map { natural[$0] }
    var excess = fitted.reduce(0, +) + Self.gap.count * max(columns.count - 1, 0) - width
    func shrink(_ place: Int, downTo floor: Int) {
      let cut = min(excess, fitted[place] - floor)
      guard cut > 0, alignments[columns[place]] == .left else { return }
      fitted[place] -= cut
      excess -= cut
    }
    if let last = columns.indices.last {
      shrink(last, downTo: max(least[columns[last]], min(Self.lastWidth, fitted[last])))
    }
    // Then the widest of the others give way, a character at a time.
    while excess > 0 {
      let slack = columns.indices.filter {
        alignments[columns[$0]] == .left && fitted[$0] > least[columns[$0]]
      }
      guard let widest = slack.max(by: { fitted[$0] < fitted[$1] }) else { break }
      shrink(widest, downTo: fitted[widest] - 1)
    }
    return fitted
  }

  private func render(_ columns: [Int], withNotes: Bool, on terminal: Terminal) -> String {
    let widths = fitted(columns, terminal.width)
    var output = line(titles, columns, widths, terminal)
    for row in rows {
      output += line(row.cells, columns, widths, terminal)
      guard withNotes else { continue }
      output += paragraphs(row.note, indent: Self.gap, width: terminal.width)
    }
    return output
  }

  private func line(
    _ cells: [Cell], _ chosen: [Int], _ widths: [Int], _ terminal: Terminal
  ) -> String {
    let columns = zip(chosen, widths).map { column, width in
      alignments[column] == .left
        ? cells[column].lines.flatMap { $0.count > width ? wrap($0, width: width) : [$0] }
        : cells[column].lines
    }
    var output = ""
    for index in 0..<max(columns.map(\.count).max() ?? 1, 1) {
      var text = ""
      for (place, lines) in columns.enumerated() {
        let column = chosen[place]
        let cell = index < lines.count ? lines[index] : ""
        let padding = String(repeating: " ", count: max(widths[place] - cell.count, 0))
        let painted = terminal.paint(cell, cells[column].tone)
        text += place == 0 ? "" : Self.gap
        text += alignments[column] == .right ? padding + painted : painted + padding
      }
      while text.last == " " { text.removeLast() }
      output += text + "\n"
    }
    return output
  }
}
