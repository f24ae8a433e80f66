package import Files
package import Scenarios

/// Plan of a sweep: the kind of run at each point, and the points.
package struct SweepPlan: Sendable {
  /// Kind of run at each point.
  package enum Kind: String, CaseIterable, Sendable {
    case load
    case compare
  }

  /// The file as the user would name it.
  package let file: String
  package let purpose: String
  package let kind: Kind
  /// The seeds that each point runs with, one at least.
  package let seeds: [UInt32]
  /// The fields that differ between points, in the order of the file.
  package let fields: [String]
  /// All points, in an order that depends on the plan alone.
  package let points: [SweepPoint]

  /// The SHA-256 of everything that the results depend on: what runs, and all points.
  package let digest: String

  /// More points than these are refused.
  package static let pointLimit = 100_000

  /// The points that are those of one shard: of each `count`, the one at `number`.
  ///
  /// - Parameters:
  ///   - number: counted from 1.
  ///   - count: 1 at least.
  package func points(shard number: Int, of count: Int) -> [SweepPoint] {
    points.filter { ($0.number - 1) % max(1, count) == number - 1 }
  }
}

extension SweepPlan.Kind {
  /// Meaning of the kind, for readers of the schema.
  var meaning: String {
    switch self {
    case .load: "What 'doorbell load' runs: many devices, virtual and physical CPUs."
    case .compare: "What 'doorbell compare' runs: one guest and one device, bit for bit."
    }
  }
}

extension Shape {
  /// The plan of a sweep.
  package static let sweep = Shape.record([
    .required("purpose", .anyText, "One line, the first of the file: what the sweep shows."),
    .required("run", .choice(of: SweepPlan.Kind.self, \.meaning), "What runs at each point."),
    .required("scenario", .anyText, "The name of a scenario, or the path of its file."),
    .optional(
      "designs", .list(.anyText), "Names of designs, or paths; those of the scenario if not given."
    ),
    .optional(
      "seeds", .list(.integer(0...UInt64(UInt32.max))),
      "Each point runs with each; the scenario's seed if not given."),
    .optional("fields", .settings(listed: false), "Values that all points have."),
    .optional(
      "grid", .settings(listed: true),
      "Lists of values: a point for each combination, the last field changing fastest."),
    .optional(
      "list", .list(.settings(listed: false)),
      "Values that belong together: each of the grid's points once with each item."),
  ])
}
