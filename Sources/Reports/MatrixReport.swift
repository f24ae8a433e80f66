import Designs
import Flows
public import JSON
public import Scenarios

/// Matrices of designs and what they come to, in one of several forms.
public struct MatrixReport: Sendable {
  let matrices: [ComparisonMatrix]
  /// The reasons of the cells that do not deliver, each once.
  let reasons: MatrixReasons

  /// - Parameter isDetailed: whether every failing cell gets its own reason, instead of one for all
  ///   that fail alike.
  public init(_ matrices: [ComparisonMatrix], isDetailed: Bool = false) {
    self.matrices = matrices
    reasons = MatrixReasons(matrices, merges: !isDetailed)
  }

  /// The report, ended by a newline.
  public func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
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

  private func table(_ number: Int, on terminal: Terminal) -> String {
    let matrix = matrices[number]
    var table = TextTable(
      [(title: "design", alignment: .left)]
        + matrix.columns.map { (title: $0.title(separator: "\n"), alignment: .left) }
        + [
          (title: "exits at\nset-up", alignment: .right),
          (title: "exits\nper MSI", alignment: .right),
        ])
    for (row, line) in matrix.rows.enumerated() {
      let cells = line.cells.enumerated().map { column, cell in
        TextTable.Cell(
          cell.label(
            separator: "\n", mark: reasons.number(matrix: number, row: row, column: column)),
          cell.tone)
      }
      table.add(
        [TextTable.Cell(line.design.name)] + cells + [
          TextTable.Cell(line.setupExits), TextTable.Cell(line.exitsPerInterrupt),
        ])
    }
    return table.naturalWidth <= terminal.width
      ? table.render(on: terminal) : blocks(number, on: terminal)
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
      table.add(["  exits at set-up", TextTable.Cell(line.setupExits)])
      table.add(["  exits per MSI", TextTable.Cell(line.exitsPerInterrupt)])
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
  var conditions: String {
    let fixed = ComparisonAxis.all.filter { axis in !axes.contains { $0.name == axis.name } }
    let values = rows.first?.cells.first.map { cell in
      fixed.map { "\($0.name) \($0.value(of: cell.specification))" }
    }
    return
      ((values ?? []) + ["workload \(scenario.workloadSource)", "seed \(scenario.seed)"])
      .joined(separator: "; ")
  }
}

extension ComparisonMatrix.Column {
  /// The names of its values.
  func title(separator: String) -> String { values.map(\.name).joined(separator: separator) }
}

extension ComparisonMatrix.Cell {
  /// `delivered`, `refused EINVAL`, `lost 3 of 28`.
  func word(separator: String) -> String {
    guard let summary else { return "not\(separator)modelled" }
    if let refusal = summary.refusal { return "refused\(separator)\(refusal.errno)" }
    guard summary.count < summary.total else { return summary.verdict.rawValue }
    return "\(summary.verdict.rawValue)\(separator)\(summary.count) of \(summary.total)"
  }

  /// The word and the number of its reason.
  func label(separator: String, mark: Int?) -> String {
    word(separator: separator) + (mark.map { " [\($0)]" } ?? "")
  }

  var tone: Terminal.Tone { summary?.verdict.tone ?? .quiet }
}

extension ComparisonMatrix.Row {
  var setupExits: String { range { Double($0.exits.setup) } }
  var exitsPerInterrupt: String { range(\.exitsPerInterrupt) }

  /// A number over the cells in which every MSI was delivered, or over all where none was.
  private func range(_ number: (ComparisonMatrix.Summary) -> Double) -> String {
    let working = cells.filter(\.works)
    return interval((working.isEmpty ? cells : working).compactMap(\.summary).map(number))
  }
}
