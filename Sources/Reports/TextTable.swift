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

  /// Adds a row, and a sentence that stands below it.
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
  package func render(on terminal: Terminal) -> String {
    var widths = widths
    let last = widths.count - 1
    let room = terminal.width - widths.dropLast().reduce(0, +) - Self.gap.count * last
    widths[last] = min(widths[last], max(room, 20))
    var output = line(titles, widths, terminal)
    for row in rows {
      output += line(row.cells, widths, terminal)
      output += paragraph(row.note, indent: Self.gap, width: terminal.width)
    }
    return output
  }

  private func line(_ cells: [Cell], _ widths: [Int], _ terminal: Terminal) -> String {
    var columns = cells.map(\.lines)
    if let last = columns.indices.last, alignments[last] == .left {
      columns[last] = columns[last].flatMap { wrap($0, width: widths[last]) }
    }
    var output = ""
    for index in 0..<max(columns.map(\.count).max() ?? 1, 1) {
      var text = ""
      for (column, lines) in columns.enumerated() {
        let cell = index < lines.count ? lines[index] : ""
        let padding = String(repeating: " ", count: max(widths[column] - cell.count, 0))
        let painted = terminal.paint(cell, cells[column].tone)
        text += column == 0 ? "" : Self.gap
        text += alignments[column] == .right ? padding + painted : painted + padding
      }
      while text.last == " " { text.removeLast() }
      output += text + "\n"
    }
    return output
  }
}
