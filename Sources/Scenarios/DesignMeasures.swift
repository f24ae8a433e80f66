package import Linux

/// Measures by which designs are compared as a whole.
package struct DesignMeasures: Equatable, Sendable {
  /// Exits in a column in which every MSI is delivered.
  package struct Exits: Equatable, Sendable {
    package let setup: Int
    package let perInterrupt: Double

    package init(setup: Int, perInterrupt: Double) {
      self.setup = setup
      self.perInterrupt = perInterrupt
    }
  }

  /// For each column its exits; `nil` where not every MSI is delivered.
  package let exits: [Exits?]
  /// Unreleased interfaces that it needs.
  package let interfaces: [ReleaseSwitch]
  /// The names of the attacks that reach what is another party's.
  package let breaches: [String]

  package init(exits: [Exits?], interfaces: [ReleaseSwitch], breaches: [String] = []) {
    self.exits = exits
    self.interfaces = interfaces
    self.breaches = breaches
  }

  /// A respect in which one design is worse than another.
  package enum Shortfall: Hashable, Sendable {
    /// It does not deliver in a column in which the other does.
    case fails(column: Int)
    /// An attack reaches what is another party's, as it does not under the other.
    case breach(attack: String)
    /// It takes more exits for each MSI in a column in which both deliver.
    case exitsPerInterrupt
    /// It takes more exits at set-up in a column in which both deliver.
    case exitsAtSetup
    /// It needs more interfaces that no released kernel has.
    case interfaces
  }

  /// Returns the respects in which it is worse than `other`, columns first, then attacks.
  package func shortfalls(against other: DesignMeasures) -> [Shortfall] {
    var fails: [Shortfall] = []
    var isSlower = false
    var isHeavier = false
    for (column, theirs) in other.exits.enumerated() {
      guard let theirs else { continue }
      guard let own = exits[column] else {
        fails.append(.fails(column: column))
        continue
      }
      isSlower = isSlower || own.perInterrupt > theirs.perInterrupt
      isHeavier = isHeavier || own.setup > theirs.setup
    }
    let breached = breaches.filter { !other.breaches.contains($0) }
    return fails + breached.map { .breach(attack: $0) }
      + (isSlower ? [.exitsPerInterrupt] : []) + (isHeavier ? [.exitsAtSetup] : [])
      + (interfaces.count > other.interfaces.count ? [.interfaces] : [])
  }

  /// Whether it is no worse than `other` in any respect, and better in one. What delivers nowhere
  /// is worse than whatever delivers somewhere, however little it needs and exposes.
  package func isBetter(than other: DesignMeasures) -> Bool {
    if works > 0, other.works == 0 { return true }
    return shortfalls(against: other).isEmpty && !other.shortfalls(against: self).isEmpty
  }

  /// In how many columns every MSI is delivered.
  package var works: Int { exits.count { $0 != nil } }
}
