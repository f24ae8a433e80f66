package import Designs

extension [ComparisonMatrix] {
  /// For each matrix the journey of one MSI in each cell, row by row: of the first that was not
  /// delivered, or of the first of all; `nil` where none was sent, or the run is not modelled.
  ///
  /// - Parameters:
  ///   - progress: told how many cells are done.
  ///   - engine: what carries the runs out.
  package func journeys(
    progress: (Int) -> Void = { _ in },
    by engine: @escaping Engine = { specification throws(RunFailure) in try specification.run() }
  ) async -> [[[Journey?]]] {
    let cells = flatMap(\.rows).flatMap(\.cells)
    let found = await inParallel(cells.indices, progress: progress) { number -> Journey? in
      guard let summary = cells[number].summary, summary.refusal == nil else { return nil }
      var specification = cells[number].specification
      specification.journeyOf = summary.firstFailure?.number ?? 0
      specification.journeyDevice = summary.failingDevice
      return (try? engine(specification))?.journey
    }
    var start = 0
    return map { matrix in
      matrix.rows.map { row in
        defer { start += row.cells.count }
        return Array<Journey?>(found[start..<start + row.cells.count])
      }
    }
  }
}
