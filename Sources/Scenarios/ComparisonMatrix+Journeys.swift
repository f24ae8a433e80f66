package import Designs
package import Engine
import Software

/// The cells of matrices in which one design comes to the same, for the same reason.
package struct MatrixOutcome: Sendable {
  /// A cell, by its matrix, its row and its column, counted from 0.
  package struct Place: Hashable, Sendable {
    package let matrix: Int
    package let row: Int
    package let column: Int

    package init(matrix: Int, row: Int, column: Int) {
      self.matrix = matrix
      self.row = row
      self.column = column
    }
  }

  /// In the order of the matrices, one at least.
  package internal(set) var places: [Place]
  /// The journey of one MSI in the first of the cells: of the first MSI that was not delivered, or of
  /// the first of all. `nil` where none was sent, the run is not modelled, or nothing asked for it.
  package internal(set) var journey: Journey?
}

extension [ComparisonMatrix] {
  /// All cells, those with the same outcome together, in the order of the first cell of each.
  package var outcomes: [MatrixOutcome] {
    var known: [String: Int] = [:]
    var outcomes: [MatrixOutcome] = []
    for (number, matrix) in enumerated() {
      for (row, line) in matrix.rows.enumerated() {
        for (column, cell) in line.cells.enumerated() {
          let place = MatrixOutcome.Place(matrix: number, row: row, column: column)
          let key = "\(line.design.name)\n\(cell.outcomeKey)"
          if let index = known[key] {
            outcomes[index].places.append(place)
          } else {
            known[key] = outcomes.count
            outcomes.append(MatrixOutcome(places: [place]))
          }
        }
      }
    }
    return outcomes
  }

  /// The outcomes with a journey each.
  ///
  /// - Parameters:
  ///   - progress: told how many are done.
  ///   - engine: function that carries the runs out.
  package func explained(
    _ outcomes: [MatrixOutcome], progress: (Int) -> Void = { _ in },
    by engine: @escaping Runner = { specification throws(RunFailure) in try specification.run() }
  ) async -> [MatrixOutcome] {
    let matrices = self
    let journeys = await inParallel(outcomes.indices, progress: progress) { number -> Journey? in
      guard let place = outcomes[number].places.first else { return nil }
      let cell = matrices[place.matrix].rows[place.row].cells[place.column]
      guard let summary = cell.summary, summary.refusal == nil else { return nil }
      var specification = cell.specification
      specification.journeyOf = summary.firstFailure?.number ?? 0
      specification.journeyDevice = summary.failingDevice
      return (try? engine(specification))?.journey
    }
    return zip(outcomes, journeys).map { MatrixOutcome(places: $0.places, journey: $1) }
  }
}

extension ComparisonMatrix.Cell {
  /// The result of the cell, as a text that is the same where the outcome is.
  fileprivate var outcomeKey: String {
    guard let summary else { return why }
    let refusal = summary.refusal.map { "\($0.function) \($0.errno)" } ?? ""
    return "\(summary.verdict.rawValue) \(summary.count) \(summary.total) \(refusal)\n\(why)"
  }
}
