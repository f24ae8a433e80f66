import Designs
import Files
package import Scenarios
import Software

/// Matrices of designs and what they come to, in one of several forms.
package struct MatrixReport: Sendable {
  let matrices: [ComparisonMatrix]
  /// The reasons of the cells that do not deliver, each once.
  let reasons: MatrixReasons

  /// - Parameter isDetailed: whether every failing cell gets its own reason, instead of one for all
  ///   that fail alike.
  package init(_ matrices: [ComparisonMatrix], isDetailed: Bool = false) {
    self.matrices = matrices
    reasons = MatrixReasons(matrices, merges: !isDetailed)
  }

  /// The report, ended by a newline.
  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: csv
    case .markdown: markdown
    }
  }

  /// For people at a terminal: a table for each matrix, then why cells fail, then what words mean.
  private func table(on terminal: Terminal) -> String {
    var output = ""
    if let scenario = matrices.first?.scenario {
      output += terminal.paint(scenario.name, .heading) + "\n"
      output += paragraph(scenario.purpose, indent: "", width: terminal.width)
    }
    for (number, matrix) in matrices.enumerated() {
      output += paragraph(matrix.conditions, indent: "", width: terminal.width) + "\n"
      output += table(number, on: terminal) + "\n"
    }
    return output + reasons.text(on: terminal) + legend(on: terminal)
  }

  /// A matrix as one table; one for each value of the first axis where that is too wide, or a block
  /// for each design.
  private func table(_ number: Int, on terminal: Terminal) -> String {
    let matrix = matrices[number]
    let whole = grid(number, Array(matrix.columns.indices), title: "design", skipping: 0)
    if whole.naturalWidth <= terminal.width { return whole.render(on: terminal) }
    guard let first = matrix.axes.first, matrix.axes.count > 1 else {
      return blocks(number, on: terminal)
    }
    let parts = first.values.map { value in
      grid(
        number,
        matrix.columns.indices.filter { matrix.columns[$0].values.first?.name == value.name },
        title: "\(first.name) \(value.name)", skipping: 1)
    }
    return parts.allSatisfy { $0.naturalWidth <= terminal.width }
      ? parts.map { $0.render(on: terminal) }.joined(separator: "\n")
      : blocks(number, on: terminal)
  }

  /// Some columns of a matrix as a table.
  ///
  /// - Parameter skipped: how many axes the columns' titles leave out, from the first on.
  private func grid(
    _ number: Int, _ columns: [Int], title: String, skipping skipped: Int
  ) -> TextTable {
    let matrix = matrices[number]
    var table = TextTable(
      [(title: title, alignment: .left)]
        + columns.map {
          (title: matrix.columns[$0].title(separator: "\n", skipping: skipped), alignment: .left)
        } + [
          (title: "exits at\nset-up", alignment: .right),
          (title: "exits\nper MSI", alignment: .right),
        ])
    for (row, line) in matrix.rows.enumerated() {
      let cells = columns.map { column in
        let mark = reasons.number(matrix: number, row: row, column: column)
        return TextTable.Cell(
          line.cells[column].label(separator: "\n", mark: mark), line.cells[column].tone)
      }
      table.add(
        [TextTable.Cell(line.design.name)] + cells + [
          TextTable.Cell(line.setupExits(columns)), TextTable.Cell(line.exitsPerInterrupt(columns)),
        ])
    }
    return table
  }

  /// A matrix on a terminal that is too narrow for it: a block for each design, a line a column.
  private func blocks(_ number: Int, on terminal: Terminal) -> String {
    let matrix = matrices[number]
    return matrix.rows.enumerated().map { row, line in
      var table = TextTable([
        (title: line.design.name, alignment: .left), (title: "", alignment: .left),
      ])
      for (column, cell) in line.cells.enumerated() {
        let mark = reasons.number(matrix: number, row: row, column: column)
        table.add([
          TextTable.Cell("  " + matrix.columns[column].title(separator: ", ")),
          TextTable.Cell(cell.label(separator: " ", mark: mark), cell.tone),
        ])
      }
      table.add(["  exits at set-up", TextTable.Cell(line.setupExits())])
      table.add(["  exits per MSI", TextTable.Cell(line.exitsPerInterrupt())])
      return table.render(on: terminal)
    }.joined(separator: "\n")
  }

  /// What the words of the cells and of the columns mean.
  private func legend(on terminal: Terminal) -> String {
    var output = ""
    var shown: Set<String> = []
    for axis in matrices.flatMap(\.axes) {
      for value in axis.values where shown.insert("\(axis.name) \(value.name)").inserted {
        output += entry("\(axis.name) \(value.name)", value.meaning, terminal)
      }
    }
    let summaries = matrices.flatMap(\.rows).flatMap(\.cells).compactMap(\.summary)
    for verdict in Verdict.allCases where summaries.contains(where: { $0.verdict == verdict }) {
      output += entry(verdict.rawValue, verdict.meaning, terminal)
    }
    return output + paragraph(Self.exitsNote, indent: "", width: terminal.width)
  }

  static let exitsNote =
    "Exits: low..high over the columns in which every MSI was delivered, or over all where none "
    + "was. The model of the guest's kernel sets interrupts up in every cell, also where the "
    + "workload is a recording, so that exits at set-up compare."

  private func entry(_ word: String, _ meaning: String, _ terminal: Terminal) -> String {
    paragraph("\(word): \(meaning)", indent: "", width: terminal.width)
  }
}

