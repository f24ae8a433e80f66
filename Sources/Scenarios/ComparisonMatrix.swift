package import Designs
package import Software

/// What each design comes to for each combination of values on some axes.
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
    /// What was run.
    package let specification: RunSpecification
    /// What `doorbell` takes to show it: `explain` and what follows.
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

  /// What a matrix keeps of a run.
  package struct Summary: Sendable {
    /// The worst of the verdicts of all MSIs.
    package let verdict: Verdict
    /// How many MSIs ended so.
    package let count: Int
    /// How many MSIs the device was to send.
    package let total: Int
    /// The first MSI that was sent and not delivered; `nil` where there is none.
    package let firstFailure: RunResult.SentMessage?
    /// The first device whose set-up was refused, or else that of `firstFailure`.
    package let failingDevice: Int
    /// Who refused set-up; `nil` where it was enabled.
    package let refusal: Refusal?
    /// What the device's first MSI-X entry holds; `nil` when set-up never got that far.
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
