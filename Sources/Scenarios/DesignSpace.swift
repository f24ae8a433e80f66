package import Attacks
package import Designs
import Guest

/// Results of every combination of choices, and the front of those that nothing else is better
/// than.
package struct DesignSpace: Sendable {
  /// Designs that measure the same.
  package struct Point: Sendable {
    /// The simplest of them: one that ships, or the one that is nearest to one.
    package var design: Design { first.design }
    /// The others.
    package var alike: [Design] { others.map(\.design) }
    package let measures: DesignMeasures
    /// The result of `design` in each column.
    package var cells: [ComparisonMatrix.Cell] { first.cells }

    /// All of them.
    package var designs: [Design] { [design] + alike }

    fileprivate let first: ComparisonMatrix.Row
    fileprivate let others: [ComparisonMatrix.Row]

    /// - Parameter rows: the simplest first; `nil` for none.
    fileprivate init?(_ rows: [ComparisonMatrix.Row], _ measures: DesignMeasures) {
      guard let first = rows.first else { return nil }
      self.first = first
      others = Array(rows.dropFirst())
      self.measures = measures
    }
  }

  /// Designs that are worse than one member of the front in the same respects.
  package struct Family: Sendable {
    /// The number of the member of the front that is better.
    package let better: Int
    /// Respects in which they are worse than it.
    package let shortfalls: [DesignMeasures.Shortfall]
    /// By how good they are, the best first.
    package let points: [Point]

    package var designs: [Design] { points.flatMap(\.designs) }
  }

  /// Matrix of the runs: each cell with the first result if it works on every value of `every`,
  /// else with one that does not.
  package let matrix: ComparisonMatrix
  /// The axis on each of whose values a column has to work in order to count, if there is one.
  package let every: ComparisonAxis?
  /// Attacks that were made on every design; empty if isolation does not count.
  package let attacks: [Attack]
  package let enumeration: DesignEnumeration
  /// The best first: more columns that work, then fewer exits for each MSI, then fewer breaches,
  /// then fewer new interfaces.
  package let front: [Point]
  /// By the member of the front that is better, the largest first.
  package let families: [Family]

  /// - Parameters:
  ///   - matrix: the results of the consistent designs of `enumeration`.
  ///   - every: the axis on each of whose values they were run.
  ///   - attacks: attacks that were made on every design.
  ///   - breaches: for each row of the matrix the names of the attacks that breached.
  package init(
    _ matrix: ComparisonMatrix, every: ComparisonAxis? = nil, of enumeration: DesignEnumeration,
    attacks: [Attack] = [], breaches: [[String]] = []
  ) {
    self.matrix = matrix
    self.every = every
    self.enumeration = enumeration
    self.attacks = attacks
    let points = Self.points(matrix, breaches)
    let pareto = ParetoFront(count: points.count) {
      points[$0].measures.isBetter(than: points[$1].measures)
    }
    front = pareto.members.map { points[$0] }
    families = Self.families(points, pareto, every)
  }

  /// The rows of the matrix, those that measure the same together, the best first.
  private static func points(_ matrix: ComparisonMatrix, _ breaches: [[String]]) -> [Point] {
    var groups: [(measures: DesignMeasures, rows: [ComparisonMatrix.Row])] = []
    for (number, row) in matrix.rows.enumerated() {
      let measures = row.measures(breaches: breaches.isEmpty ? [] : breaches[number])
      if let index = groups.firstIndex(where: { $0.measures == measures }) {
        groups[index].rows.append(row)
      } else {
        groups.append((measures, [row]))
      }
    }
    let points = groups.compactMap { group -> Point? in
      Point(group.rows.stableSorted { $0.design.changes }, group.measures)
    }
    return points.stableSorted { $0.rank }
  }

  private static func families(
    _ points: [Point], _ pareto: ParetoFront, _ every: ComparisonAxis?
  ) -> [Family] {
    var families: [(key: FamilyKey, points: [Point])] = []
    for (number, point) in points.enumerated() {
      guard let better = pareto.betterMember[number],
        let place = pareto.members.firstIndex(of: better)
      else { continue }
      let shortfalls = point.measures.shortfalls(against: points[better].measures)
      for part in point.parts(every) {
        let key = FamilyKey(
          better: place, shortfalls: shortfalls, outcomes: part.first.outcomes(every))
        if let index = families.firstIndex(where: { $0.key == key }) {
          families[index].points.append(part)
        } else {
          families.append((key, [part]))
        }
      }
    }
    return families.map { key, points in
      Family(better: key.better, shortfalls: key.shortfalls, points: points)
    }.stableSorted { [$0.better, -$0.designs.count] }
  }

  private struct FamilyKey: Equatable {
    let better: Int
    let shortfalls: [DesignMeasures.Shortfall]
    /// Outcomes of the columns, each with its value on the axis, so that a family's reason is that
    /// of every member.
    let outcomes: [[String]]
  }
}

extension ComparisonMatrix.Row {
  func measures(breaches: [String]) -> DesignMeasures {
    DesignMeasures(
      exits: cells.map { cell in
        guard cell.works, let summary = cell.summary else { return nil }
        return .init(setup: summary.exits.setup, perInterrupt: summary.exitsPerInterrupt)
      }, interfaces: design.missingInterfaces,
      breaches: breaches)
  }
}

extension ComparisonMatrix.Row {
  /// Returns the outcomes of the columns, each with its value on the axis.
  fileprivate func outcomes(_ every: ComparisonAxis?) -> [[String]] {
    cells.map {
      [$0.summary?.verdict.rawValue ?? "", every?.value(of: $0.specification) ?? ""]
    }
  }
}

extension DesignSpace.Point {
  /// The same designs, those apart whose columns do not end alike: they measure the same, and for
  /// other reasons.
  fileprivate func parts(_ every: ComparisonAxis?) -> [DesignSpace.Point] {
    var groups: [(outcomes: [[String]], rows: [ComparisonMatrix.Row])] = []
    for row in [first] + others {
      let outcomes = row.outcomes(every)
      if let index = groups.firstIndex(where: { $0.outcomes == outcomes }) {
        groups[index].rows.append(row)
      } else {
        groups.append((outcomes, [row]))
      }
    }
    return groups.compactMap { DesignSpace.Point($0.rows, measures) }
  }
}

extension Design {
  /// On how many axes it differs from the design that it is named after.
  fileprivate var changes: [Int] { [name.count { $0 == "," }] }
}

extension DesignSpace.Point {
  /// Rank by which points are ordered: the better comes first.
  fileprivate var rank: [Int] {
    let exits = measures.exits.compactMap(\.self)
    let perInterrupt = exits.reduce(0) { $0 + $1.perInterrupt } / Double(max(exits.count, 1))
    let setup = exits.reduce(0) { $0 + $1.setup } / max(exits.count, 1)
    return [
      -measures.works, Int((perInterrupt * 1000).rounded()), measures.breaches.count,
      measures.interfaces.count, setup,
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
