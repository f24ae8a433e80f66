package import Attacks
package import Designs
import Guest

extension Scenario {
  /// Runs every consistent combination of choices against the columns of these axes, and attacks
  /// it.
  ///
  /// - Parameters:
  ///   - every: an axis on each of whose values a column has to work in order to count, the first
  ///     being the scenario's own; `nil` where the scenario's own suffices.
  ///   - messages: number of the workload's MSIs that each run sends.
  ///   - attacks: attacks on each design, under the scenario's own conditions.
  ///   - arguments: of `doorbell explain`, besides those of the axes and `--design`.
  ///   - progress: told how many runs and attacks are done.
  package func explore(
    _ enumeration: DesignEnumeration, axes: [ComparisonAxis], every: ComparisonAxis? = nil,
    messages: Int, attacks: [Attack], arguments: [String], progress: (Int) -> Void = { _ in }
  ) async -> DesignSpace? {
    var scenario = self
    scenario.designs = enumeration.consistent
    scenario.workload = workload.limited(toMessages: messages)
    let plan = MatrixPlan(scenario, axes: axes, arguments: arguments)
    guard var matrix = await MatrixRuns([plan]).matrices(progress: progress).first else {
      return nil
    }
    var runs = plan.runs
    for value in every.map({ $0.values.dropFirst() }) ?? [] {
      let more = MatrixPlan(
        scenario, axes: axes + (every.map { [$0.only(value)] } ?? []), arguments: arguments)
      matrix = await more.confirming(matrix) { [runs] in progress(runs + $0) }
      runs += more.runs
    }
    let breaches = await scenario.breaches(of: attacks, where: matrix.rows.map(\.worksSomewhere)) {
      [runs] in progress(runs + $0)
    }
    return DesignSpace(
      matrix, every: every, of: enumeration, attacks: attacks, breaches: breaches)
  }

  /// For each design the names of the attacks that reach what is another party's. What delivers
  /// nowhere is worse than the rest whatever it exposes, and is not attacked.
  private func breaches(
    of attacks: [Attack], where works: [Bool], progress: (Int) -> Void
  ) async -> [[String]] {
    let attacked = designs.indices.filter { works[$0] }
    let count = attacks.count
    let outcomes = await inParallel(0..<attacked.count * count, progress: progress) { number in
      let specification = specification(of: designs[attacked[number / count]])
      return specification.attacked(by: attacks[number % count]).outcome == .breach
    }
    var breaches = Array(repeating: [String](), count: designs.count)
    for (place, row) in attacked.enumerated() {
      breaches[row] = attacks.indices.filter { outcomes[place * count + $0] }
        .map { attacks[$0].name }
    }
    return breaches
  }
}
