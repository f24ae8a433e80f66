package import Files
import GLibSupport
package import Scenarios

extension SweepPlan {
  /// The plan in the file at `path`.
  ///
  /// - Parameter folder: folder of the scenarios, designs and costs that are named.
  /// - Throws: `InputError` for a mistake in the plan, or in a file that it names.
  package init(path: String, in folder: ScenarioFolder) throws(InputError) {
    let value = try InputFile(path).value(as: .sweep)
    try value.checkPurpose()
    let kind = value.choice("run", Kind.self) ?? .load
    let scenario = try folder.file(
      .scenario, named: value.text("scenario"), from: value["scenario"]?.place, field: "scenario")
    let standard = try folder.scenario(named: scenario)
    if kind == .load, standard.load == nil, let name = value["scenario"] {
      throw name.error(expected: "a scenario whose workload is a 'load'")
    }
    let seeds = try Self.seeds(value["seeds"]) ?? [standard.seed]
    let axes = try SweepAxes(value, designsOf: standard, in: folder)
    var maker = PointMaker(scenario: scenario, kind: kind, seeds: seeds, axes: axes)
    var points: [SweepPoint] = []
    for number in 0..<axes.count { points.append(try maker.point(number, in: folder)) }
    try Self.refuseImpossible(points)
    self.file = path
    purpose = value.text("purpose")
    self.kind = kind
    self.seeds = seeds
    fields = axes.names
    self.points = points
    digest = Digest.sha256(Array((kind.rawValue + points.map { "\n" + $0.hash }.joined()).utf8))
  }

  /// `nil` when the plan names none.
  private static func seeds(_ value: CheckedValue?) throws(InputError) -> [UInt32]? {
    guard let value else { return nil }
    let seeds = value.items.map { UInt32(truncatingIfNeeded: $0.integer) }
    guard !seeds.isEmpty, seeds.count <= 1000, Set(seeds).count == seeds.count else {
      throw value.error(expected: "1 to 1000 seeds, each once")
    }
    return seeds
  }

  /// A plan of which no point can run is a mistake.
  private static func refuseImpossible(_ points: [SweepPoint]) throws(InputError) {
    var first: InputError?
    for point in points {
      guard case .impossible(let error) = point.subject else { return }
      first = first ?? error
    }
    if let first { throw first }
  }
}
