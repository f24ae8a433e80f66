package import Designs
package import Software

/// Results of each design for each combination of values on some axes.
package struct ComparisonMatrix: Sendable {
  /// A combination of values, one on each axis of the matrix.
  package struct Column: Sendable {
    /// In the order of the matrix' axes.
    package let values: [ComparisonAxis.Value]

    /// The options of `doorbell explain` that stand for it.
    package var arguments: [String] { values.flatMap(\.arguments) }
  }

  /// One design under one combination.
  package struct Cell: Sendable {
    /// Specification that was run.
    package let specification: RunSpecification
    /// Arguments of `doorbell` that show it: `explain` and its own.
    package let command: [String]
    package let outcome: Outcome
  }

  /// The result of a run.
  package enum Outcome: Sendable {
    case ran(Summary)
    /// The choices of the design cannot stand together in this column, with the reason.
    case inconsistent(String)
    /// The column's platform has no such design, with the reason.
    case absent(String)
    /// The run cannot be carried out: a limit of the model, with the reason.
    case notModelled(String)
  }

  /// Summary of a run that a matrix keeps.
  package struct Summary: Sendable {
    /// The worst of the verdicts of all MSIs.
    package let verdict: Verdict
    /// Number of MSIs with this verdict.
    package let count: Int
    /// Number of MSIs that the device was to send.
    package let total: Int
    /// The first MSI that was sent and not delivered; `nil` where there is none.
    package let firstFailure: RunResult.SentMessage?
    /// The first device whose set-up was refused, or else that of `firstFailure`.
    package let failingDevice: Int
    /// Refusal of set-up; `nil` if it was enabled.
    package let refusal: Refusal?
    /// First MSI-X entry of the device; `nil` if set-up failed before programming it.
    package let message: RunResult.Message?
    package let exits: RunResult.Exits
    package let exitsPerInterrupt: Double
    /// One sentence: why it came out so.
    package let why: String

    package init(_ result: RunResult) {
      verdict = result.verdict
      count = result.count(of: result.verdict)
      total = result.verdicts.count
      firstFailure = result.firstFailure
      if case .refused(let refusal) = result.setup {
        self.refusal = refusal
        failingDevice = result.devices.firstIndex { $0.verdict == .refused } ?? 0
      } else {
        refusal = nil
        failingDevice = result.firstFailure?.device ?? 0
      }
      message = result.message
      exits = result.exits
      exitsPerInterrupt = result.exitsPerInterrupt
      why = result.why
    }
  }

  /// One design and its cells, in the order of the columns.
  package struct Row: Sendable {
    package let design: Design
    package let cells: [Cell]
  }

  package let scenario: Scenario
  package let axes: [ComparisonAxis]
  package let columns: [Column]
  /// In the scenario's order of designs.
  package let rows: [Row]
}

extension ComparisonMatrix {
  /// The same with other cells, by their numbers row by row.
  func replacing(_ cells: [Int: Cell]) -> ComparisonMatrix {
    let rows = rows.enumerated().map { row, old in
      Row(
        design: old.design,
        cells: old.cells.enumerated().map { cells[row * columns.count + $0] ?? $1 })
    }
    return ComparisonMatrix(scenario: scenario, axes: axes, columns: columns, rows: rows)
  }
}

extension ComparisonMatrix.Row {
  /// Whether every MSI is delivered in one of the columns at least.
  var worksSomewhere: Bool { cells.contains(where: \.works) }
}

extension ComparisonMatrix.Cell {
  /// `nil` where nothing was run.
  package var summary: ComparisonMatrix.Summary? {
    if case .ran(let summary) = outcome { summary } else { nil }
  }

  /// Whether every MSI was delivered.
  package var works: Bool { summary?.verdict == .delivered }

  /// One sentence: why it came out so.
  package var why: String {
    switch outcome {
    case .ran(let summary): summary.why
    case .inconsistent(let reason), .absent(let reason), .notModelled(let reason): reason
    }
  }
}
