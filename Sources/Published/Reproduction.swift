public import InputFiles

/// What a model makes of a published table: each measured cell beside its prediction.
public struct Reproduction: Sendable {
  /// A measured cell and what the model says of it.
  public struct Cell: Sendable {
    public enum Role: String, Sendable {
      /// The model was calibrated on it.
      case calibration
      /// It is predicted, and must come within its band.
      case heldOut = "held out"
      /// It is predicted, and nothing was promised.
      case reported
    }

    public let measured: PublishedTable.Cell
    /// The prediction at the low and the high end of what is only known as a range; `nil` where
    /// the model says nothing.
    public let predicted: ClosedRange<Double>?
    public let role: Role
    public let band: PublishedTable.Band?
    /// Whether the prediction comes within its band; `nil` where there is none to hold.
    public let holds: Bool?
    /// Why it is known not to.
    public let knownMiss: String?

    /// Whether it came out as the file expects.
    public var isAsExpected: Bool { holds.map { $0 == (knownMiss == nil) } ?? true }

    /// How far the prediction is off, in per cent, at its nearest end.
    public var error: Double? {
      guard let predicted, measured.value > 0 else { return nil }
      let nearest = min(max(measured.value, predicted.lowerBound), predicted.upperBound)
      return (nearest / measured.value - 1) * 100
    }
  }

  /// A claim about the whole table, and what the model shows of it.
  public struct Check: Sendable {
    public let claim: PublishedTable.Claim
    public let holds: Bool
    /// The numbers that decide.
    public let found: String

    public var isAsExpected: Bool { holds == claim.isExpected }
  }

  public let table: PublishedTable
  public let cells: [Cell]
  public let checks: [Check]
  /// What the calibration came to.
  public let calibrated: [Calibrated]
  /// What the model shows beyond the table.
  public let studies: [Study]

  /// Whether everything came out as the file expects.
  public var isAsExpected: Bool {
    cells.allSatisfy(\.isAsExpected) && checks.allSatisfy(\.isAsExpected)
  }
}

/// A number that a calibration came to.
public struct Calibrated: Sendable {
  public let name: String
  public let value: Double
  public let unit: String
  public let meaning: String
}

/// A table of results beside the published one.
public struct Study: Sendable {
  public enum Value: Equatable, Sendable {
    case text(String)
    case number(Double)
    /// Between the ends of what is only known as a range.
    case interval(Double, Double)
    /// A share by which something is off.
    case error(Double)
  }

  public let title: String
  public let columns: [String]
  /// A value for each column.
  public let rows: [[Value]]
  /// What to make of it.
  public let note: String
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
public struct Effort: Sendable {
  /// The part of the iterations, from 0 to 1.
  public let share: Double
  public let seed: UInt32

  public init(share: Double = 1, seed: UInt32 = 1) {
    self.share = min(max(share, 0), 1)
    self.seed = seed
  }

  func part(of count: Int) -> Int { max(1, Int((Double(count) * share).rounded())) }
}

extension PublishedTable {
  /// Calibrates the model on the cells that the file names, and predicts the others.
  public func reproduce(_ effort: Effort = Effort()) throws(InputError) -> Reproduction {
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

  private func model(_ effort: Effort) throws(InputError) -> any PublishedModel {
    switch name {
    case .exitLadder: try ExitLadder(self, effort)
    case .walkReads: try WalkReads(self, effort)
    case .commandQueue: try CommandQueueScaling(self, effort)
    case .invalidation: try InvalidationCollapse(self, effort)
    case .translationCache: try TranslationCacheGrid(self, effort)
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
