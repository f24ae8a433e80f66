/// A part of a report as pages show it: a heading, and blocks of text and tables below it.
///
/// It says what a report has, and nothing of how that looks, so that the targets that make reports
/// need to know nothing of pages.
package struct ReportSection: Sendable {
  /// One thing below a heading.
  package indirect enum Block: Sendable {
    case paragraph(String)
    /// Text of less weight.
    case note(String)
    /// A word that judges, and what it is about.
    case verdict(String, Tone, String)
    /// A command line of this program.
    case command(String)
    case list([String])
    /// Lines as they stand in a file.
    case lines([String])
    case table(Table)
    /// Blocks that are folded away below a title.
    case folded(String, [Block])
  }

  /// A table whose first column names its rows.
  package struct Table: Sendable {
    package let caption: String
    package let columns: [String]
    package let rows: [[String]]

    package init(_ caption: String, columns: [String], rows: [[String]]) {
      self.caption = caption
      self.columns = columns
      self.rows = rows
    }
  }

  /// Tone of a word: the attention that it deserves.
  package enum Tone: Sendable { case good, bad, warning, neutral }

  package let heading: String
  package let blocks: [Block]

  package init(_ heading: String, _ blocks: [Block]) {
    self.heading = heading
    self.blocks = blocks
  }
}

extension [ReportSection.Block] {
  /// Adds a table, unless it has no rows.
  package mutating func add(_ caption: String, columns: [String], rows: [[String]]) {
    guard !rows.isEmpty else { return }
    append(.table(.init(caption, columns: columns, rows: rows)))
  }
}