extension ComparisonMatrix {
  /// What all columns have in common.
  package var conditions: String { conditions(every: nil) }

  /// - Parameter every: an axis on all of whose values the columns were run.
  func conditions(every: ComparisonAxis?) -> String {
    let fixed = ComparisonAxis.all.filter { axis in
      !axis.variesDesign && !axes.contains { $0.name == axis.name }
    }
    let values = rows.first?.cells.first.map { cell in
      fixed.map { axis in
        let names =
          axis.name == every?.name
          ? every?.values.map(\.name) ?? [] : [axis.value(of: cell.specification)]
        return "\(axis.name) \(names.joined(separator: " and "))"
      }
    }
    return
      ((values ?? []) + ["workload \(scenario.workloadSource)", "seed \(scenario.seed)"])
      .joined(separator: "; ")
  }
}

extension ComparisonMatrix.Column {
  /// The names of its values.
  ///
  /// - Parameter skipped: how many axes are left out, from the first on.
  package func title(separator: String, skipping skipped: Int = 0) -> String {
    values.dropFirst(skipped).map(\.name).joined(separator: separator)
  }
}

extension ComparisonMatrix.Cell {
  /// `delivered`, `refused EINVAL`, `lost 3 of 28`.
  func word(separator: String) -> String {
    guard let summary else { return wordOfNoRun(separator: separator) }
    if let refusal = summary.refusal { return "refused\(separator)\(refusal.errno)" }
    guard summary.count < summary.total else { return summary.verdict.rawValue }
    return "\(summary.verdict.rawValue)\(separator)\(summary.count) of \(summary.total)"
  }

  private func wordOfNoRun(separator: String) -> String {
    if case .inconsistent = outcome { "inconsistent" } else { "not\(separator)modelled" }
  }

  /// The word and the number of its reason.
  package func label(separator: String, mark: Int?) -> String {
    word(separator: separator) + (mark.map { " [\($0)]" } ?? "")
  }

  var tone: Terminal.Tone { summary?.verdict.tone ?? .quiet }
}

extension ComparisonMatrix.Row {
  /// Exits at set-up in these columns, in all if none are given.
  func setupExits(_ columns: [Int]? = nil) -> String {
    range(columns) { Double($0.exits.setup) }
  }

  /// Exits for each MSI in these columns, in all if none are given.
  func exitsPerInterrupt(_ columns: [Int]? = nil) -> String {
    range(columns, \.exitsPerInterrupt)
  }

  /// A number over the cells in which every MSI was delivered, or over all where none was.
  private func range(
    _ columns: [Int]?, _ number: (ComparisonMatrix.Summary) -> Double
  ) -> String {
    let chosen = columns?.map { cells[$0] } ?? cells
    let working = chosen.filter(\.works)
    return interval((working.isEmpty ? chosen : working).compactMap(\.summary).map(number))
  }
}
