import Files
package import Reports

/// The points of a plan before they run.
package struct PointList: Sendable {
  let plan: SweepPlan
  let points: [SweepPoint]
  let finished: Set<Int>

  /// - Parameters:
  ///   - points: those of the plan that are listed.
  ///   - finished: the numbers of those that have run.
  package init(plan: SweepPlan, points: [SweepPoint], finished: Set<Int>) {
    self.plan = plan
    self.points = points
    self.finished = finished
  }

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    let titles = ["point", "hash", "state"] + plan.fields
    switch format {
    case .table:
      var table = TextTable(
        titles.enumerated().map { (title: $1, alignment: $0 == 0 ? .right : .left) })
      for point in points {
        table.add(cells(point).map { TextTable.Cell($0) }, note: point.impossibility ?? "")
      }
      return table.render(on: terminal)
    case .csv: return ([titles] + points.map(cells)).map(csvLine).joined()
    case .markdown:
      return markdownLine(titles) + "|" + titles.map { _ in "---|" }.joined() + "\n"
        + points.map { markdownLine(cells($0)) }.joined()
    case .json:
      let list: JSONValue = [
        "plan": .string(plan.digest), "points": .array(points.map(json)),
      ]
      return list.indentedText + "\n"
    }
  }

  private func state(_ point: SweepPoint) -> String {
    if finished.contains(point.number) { return "finished" }
    return point.impossibility == nil ? "waiting" : PointResult.impossible
  }

  private func cells(_ point: SweepPoint) -> [String] {
    [String(point.number), String(point.hash.prefix(12)), state(point)] + point.fields.map(\.value)
  }

  private func json(_ point: SweepPoint) -> JSONValue {
    [
      "number": .integer(point.number), "hash": .string(point.hash),
      "state": .string(state(point)), "why": .string(point.impossibility),
      "fields": .object(point.fields.map { JSONValue.Member($0.name, .string($0.value)) }),
    ]
  }
}
