public import Designs
import Guest

/// What every combination of choices comes to, and which of them nothing else is better than.
public struct DesignSpace: Sendable {
  /// Designs that measure the same.
  public struct Point: Sendable {
    /// The simplest of them: one that ships, or the one that is nearest to one.
    public let design: Design
    /// The others.
    public let alike: [Design]
    public let measures: DesignMeasures
    /// What `design` came to in each column.
    public let cells: [ComparisonMatrix.Cell]

    /// All of them.
    public var designs: [Design] { [design] + alike }
  }

  /// Designs that are worse than one member of the front in the same respects.
  public struct Family: Sendable {
    /// The number of the member of the front that is better.
    public let better: Int
    /// In which respects they are worse than it.
    public let shortfalls: [DesignMeasures.Shortfall]
    /// By how good they are, the best first.
    public let points: [Point]

    public var designs: [Design] { points.flatMap(\.designs) }
  }

  /// What was run.
  public let matrix: ComparisonMatrix
  public let enumeration: DesignEnumeration
  /// The best first: more columns that work, then fewer exits for each MSI, then fewer new
  /// interfaces.
  public let front: [Point]
  /// By the member of the front that is better, the largest first.
  public let families: [Family]

  /// - Parameter matrix: what the consistent designs of `enumeration` came to.
  public init(_ matrix: ComparisonMatrix, of enumeration: DesignEnumeration) {
    self.matrix = matrix
    self.enumeration = enumeration
    let points = Self.points(matrix)
    let pareto = ParetoFront(count: points.count) {
      points[$0].measures.isBetter(than: points[$1].measures)
    }
    front = pareto.members.map { points[$0] }
    families = Self.families(points, pareto)
  }

  /// The rows of the matrix, those that measure the same together, the best first.
  private static func points(_ matrix: ComparisonMatrix) -> [Point] {
    var groups: [(measures: DesignMeasures, rows: [ComparisonMatrix.Row])] = []
    for row in matrix.rows {
      let measures = row.measures
      if let index = groups.firstIndex(where: { $0.measures == measures }) {
        groups[index].rows.append(row)
      } else {
        groups.append((measures, [row]))
      }
    }
    let points = groups.compactMap { group -> Point? in
      let rows = group.rows.stableSorted { $0.design.changes }
      guard let first = rows.first else { return nil }
      return Point(
        design: first.design, alike: rows.dropFirst().map(\.design), measures: group.measures,
        cells: first.cells)
    }
    return points.stableSorted { $0.rank }
  }

  private static func families(_ points: [Point], _ pareto: ParetoFront) -> [Family] {
    var families: [(key: FamilyKey, points: [Point])] = []
    for (number, point) in points.enumerated() {
      guard let better = pareto.betterMember[number],
        let place = pareto.members.firstIndex(of: better)
      else { continue }
      let shortfalls = point.measures.shortfalls(against: points[better].measures)
      let key = FamilyKey(
        better: place, shortfalls: shortfalls, outcomes: point.cells.map(\.verdictWord))
      if let index = families.firstIndex(where: { $0.key == key }) {
        families[index].points.append(point)
      } else {
        families.append((key, [point]))
      }
    }
    return families.map { key, points in
      Family(better: key.better, shortfalls: key.shortfalls, points: points)
    }.stableSorted { [$0.better, -$0.designs.count] }
  }

  private struct FamilyKey: Equatable {
    let better: Int
    let shortfalls: [DesignMeasures.Shortfall]
    /// How the columns end, so that a family's reason is that of every member.
    let outcomes: [String]
  }
}

extension ComparisonMatrix.Row {
  var measures: DesignMeasures {
    DesignMeasures(
      exits: cells.map { cell in
        guard cell.works, let summary = cell.summary else { return nil }
        return .init(setup: summary.exits.setup, perInterrupt: summary.exitsPerInterrupt)
      }, interfaces: design.missingInterfaces)
  }
}

extension ComparisonMatrix.Cell {
  fileprivate var verdictWord: String { summary?.verdict.rawValue ?? "" }
}

extension Design {
  /// On how many axes it differs from the design that it is named after.
  fileprivate var changes: [Int] { [name.count { $0 == "," }] }
}

extension DesignSpace.Point {
  /// What points are ordered by: the better comes first.
  fileprivate var rank: [Int] {
    let exits = measures.exits.compactMap(\.self)
    let perInterrupt = exits.reduce(0) { $0 + $1.perInterrupt } / Double(max(exits.count, 1))
    let setup = exits.reduce(0) { $0 + $1.setup } / max(exits.count, 1)
    return [
      -measures.works, Int((perInterrupt * 1000).rounded()), measures.interfaces.count, setup,
    ]
  }
}

extension Array {
  /// The elements by their keys, those with equal keys in the order in which they stand.
  fileprivate func stableSorted(by key: (Element) -> [Int]) -> [Element] {
    enumerated().map { (key($1) + [$0], $1) }
      .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
  }
}

extension Scenario {
  /// Runs every consistent combination of choices against the columns of these axes.
  ///
  /// - Parameters:
  ///   - messages: how many MSIs of the workload each run sends.
  ///   - arguments: of `doorbell explain`, besides those of the axes and `--design`.
  ///   - progress: told how many runs are done.
  public func explore(
    _ enumeration: DesignEnumeration, axes: [ComparisonAxis], messages: Int, arguments: [String],
    progress: (Int) -> Void = { _ in }
  ) async -> DesignSpace? {
    var scenario = self
    scenario.designs = enumeration.consistent
    scenario.workload = workload.limited(toMessages: messages)
    let plan = MatrixPlan(scenario, axes: axes, arguments: arguments)
    return await [plan].run(progress: progress).first.map { DesignSpace($0, of: enumeration) }
  }
}
