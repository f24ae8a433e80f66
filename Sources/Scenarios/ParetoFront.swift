/// Which candidates nothing else is better than.
///
/// Better is a strict partial order: nothing is better than itself, and what is better than
/// something better is better too. Then every candidate that is not on the front has one on the
/// front that is better, which is why it was eliminated.
package struct ParetoFront: Equatable, Sendable {
  /// The numbers of the candidates on the front, in rising order.
  package let members: [Int]
  /// For each candidate, the first member that is better; `nil` for members.
  package let betterMember: [Int?]

  /// - Parameters:
  ///   - count: number of candidates.
  ///   - isBetter: whether the candidate of the first number is better than that of the second.
  package init(count: Int, isBetter: (Int, Int) -> Bool) {
    let candidates = 0..<count
    let members = candidates.filter { candidate in
      !candidates.contains { isBetter($0, candidate) }
    }
    self.members = members
    betterMember = candidates.map { candidate in
      members.first { isBetter($0, candidate) }
    }
  }
}
