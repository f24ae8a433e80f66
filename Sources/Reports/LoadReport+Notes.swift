import Designs
import Engine
import Files
import Scenarios
import Simulation
import Timing

// What the numbers of a load don't say by themselves.
extension LoadReport {
  /// Whether a run has settled, what bounds it, and where designs with the same numbers differ.
  ///
  /// - Parameter rows: those whose numbers are the same.
  func notes(_ rows: [LoadStudy.Row]) -> [String] {
    guard let first = rows.first, first.low != nil else { return [] }
    return [alike(rows), partial(first), settling(first), bounds(first)].compactMap(\.self)
  }

  private func settling(_ row: LoadStudy.Row) -> String? {
    if row.settling.contains(.moving) {
      return "\(row.design.name): has not settled: what was measured still moved at the end of the "
        + "run; a longer 'duration' may give other numbers."
    }
    guard row.settling.contains(.tooFew) else { return nil }
    return "\(row.design.name): too few MSIs arrived to tell whether the run has settled; a longer "
      + "'duration' has more."
  }

  private func partial(_ row: LoadStudy.Row) -> String? {
    guard let shortest = row.shortest else { return nil }
    let time = brief(Double(shortest.nanoseconds) / 1e6)
    return "\(row.design.name): stopped after \(time) ms of the load."
  }

  private func bounds(_ row: LoadStudy.Row) -> String? {
    let found = row.bottlenecks
    guard !found.isEmpty else { return nil }
    return "\(row.design.name): bound by "
      + found.map { "\($0.name) (\(brief(100 * $0.use)) % busy\($0.end))" }
      .joined(separator: ", ") + "."
  }

  private func alike(_ rows: [LoadStudy.Row]) -> String? {
    guard rows.count > 1 else { return nil }
    let names = rows.map(\.design.name).joined(separator: ", ")
    let text = "\(names): alike in every number of this load"
    let counted = rows.map(Self.exits)
    let differences = counted[0].indices.compactMap { place -> String? in
      let (name, values) = (counted[0][place].name, counted.map { $0[place].count })
      guard Set(values).count > 1 else { return nil }
      return "\(name) (\(values.map { String($0) }.joined(separator: ", ")))"
    }
    return differences.isEmpty
      ? text + ", and in the exits of set-up, masks, unmaps and moves."
      : text + "; they differ in exits of " + differences.joined(separator: ", ") + "."
  }

  /// Exits that are no part of the steady path.
  private static func exits(_ row: LoadStudy.Row) -> [(name: String, count: Int)] {
    [(name: "set-up", count: row.probe.result.exits.setup)]
      + GuestWork.allCases.map { work in
        let count = row.probe.path?[work].exits.reduce(0) { $0 + $1.count } ?? 0
        return (name: work.name, count: count)
      }
  }
}

extension LoadStudy.Row {
  private var results: [LoadResult] { [low, high].compactMap(\.self).flatMap(\.results) }

  /// How far its shortest run came; `nil` where all ran to their ends.
  var shortest: SimulatedTime? {
    results.filter { !$0.isComplete }.map { $0.warmUp + $0.span }.min()
  }

  /// Whether its runs have settled, each kind of answer once.
  var settling: [Settling] {
    Settling.allCases.filter { state in results.contains { $0.settling == state } }
  }

  /// What bounds the load at either end of the costs' ranges.
  var bottlenecks: [(name: String, use: Double, end: String)] {
    LoadResource.allCases.compactMap { resource in
      let uses = [low, high].map { $0?.use(of: resource) ?? 0 }
      guard let most = uses.max(), most > ResourceUse.limit else { return nil }
      let isEverywhere = uses.allSatisfy { $0 > ResourceUse.limit }
      let end =
        isEverywhere
        ? "" : " with costs at their \(uses[0] > ResourceUse.limit ? "low" : "high") end"
      return (resource.name, most, end)
    }
  }
}

extension LoadSummary {
  /// What bounds the load.
  var bottlenecks: [LoadResource] {
    LoadResource.allCases.filter { use(of: $0) > ResourceUse.limit }
  }

  /// How busy the busiest of a resource was, in the mean over the seeds.
  fileprivate func use(of resource: LoadResource) -> Double {
    let uses = results.map { result in
      result.uses.first { $0.resource == resource }?.hottest ?? 0
    }
    return uses.isEmpty ? 0 : uses.reduce(0, +) / Double(uses.count)
  }
}
