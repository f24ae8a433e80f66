public import Designs
import Guest

extension Scenario {
  /// Runs every consistent combination of choices against the columns of these axes, and attacks
  /// it.
  ///
  /// - Parameters:
  ///   - messages: how many MSIs of the workload each run sends.
  ///   - attacks: what each design is attacked with, under the scenario's own conditions.
  ///   - arguments: of `doorbell explain`, besides those of the axes and `--design`.
  ///   - progress: told how many runs and attacks are done.
  public func explore(
    _ enumeration: DesignEnumeration, axes: [ComparisonAxis], messages: Int, attacks: [Attack],
    arguments: [String], progress: (Int) -> Void = { _ in }
  ) async -> DesignSpace? {
    var scenario = self
    scenario.designs = enumeration.consistent
    scenario.workload = workload.limited(toMessages: messages)
    let plan = MatrixPlan(scenario, axes: axes, arguments: arguments)
    guard let matrix = await [plan].run(progress: progress).first else { return nil }
    let breaches = await scenario.breaches(of: attacks) { progress(plan.runs + $0) }
    return DesignSpace(matrix, of: enumeration, attacks: attacks, breaches: breaches)
  }

  /// For each design the names of the attacks that reach what is somebody else's.
  private func breaches(of attacks: [Attack], progress: (Int) -> Void) async -> [[String]] {
    let specifications = specifications()
    let count = attacks.count
    let outcomes = await inParallel(0..<specifications.count * count, progress: progress) {
      number in
      let finding = try? specifications[number / count].attacked(by: attacks[number % count])
      return finding?.outcome == .breach
    }
    return specifications.indices.map { row in
      attacks.indices.filter { outcomes[row * count + $0] }.map { attacks[$0].name }
    }
  }
}
