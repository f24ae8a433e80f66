import Designs
import Files
import Reports
import Scenarios

/// A matrix, whose cells link to their outcomes.
struct MatrixModel {
  struct Row {
    let name: String
    let cells: [Cell]
    let setupExits: String
    let exitsPerMessage: String
  }

  struct Cell {
    let identifier: String
    let label: String
    let verdict: String
    /// The place of its outcome.
    let outcome: String
  }

  let number: Int
  let identifier: String
  let title: String
  let caption: String
  let columns: [String]
  let rows: [Row]
}

/// One outcome of a design, with the cells that have it and the commands that show them.
struct OutcomeModel {
  struct Place {
    let identifier: String
    let column: String
    let command: String
  }

  let identifier: String
  let heading: String
  let label: String
  let verdict: String
  let why: String
  /// The command of the first cell.
  let command: String
  /// The cells, the first one included.
  let places: [Place]
  let summary: String
  let isRepeated: Bool
  let stations: [StationModel]
  let hasStations: Bool
  let journeyTitle: String
}

/// Legend of the words in the cells.
struct LegendModel {
  struct Entry {
    let word: String
    let meaning: String
    let verdict: String
  }

  let entries: [Entry]

  init(_ matrices: [ComparisonMatrix]) {
    let summaries = matrices.flatMap(\.rows).flatMap(\.cells).compactMap(\.summary)
    let verdicts = Verdict.allCases.filter { verdict in
      summaries.contains { $0.verdict == verdict }
    }
    var seen: Set<String> = []
    let values = matrices.flatMap(\.axes).flatMap { axis in
      axis.values.map { ("\(axis.name) \($0.name)", $0.meaning) }
    }.filter { seen.insert($0.0).inserted }
    entries =
      verdicts.map { Entry(word: $0.rawValue, meaning: $0.meaning, verdict: $0.rawValue) }
      + values.map { Entry(word: $0.0, meaning: $0.1, verdict: "") }
  }
}

/// The matrices of a page with their outcomes; every cell has a name that says what it is of.
struct MatricesModel {
  let matrices: [MatrixModel]
  let outcomes: [OutcomeModel]

  init(_ matrices: [ComparisonMatrix], _ outcomes: [MatrixOutcome]) {
    var names = UniqueNames()
    var cellNames: [MatrixOutcome.Place: String] = [:]
    var outcomeNames: [MatrixOutcome.Place: String] = [:]
    for (number, matrix) in matrices.enumerated() {
      let axes = matrix.axes.map(\.name).joined(separator: ".")
      for (row, line) in matrix.rows.enumerated() {
        for column in matrix.columns.indices {
          let values = matrix.columns[column].title(separator: ".")
          cellNames[.init(matrix: number, row: row, column: column)] =
            names.name("\(axes).\(line.design.name).\(values)")
        }
      }
    }
    let outcomeIdentifiers = outcomes.map { outcome in
      let name = names.name("why.\(outcome.places.first.flatMap { cellNames[$0] } ?? "")")
      for place in outcome.places { outcomeNames[place] = name }
      return name
    }
    self.matrices = matrices.enumerated().map { number, matrix in
      let axes = matrix.axes.map(\.name)
      return MatrixModel(
        number: number + 1, identifier: names.name("matrix.\(axes.joined(separator: "."))"),
        title: "Designs by \(axes.joined(separator: " and "))",
        caption: ([matrix.conditions] + [matrix].interfaceNotes).joined(separator: " "),
        columns: matrix.columns.map { $0.title(separator: ", ") },
        rows: matrix.rows.enumerated().map { row, line in
          MatrixModel.Row(
            name: line.design.name,
            cells: line.cells.enumerated().map { column, cell in
              let place = MatrixOutcome.Place(matrix: number, row: row, column: column)
              return MatrixModel.Cell(
                identifier: cellNames[place] ?? "", label: cell.label(separator: " ", mark: nil),
                verdict: cell.summary?.verdict.rawValue ?? "unknown",
                outcome: outcomeNames[place] ?? "")
            }, setupExits: line.setupExits(), exitsPerMessage: line.exitsPerInterrupt())
        })
    }
    self.outcomes = zip(outcomes, outcomeIdentifiers).compactMap { outcome, identifier in
      OutcomeModel(outcome, matrices, identifier: identifier, cellNames)
    }
  }
}

extension OutcomeModel {
  fileprivate init?(
    _ outcome: MatrixOutcome, _ matrices: [ComparisonMatrix], identifier: String,
    _ cellNames: [MatrixOutcome.Place: String]
  ) {
    guard let first = outcome.places.first else { return nil }
    let row = matrices[first.matrix].rows[first.row]
    let cell = row.cells[first.column]
    self.identifier = identifier
    label = cell.label(separator: " ", mark: nil)
    heading = "\(row.design.name): \(label)"
    verdict = cell.summary?.verdict.rawValue ?? "unknown"
    why = cell.why
    command = commandLine(cell.command)
    let places = outcome.places.map { place in
      let matrix = matrices[place.matrix]
      return Place(
        identifier: cellNames[place] ?? "",
        column: matrix.columns[place.column].title(separator: ", "),
        command: commandLine(matrix.rows[place.row].cells[place.column].command))
    }
    self.places = places
    isRepeated = places.count > 1
    summary = "in \(places.count) cells, each with its command"
    let journey = outcome.journey
    let start = journey?.stations.first?.time
    stations = journey?.stations.map { StationModel($0, since: start) } ?? []
    hasStations = !stations.isEmpty
    journeyTitle =
      journey.map {
        "Journey of MSI \($0.index) under \(places.first?.column ?? ""): \($0.verdict.rawValue)"
      } ?? ""
  }
}

/// Names for places of a page: what addresses may hold, each once.
struct UniqueNames {
  private var used: Set<String> = []

  /// `text` with every other character replaced, and a number where the name is taken.
  mutating func name(_ text: String) -> String {
    let plain = String(
      text.unicodeScalars.map { scalar -> Character in
        let isPlain =
          scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
          || "-_.".unicodeScalars.contains(scalar)
        return isPlain ? Character(scalar) : "-"
      })
    var name = plain
    var number = 2
    while !used.insert(name).inserted {
      name = "\(plain).\(number)"
      number += 1
    }
    return name
  }
}
