import Files

/// A published table, as its file in `scenarios/published` has it: measured cells,
/// which of them a model may be calibrated on, how close the rest must come, and what the model
/// takes as given.
package struct PublishedTable: Sendable {
  /// The tables that have a model.
  package enum Name: String, CaseIterable, Sendable {
    case exitLadder = "T1"
    case walkReads = "T2"
    case commandQueue = "T3"
    case invalidation = "T4"
    case translationCache = "T5"
    case nestedTraps = "T8"
    case unmapBySize = "T9"
  }

  /// A part of a measured machine that is left out: T4 has them.
  package enum Variant: String, CaseIterable, Sendable {
    case noTail = "no-tail"
    case noDescriptor = "no-descriptor"

    /// One sentence: what is left out.
    package var meaning: String {
      switch self {
      case .noTail: "The queue's tail is not written: no trap, and no work of the host."
      case .noDescriptor: "No descriptor is added to the queue."
      }
    }
  }

  /// How a number is known.
  package enum Status: String, CaseIterable, Sendable {
    case verified
    case secondHand = "second-hand"
    case derived
    case assumed
    case range
  }

  /// The name of a cell.
  package struct Key: Hashable, Sendable {
    package let row: String
    package let column: String

    package init(_ row: String, _ column: String) {
      self.row = row
      self.column = column
    }
  }

  /// A measured number.
  package struct Cell: Sendable {
    package let key: Key
    package let value: Double
    package let unit: String
    package let status: Status
    package let source: String
  }

  /// How close a prediction must come.
  package enum Band: Equatable, Sendable {
    /// At most so many per cent off.
    case percent(Double)
    /// At most so many times more or less.
    case factor(Double)
    /// Between two ends, whatever was measured.
    case interval(Double, Double)
  }

  /// A number that the model takes as given.
  package struct Parameter: Sendable {
    package let name: String
    package let low: Double
    /// The high end of a range; equal to `low` for a number.
    package let high: Double
    package let unit: String
    package let meaning: String
    package let status: Status
    package let source: String
  }

  /// A statement about the whole table: an order, a crossover, a control.
  package struct Claim: Sendable {
    package let name: String
    package let meaning: String
    /// Whether the model is known to show it.
    package let isExpected: Bool
    /// Why not, where it is known not to.
    package let why: String
  }

  package let name: Name
  package let title: String
  package let source: String
  /// What is calibrated and what predicted.
  package let method: String
  package let cells: [Cell]
  package let calibration: Set<Key>
  package let parameters: [Parameter]
  package let claims: [Claim]
  let bands: [(rows: [String], columns: [String], band: Band)]
  let misses: [(rows: [String], columns: [String], why: String)]
  /// The file as the user would name it.
  let file: String
  /// The path of the scenarios folder.
  let scenarios: String
}

extension PublishedTable {
  /// What was measured in a cell.
  subscript(_ row: String, _ column: String) -> Double? {
    cells.first { $0.key == Key(row, column) }?.value
  }

  /// The columns of a row, in the order of the file.
  func columns(of row: String) -> [String] { cells.filter { $0.key.row == row }.map(\.key.column) }

  /// The rows, in the order of the file.
  var rows: [String] {
    cells.reduce(into: []) { if !$0.contains($1.key.row) { $0.append($1.key.row) } }
  }

  /// How close the prediction of a cell must come; `nil` where nothing was promised.
  func band(of key: Key) -> Band? {
    bands.first { Self.covers($0.rows, $0.columns, key) }?.band
  }

  /// Why the cell is known to miss its band; `nil` when it is expected to hold.
  func knownMiss(of key: Key) -> String? {
    misses.first { Self.covers($0.rows, $0.columns, key) }?.why
  }

  static func covers(_ rows: [String], _ columns: [String], _ key: Key) -> Bool {
    (rows.isEmpty || rows.contains(key.row)) && (columns.isEmpty || columns.contains(key.column))
  }

  /// A parameter's two ends.
  func range(_ name: String) throws(InputError) -> (low: Double, high: Double) {
    guard let parameter = parameters.first(where: { $0.name == name }) else {
      throw InputError(
        expected: "the parameter '\(name)'", found: "nothing", at: Place(file: file),
        field: "parameters")
    }
    return (parameter.low, parameter.high)
  }

  /// A parameter that is one number.
  func value(_ name: String) throws(InputError) -> Double { try range(name).low }

  /// A parameter that counts something: 1 to a million.
  func count(_ name: String) throws(InputError) -> Int {
    let value = try value(name)
    guard value >= 1, value <= 1e6, value == value.rounded() else {
      throw InputError(
        expected: "a whole number from 1 to 1000000", found: String(value), at: Place(file: file),
        field: "parameters.\(name)")
    }
    return Int(value)
  }

  /// A measured cell that the model needs.
  func measured(_ row: String, _ column: String) throws(InputError) -> Double {
    guard let value = self[row, column], value > 0 else {
      throw InputError(
        expected: "a number above 0 in row '\(row)', column '\(column)'",
        found: self[row, column].map { String($0) } ?? "nothing", at: Place(file: file),
        field: "rows")
    }
    return value
  }
}

extension PublishedTable.Band {
  /// Whether some value from `low` to `high` is close enough to `measured`.
  func holds(_ low: Double, _ high: Double, measured: Double) -> Bool {
    let ends =
      switch self {
      case .percent(let share): (measured * (1 - share / 100), measured * (1 + share / 100))
      case .factor(let factor): (measured / factor, measured * factor)
      case .interval(let first, let last): (first, last)
      }
    return low <= ends.1 && high >= ends.0
  }
}
