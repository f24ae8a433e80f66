package import Files

/// What a model makes of a published table: each measured cell beside its prediction.
package struct Reproduction: Sendable {
  /// A measured cell and what the model says of it.
  package struct Cell: Sendable {
    package enum Role: String, Sendable {
      /// The model was calibrated on it.
      case calibration
      /// It is predicted, and must come within its band.
      case heldOut = "held out"
      /// It is predicted, and nothing was promised.
      case reported
    }

    package let measured: PublishedTable.Cell
    /// The prediction at the low and the high end of what is only known as a range; `nil` where
    /// the model says nothing.
    package let predicted: ClosedRange<Double>?
    package let role: Role
    package let band: PublishedTable.Band?
    /// Whether the prediction comes within its band; `nil` where there is none to hold.
    package let holds: Bool?
    /// Why it is known not to.
    package let knownMiss: String?

    /// Whether it came out as the file expects.
    package var isAsExpected: Bool { holds.map { $0 == (knownMiss == nil) } ?? true }

    /// How far the prediction is off, in per cent, at its nearest end.
    package var error: Double? {
      guard let predicted, measured.value > 0 else { return nil }
      let nearest = min(max(measured.value, predicted.lowerBound), predicted.upperBound)
      return (nearest / measured.value - 1) * 100
    }
  }

  /// A claim about the whole table, and what the model shows of it.
  package struct Check: Sendable {
    package let claim: PublishedTable.Claim
    package let holds: Bool
    /// The numbers that decide.
    package let found: String

    package var isAsExpected: Bool { holds == claim.isExpected }
  }

  package let table: PublishedTable
  package let cells: [Cell]
  package let checks: [Check]
  /// The results of the calibration.
  package let calibrated: [Calibrated]
  /// What the model shows beyond the table.
  package let studies: [Study]

  /// Whether everything came out as the file expects.
  package var isAsExpected: Bool {
    cells.allSatisfy(\.isAsExpected) && checks.allSatisfy(\.isAsExpected)
  }
}

/// A number that a calibration gave.
package struct Calibrated: Sendable {
  package let name: String
  package let value: Double
  package let unit: String
  package let meaning: String
}

/// A table of results beside the published one.
package struct Study: Sendable {
  package enum Value: Equatable, Sendable {
    case text(String)
    case number(Double)
    /// Between the ends of what is only known as a range.
    case interval(Double, Double)
    /// A share by which something is off.
    case error(Double)
  }

  package let title: String
  package let columns: [String]
  /// A value for each column.
  package let rows: [[Value]]
  /// What to make of it.
  package let note: String
}

/// What a model says of a table.
struct Prediction {
  /// By cell.
  var cells: [PublishedTable.Key: ClosedRange<Double>] = [:]
  /// By the name of the claim.
  var claims: [String: (holds: Bool, found: String)] = [:]
  var calibrated: [Calibrated] = []
  var studies: [Study] = []

  mutating func predict(_ row: String, _ column: String, _ value: Double) {
    cells[.init(row, column)] = value...value
  }

  /// A prediction that is only known to lie between the least and the most of `values`.
  mutating func predict(_ row: String, _ column: String, between values: [Double]) {
    guard let low = values.min(), let high = values.max() else { return }
    cells[.init(row, column)] = low...high
  }

  mutating func calibrate(_ name: String, _ value: Double, _ unit: String, _ meaning: String) {
    calibrated.append(Calibrated(name: name, value: value, unit: unit, meaning: meaning))
  }
}

/// A model of a published table. It sees measured cells only where they calibrate it.
protocol PublishedModel {
  init(_ table: PublishedTable, _ effort: Effort) throws(InputError)
  func predict() throws(InputError) -> Prediction
}

/// How much of an experiment is carried out.
package struct Effort: Sendable {
  /// The part of the iterations, from 0 to 1.
  package let share: Double
  package let seed: UInt32

  package init(share: Double = 1, seed: UInt32 = 1) {
    self.share = min(max(share, 0), 1)
    self.seed = seed
  }

  func part(of count: Int) -> Int { max(1, Int((Double(count) * share).rounded())) }
}

extension PublishedTable {
  /// Calibrates the model on the cells that the file names, and predicts the others.
  package func reproduce(_ effort: Effort = Effort()) throws(InputError) -> Reproduction {
    let prediction = try model(effort).predict()
    return Reproduction(
      table: self, cells: cells.map { judge($0, prediction) },
      checks: claims.map { claim in
        let found = prediction.claims[claim.name]
        return Reproduction.Check(
          claim: claim, holds: found?.holds ?? false,
          found: found?.found ?? "the model does not look at it")
      }, calibrated: prediction.calibrated, studies: prediction.studies)
  }

  /// What the calibrated model says of the same machine with a part left out. Nothing that was
  /// measured without it is known to the model.
  package func reproduce(
    _ variant: Variant, _ effort: Effort = Effort()
  ) throws(InputError) -> Reproduction {
    guard name == .invalidation else {
      throw InputError(
        expected: "the table T4, which has variants", found: name.rawValue,
        at: Place(file: file))
    }
    let prediction = try InvalidationCollapse(self, effort).study(of: variant)
    return Reproduction(
      table: self, cells: [], checks: [], calibrated: prediction.calibrated,
      studies: prediction.studies)
  }

  private func model(_ effort: Effort) throws(InputError) -> any PublishedModel {
    switch name {
    case .exitLadder: try ExitLadder(self, effort)
    case .walkReads: try WalkReads(self, effort)
    case .commandQueue: try CommandQueueScaling(self, effort)
    case .invalidation: try InvalidationCollapse(self, effort)
    case .translationCache: try TranslationCacheGrid(self, effort)
    case .nestedTraps: NestedTraps(self, effort)
    case .unmapBySize: try UnmapBySize(self, effort)
    }
  }

  private func judge(_ cell: Cell, _ prediction: Prediction) -> Reproduction.Cell {
    let predicted = prediction.cells[cell.key]
    let isCalibration = calibration.contains(cell.key)
    let band = isCalibration ? nil : band(of: cell.key)
    return Reproduction.Cell(
      measured: cell, predicted: predicted,
      role: isCalibration ? .calibration : band == nil ? .reported : .heldOut, band: band,
      holds: band.map { band in
        predicted.map {
          band.holds($0.lowerBound, $0.upperBound, measured: cell.value)
        } ?? false
      }, knownMiss: knownMiss(of: cell.key))
  }
}
