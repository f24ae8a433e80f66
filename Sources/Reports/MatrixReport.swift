import Designs
import Files
package import Linux
import Machine
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

  /// A matrix as one table. Where that is too wide: one for each value of the first axis, or the
  /// same with short words, or as many tables with short words as its columns need.
  private func table(_ number: Int, on terminal: Terminal) -> String {
    let matrix = matrices[number]
    let all = Array(matrix.columns.indices)
    func fits(_ table: TextTable) -> Bool { table.naturalWidth <= terminal.width }
    let whole = grid(number, all, title: "design", skipping: 0)
    if fits(whole) { return whole.render(on: terminal) }
    if let first = matrix.axes.first, matrix.axes.count > 1 {
      let parts = first.values.map { value in
        grid(
          number, all.filter { matrix.columns[$0].values.first?.name == value.name },
          title: "\(first.name) \(value.name)", skipping: 1)
      }
      if parts.allSatisfy(fits) {
        return parts.map { $0.render(on: terminal) }.joined(separator: "\n")
      }
    }
    var stretches: [[Int]] = []
    for column in all {
      let longer = (stretches.last ?? []) + [column]
      if !stretches.isEmpty, fits(shortGrid(number, longer)) {
        stretches[stretches.count - 1] = longer
      } else {
        stretches.append([column])
      }
    }
    let tables = stretches.map { shortGrid(number, $0).render(on: terminal) }
    return tables.joined(separator: "\n")
      + paragraph(Self.shortNote, indent: "", width: terminal.width)
  }

  private static let shortNote =
    "ok: delivered. On a wider terminal, and in every other form, cells have the errno and rows their "
    + "exits."

  /// Some columns of a matrix in few characters: a word and the number of its reason in a cell.
  private func shortGrid(_ number: Int, _ columns: [Int]) -> TextTable {
    let matrix = matrices[number]
    var table = TextTable(
      [(title: "design", alignment: .left)]
        + columns.map { column in
          let title = matrix.columns[column].title(separator: "\n")
          return (title: title.replacing("-", with: "-\n"), alignment: .left)
        })
    for (row, line) in matrix.rows.enumerated() {
      table.add(
        [TextTable.Cell(line.design.name)]
          + columns.map { column in
            let cell = line.cells[column]
            let mark = reasons.number(matrix: number, row: row, column: column)
            return TextTable.Cell(
              cell.shortWord + cell.star + (mark.map { " [\($0)]" } ?? ""), cell.tone)
          })
    }
    return table
  }

  /// Some columns of a matrix as a table.
  ///
  /// - Parameter skipped: number of axes that the columns' titles leave out, from the first on.
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

  /// Returns the legend: the meanings of the words in the cells and in the columns.
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
    for line in matrices.interfaceNotes {
      output += paragraph(line, indent: "", width: terminal.width)
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

extension [ComparisonMatrix] {
  /// Meanings of the star: each unreleased interface that a cell rests on.
  package var interfaceNotes: [String] {
    var found: [ReleaseSwitch] = []
    for cell in flatMap(\.rows).flatMap(\.cells) where cell.summary != nil {
      for item in cell.specification.missingInterfaces where !found.contains(item) {
        found.append(item)
      }
    }
    return found.map { "* \($0.sentence)" }
  }
}

extension ComparisonMatrix {
  /// Conditions that all columns have in common.
  package var conditions: String { conditions(every: nil) }

  /// - Parameter every: an axis on all of whose values the columns were run.
  func conditions(every: ComparisonAxis?) -> String {
    let specification = rows.first?.cells.first?.specification
    let fixed = ComparisonAxis.all.filter { axis in
      guard let condition = axis.condition, !axes.contains(where: { $0.name == axis.name }) else {
        return false
      }
      return condition.isInOverview
        || specification.map { !condition.isPlain(in: $0.conditions) } == true
    }
    let values = rows.first?.cells.first.map { cell in
      fixed.map { axis in
        let names =
          axis.name == every?.name
          ? every?.values.map(\.name) ?? [] : [axis.value(of: cell.specification)]
        return "\(axis.name) \(names.joined(separator: " and "))"
      }
    }
    let own = specification?.machine.map { ["machine \($0.name)"] } ?? []
    return
      ((values ?? []) + own + ["workload \(scenario.workloadSource)", "seed \(scenario.seed)"])
      .joined(separator: "; ")
  }
}

extension ComparisonMatrix.Column {
  /// The names of its values.
  ///
  /// - Parameter skipped: number of axes that are left out, from the first on.
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
    switch outcome {
    case .inconsistent: "inconsistent"
    case .absent: "does not\(separator)exist here"
    case .ran, .notModelled: "not\(separator)modelled"
    }
  }

  /// A star where the cell rests on an interface that nothing released has.
  fileprivate var star: String {
    summary != nil && !specification.missingInterfaces.isEmpty ? "*" : ""
  }

  /// The word, the star of what rests on unreleased interfaces, and the number of its reason.
  package func label(separator: String, mark: Int?) -> String {
    word(separator: separator) + star + (mark.map { " [\($0)]" } ?? "")
  }

  /// `ok`, `refused`, `lost`: the verdict where there is little room.
  fileprivate var shortWord: String {
    guard let summary else {
      switch outcome {
      case .inconsistent, .absent: return "none"
      case .ran, .notModelled: return "not run"
      }
    }
    return summary.verdict == .delivered ? "ok" : summary.verdict.rawValue
  }

  var tone: Terminal.Tone { summary?.verdict.tone ?? .quiet }
}

extension ComparisonMatrix.Row {
  /// Exits at set-up in these columns, in all if none are given.
  package func setupExits(_ columns: [Int]? = nil) -> String {
    range(columns) { Double($0.exits.setup) }
  }

  /// Exits for each MSI in these columns, in all if none are given.
  package func exitsPerInterrupt(_ columns: [Int]? = nil) -> String {
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

extension ReleaseSwitch {
  /// State of an unreleased interface, and its source.
  package var sentence: String { "\(rawValue): \(record.state) (\(record.source))." }
}
