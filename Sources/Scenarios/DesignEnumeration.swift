package import Designs

/// Every combination of choices on the axes of a design.
package struct DesignEnumeration: Sendable {
  /// The combinations that can stand together, each named after the nearest known design.
  package let consistent: [Design]
  /// Reasons why the others cannot, each with the number that it rules out, in order of first
  /// appearance.
  package let inconsistencies: [(reason: String, count: Int)]

  /// Number of all combinations.
  package var count: Int { consistent.count + inconsistencies.reduce(0) { $0 + $1.count } }

  /// - Parameter known: designs that combinations are named after; one at least.
  package init(namedAfter known: [Design]) {
    var consistent: [Design] = []
    var inconsistencies: [(reason: String, count: Int)] = []
    for combination in Self.combinations(from: known.prefix(1).map(\.self)) {
      if let reason = combination.inconsistency {
        if let index = inconsistencies.firstIndex(where: { $0.reason == reason }) {
          inconsistencies[index].count += 1
        } else {
          inconsistencies.append((reason, 1))
        }
      } else {
        consistent.append(Self.nearest(to: combination, in: known))
      }
    }
    self.consistent = consistent
    self.inconsistencies = inconsistencies
  }

  private static func combinations(from start: [Design]) -> [Design] {
    DesignAxis.all.reduce(start) { designs, axis in
      designs.flatMap { design in
        axis.choices.map { choice in
          var other = design
          _ = axis.choose(choice.word, for: &other)
          return other
        }
      }
    }
  }

  /// The combination as a variant of the known design that differs on the fewest axes, the first
  /// of several.
  private static func nearest(to combination: Design, in known: [Design]) -> Design {
    var best = combination
    var fewest = Int.max
    for base in known {
      let count = combination.settings(from: base).count
      if count < fewest { (best, fewest) = (base, count) }
    }
    return combination.named(after: best)
  }
}
