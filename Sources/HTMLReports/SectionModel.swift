import Files

/// A section of a report, for the templates.
struct SectionModel {
  /// A block of which one member is set.
  struct Block {
    var paragraph: String?
    var note: String?
    var verdict: Verdict?
    var command: String?
    var list: List?
    var lines: String?
    var table: Table?
    var folded: Folded?
  }

  struct Verdict {
    let word: String
    let tone: String
    let text: String
  }

  struct List { let items: [String] }

  struct Table {
    let caption: String
    let columns: [String]
    let rows: [Row]
  }

  struct Row {
    let name: String
    let cells: [Cell]
  }

  struct Cell {
    let text: String
    let style: String
  }

  struct Folded {
    let title: String
    let blocks: [Block]
  }

  let identifier: String
  let heading: String
  let blocks: [Block]

  init(_ section: ReportSection, _ names: inout UniqueNames) {
    identifier = names.name("section.\(section.heading)")
    heading = section.heading
    blocks = section.blocks.map(Block.init)
  }
}

extension SectionModel.Block {
  init(_ block: ReportSection.Block) {
    switch block {
    case .paragraph(let text): paragraph = text
    case .note(let text): note = text
    case .verdict(let word, let tone, let text):
      verdict = .init(word: word, tone: tone.style, text: text)
    case .command(let text): command = text
    case .list(let items): list = .init(items: items)
    case .lines(let lines): self.lines = lines.joined(separator: "\n")
    case .table(let table): self.table = .init(table)
    case .folded(let title, let blocks):
      folded = .init(title: title, blocks: blocks.map(Self.init))
    }
  }
}

extension SectionModel.Table {
  init(_ table: ReportSection.Table) {
    let isNumeric = table.columns.indices.map { column in
      table.rows.allSatisfy { $0.count <= column || Self.isNumber($0[column]) }
    }
    self.init(
      caption: table.caption, columns: table.columns,
      rows: table.rows.map { row in
        SectionModel.Row(
          name: row.first ?? "",
          cells: row.enumerated().dropFirst().map { column, text in
            let isNumber = column < isNumeric.count && isNumeric[column]
            let style = isNumber ? "number" : text.count > 40 ? "prose" : "word"
            return SectionModel.Cell(text: text, style: style)
          })
      })
  }

  /// Whether a cell belongs to a column of numbers, which stand to the right.
  private static func isNumber(_ text: String) -> Bool {
    text.allSatisfy { $0.isNumber || $0 == "." || $0 == "-" }
  }
}

extension ReportSection.Tone {
  fileprivate var style: String {
    switch self {
    case .good: "delivered"
    case .bad: "lost"
    case .warning: "refused"
    case .neutral: "unknown"
    }
  }
}
