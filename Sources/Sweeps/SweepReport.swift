package import Files
package import Reports
import Scenarios

/// The forms of a sweep's report.
package enum SweepFormat: String, CaseIterable, Sendable {
  case table, json, csv, markdown, html
}

/// The results of a sweep, a row for each point.
package struct SweepReport: Sendable {
  let results: SweepResults
  /// The quantities that tables and plots show, as places in the results' list.
  let shown: [Int]
  /// The field that plots go along; `nil` when no field differs between points.
  let axis: String?

  /// - Parameters:
  ///   - quantities: names of those to show; none for the usual ones.
  ///   - along: the field that plots go along; `nil` for the last one whose values are numbers.
  /// - Throws: `InputError` for an unknown quantity or field.
  package init(
    _ results: SweepResults, quantities: [String] = [], along: String? = nil
  ) throws(InputError) {
    self.results = results
    let names = results.quantities.map(\.name)
    var shown: [Int] = []
    for name in quantities.isEmpty ? Self.usual(results.kind) : quantities {
      guard let place = names.firstIndex(of: name) else {
        if quantities.isEmpty { continue }
        throw InputError(
          "--quantity: expected \(alternatives(names)), found \(name.quoted)"
            + suggestion(for: name, among: names))
      }
      shown.append(place)
    }
    self.shown = shown
    let fields = results.rows.first?.fields.map(\.name) ?? []
    if let along, !fields.contains(along) {
      throw InputError(
        "--x: expected \(alternatives(fields)), found \(along.quoted)"
          + suggestion(for: along, among: fields))
    }
    axis = along ?? results.standardAxis
  }

  private static func usual(_ kind: SweepPlan.Kind) -> [String] {
    switch kind {
    case .load: ["events", "MSIs", "dropped", "p50", "p99", "exits", "host CPU"]
    case .compare: ["MSIs", "delivered", "exits at set-up", "exits", "p50", "p99"]
    }
  }

  package func text(as format: SweepFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: csv
    case .markdown: markdown
    case .html: html
    }
  }

  var conditions: String {
    let seeds = results.seeds.map(String.init)
    let text =
      "\(results.kind.rawValue); \(results.rows.count) of \(results.pointCount) points; "
      + "seed\(seeds.count == 1 ? "" : "s") \(seeds.prefix(10).joined(separator: ", "))"
      + (seeds.count > 10 ? " ..." : "") + "; plan \(results.digest.prefix(12))"
    return results.missing.isEmpty
      ? text : text + "; these points have not run: \(results.missingText)"
  }

  /// Titles and rows of the forms that people read.
  var titles: [String] {
    ["point"] + (results.rows.first?.fields.map(\.name) ?? []) + ["outcome"]
      + shown.map { results.quantities[$0].title }
  }

  func cells(_ row: SweepResults.Row) -> [String] {
    [String(row.number)] + row.fields.map(\.value) + [row.result.outcome]
      + shown.map { quantity in
        let estimate = row.estimate(quantity)
        // A count.
        if results.quantities[quantity].unit.isEmpty, let low = estimate?.low.mean,
          low == estimate?.high.mean, let count = Int(exactly: low)
        {
          return String(count)
        }
        return Estimate.text(estimate?.low, estimate?.high)
      }
  }

  private func table(on terminal: Terminal) -> String {
    var output = paragraph(results.purpose, indent: "", width: terminal.width)
    output += paragraph(conditions, indent: "", width: terminal.width) + "\n"
    let texts = 1...(results.rows.first?.fields.count ?? 0) + 1
    var table = TextTable(
      titles.enumerated().map {
        (
          title: $1.replacing(".", with: ".\n").replacing(" ", with: "\n"),
          alignment: texts.contains($0) ? .left : .right
        )
      })
    for row in results.rows {
      table.add(
        cells(row).map { TextTable.Cell($0) },
        note: row.result.outcome == PointResult.impossible ? row.result.why : "")
    }
    return output + table.render(on: terminal)
  }

  private var markdown: String {
    "\(results.purpose)\n\n\(conditions)\n\n" + markdownLine(titles)
      + "|" + titles.map { _ in "---|" }.joined() + "\n"
      + results.rows.map { markdownLine(cells($0)) }.joined()
  }

  /// For spreadsheets: a line for each point, seed and quantity.
  private var csv: String {
    let fields = results.rows.first?.fields.map(\.name) ?? []
    var output = csvLine(
      ["point", "hash"] + fields + [
        "outcome", "seed", "section", "quantity", "unit", "low", "high",
      ])
    for row in results.rows {
      let head = [String(row.number), row.hash] + row.fields.map(\.value) + [row.result.outcome]
      if row.result.samples.isEmpty {
        output += csvLine(head + Array(repeating: "", count: 6))
      }
      for sample in row.result.samples {
        for (place, quantity) in results.quantities.enumerated() {
          output += csvLine(
            head + [String(sample.seed), quantity.section, quantity.name, quantity.unit]
              + [sample.low, sample.high].map { numbers in
                numbers.indices.contains(place) ? numbers[place].map { String($0) } ?? "" : ""
              })
        }
      }
    }
    return output
  }
}

extension SweepResults {
  /// The last field that has several values, all of them numbers; without one, the last that has
  /// several values.
  fileprivate var standardAxis: String? {
    let fields = rows.first?.fields.map(\.name) ?? []
    let varied = fields.filter { Set(values(of: $0)).count > 1 }
    return varied.last { values(of: $0).allSatisfy { PlotNumber($0) != nil } } ?? varied.last
  }

  /// The values of a field, in the order of the points.
  func values(of field: String) -> [String] {
    rows.compactMap { row in row.fields.first { $0.name == field }?.value }
  }
}
