public import Designs
public import Software

/// What each design comes to for each combination of values on some axes.
public struct ComparisonMatrix: Sendable {
  /// A combination of values, one on each axis of the matrix.
  public struct Column: Sendable {
    /// In the order of the matrix' axes.
    public let values: [ComparisonAxis.Value]

    /// The options of `doorbell explain` that stand for it.
    public var arguments: [String] { values.flatMap(\.arguments) }
  }

  /// One design under one combination.
  public struct Cell: Sendable {
    /// What was run.
    public let specification: RunSpecification
    /// What `doorbell` takes to show it: `explain` and what follows.
    public let command: [String]
    public let outcome: Outcome
  }

  /// What a run came to.
  public enum Outcome: Sendable {
    case ran(Summary)
    /// The choices of the design cannot stand together in this column, with the reason.
    case inconsistent(String)
    /// The run cannot be carried out: a limit of the model, with the reason.
    case notModelled(String)
  }

  /// What a matrix keeps of a run.
  public struct Summary: Sendable {
    /// The worst of the verdicts of all MSIs.
    public let verdict: Verdict
    /// How many MSIs ended so.
    public let count: Int
    /// How many MSIs the device was to send.
    public let total: Int
    /// The first MSI that was sent and not delivered; `nil` where there is none.
    public let firstFailure: RunResult.SentMessage?
    /// The first device whose set-up was refused, or else that of `firstFailure`.
    public let failingDevice: Int
    /// Who refused set-up; `nil` where it was enabled.
    public let refusal: Refusal?
    /// What the device's first MSI-X entry holds; `nil` when set-up never got that far.
    public let message: RunResult.Message?
    public let exits: RunResult.Exits
    public let exitsPerInterrupt: Double
    /// One sentence: why it came out so.
    public let why: String

    public init(_ result: RunResult) {
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
  public struct Row: Sendable {
    public let design: Design
    public let cells: [Cell]
  }

  public let scenario: Scenario
  public let axes: [ComparisonAxis]
  public let columns: [Column]
  /// In the scenario's order of designs.
  public let rows: [Row]
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
  public var summary: ComparisonMatrix.Summary? {
    if case .ran(let summary) = outcome { summary } else { nil }
  }

  /// Whether every MSI was delivered.
  public var works: Bool { summary?.verdict == .delivered }

  /// One sentence: why it came out so.
  public var why: String {
    switch outcome {
    case .ran(let summary): summary.why
    case .inconsistent(let reason), .notModelled(let reason): reason
    }
  }
}
