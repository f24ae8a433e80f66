import Designs
import Engine
package import Files
import Guest
import Linux
package import Scenarios
import Simulation
import Timing

/// The report of a load under several designs.
package struct LoadReport: Sendable {
  let study: LoadStudy
  /// Whether the table shows how latencies are spread.
  let showsHistograms: Bool

  package init(_ study: LoadStudy, histograms: Bool = false) {
    self.study = study
    showsHistograms = histograms
  }

  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: csv
    case .markdown: markdown
    }
  }

  var conditions: String {
    let setting = study.setting
    let devices = setting.devices.map { "\($0.count) \($0.name) of \($0.queues) queues" }
    return "\(devices.joined(separator: ", ")); \(setting.virtualMachines) VM of "
      + "\(setting.virtualCPUs) vCPU on \(setting.physicalCPUs) CPU; costs "
      + "\(study.scenario.costs.name); \(study.seeds) seed\(study.seeds == 1 ? "" : "s") from "
      + "\(study.scenario.seed); \(brief(Double(setting.duration.nanoseconds) / 1e6)) ms run"
  }

  /// The line that says which numbers the times rest on.
  var assumption: String? {
    let used = study.rows.flatMap { row in
      [row.low, row.high].compactMap(\.self).flatMap(\.results).flatMap(\.usedCosts)
    }
    return study.scenario.costs.assumption(among: used)
  }

  /// The tables of the report: a title, and a row for each quantity or design.
  private func table(on terminal: Terminal) -> String {
    var output = terminal.paint(study.scenario.name, .heading) + "\n"
    output += paragraph(study.scenario.purpose, indent: "", width: terminal.width)
    output += paragraph(conditions, indent: "", width: terminal.width)
    for (title, quantities) in Self.sections {
      output += "\n" + grid(title, quantities, on: terminal)
    }
    let found = groups.flatMap { group in notes(group.map { study.rows[$0] }) }
    if !found.isEmpty { output += "\n" }
    for note in found { output += paragraph(note, indent: "", width: terminal.width) }
    for row in study.rows where row.low == nil {
      output += paragraph(
        "\(row.design.name): no load was run. \(row.probe.result.why)", indent: "",
        width: terminal.width)
    }
    for row in study.rows where showsHistograms {
      guard let low = row.low else { continue }
      output += "\n" + histogram(row.design.name, low.histogram).render(on: terminal)
    }
    for row in study.rows where !row.ramp.isEmpty {
      output += "\n" + ramp(row, terminal)
    }
    if let assumption {
      output += "\n" + paragraph(assumption, indent: "", width: terminal.width)
    }
    return output
  }

  package static let sections: [(String, [LoadQuantity])] = [
    ("load", LoadQuantity.headline), ("mean time of an MSI", LoadQuantity.stations),
    ("exits by cause", LoadQuantity.exits), ("use", LoadQuantity.uses),
    ("use of the busiest", LoadQuantity.hottest), ("requests that wait", LoadQuantity.waiting),
  ]

  /// The designs whose numbers are the same, by their places among the rows.
  private var groups: [[Int]] {
    var groups: [(texts: [String], rows: [Int])] = []
    for (place, row) in study.rows.enumerated() {
      let texts = Self.sections.flatMap(\.1).map { $0.text(row.low, row.high) }
      if let known = groups.firstIndex(where: { $0.texts == texts }) {
        groups[known].rows.append(place)
      } else {
        groups.append((texts, [place]))
      }
    }
    return groups.map(\.rows)
  }

  /// A row for each quantity that is not zero everywhere, and a column for each design; where those
  /// are too many for the terminal, a row for each design. Designs with the same numbers stand once.
  private func grid(
    _ title: String, _ quantities: [LoadQuantity], on terminal: Terminal
  ) -> String {
    let shown = groups.map { $0[0] }
    let lines = lines(quantities)
    let names = shown.map { study.rows[$0].design.name }
    var table = TextTable(
      [(title: title, alignment: .left), (title: "", alignment: .left)]
        + names.map { (title: $0, alignment: .right) })
    for (name, unit, cells) in lines {
      table.add(
        [TextTable.Cell(name), TextTable.Cell(unit)] + shown.map { TextTable.Cell(cells[$0]) })
    }
    guard table.naturalWidth > terminal.width else { return table.render(on: terminal) }
    var turned = TextTable(
      [(title: title, alignment: .left)]
        + lines.map { (title: "\($0.0)\n\($0.1)", alignment: .right) })
    for (place, name) in zip(shown, names) {
      turned.add([TextTable.Cell(name)] + lines.map { TextTable.Cell($0.2[place]) })
    }
    return turned.render(on: terminal)
  }

  private func lines(_ quantities: [LoadQuantity]) -> [(String, String, [String])] {
    quantities.compactMap { quantity in
      let cells = study.rows.map { quantity.text($0.low, $0.high) }
      let isEmpty = cells.allSatisfy { $0 == "0" || $0 == "0 ±0" || $0 == "-" }
      return isEmpty ? nil : (quantity.name, quantity.unit, cells)
    }
  }

  /// A bar for each bucket, as long as its share of the fullest.
  private func histogram(_ design: String, _ histogram: LatencyHistogram) -> TextTable {
    var table = TextTable([
      (title: "\(design): up to us", alignment: .right), (title: "MSIs", alignment: .right),
      (title: "", alignment: .left),
    ])
    let most = histogram.buckets.map(\.count).max() ?? 1
    for bucket in histogram.buckets {
      table.add([
        TextTable.Cell(brief(Double(bucket.nanoseconds) / 1000)),
        TextTable.Cell(String(bucket.count)),
        TextTable.Cell(String(repeating: "#", count: (40 * bucket.count + most - 1) / most)),
      ])
    }
    return table
  }

  private func ramp(_ row: LoadStudy.Row, _ terminal: Terminal) -> String {
    let quantities = LoadQuantity.ramp
    var table = TextTable(
      [(title: "\(row.design.name): load", alignment: .left)]
        + quantities.map { (title: "\($0.name)\n\($0.unit)", alignment: .right) }
        + [(title: "bound by", alignment: .left)])
    for step in row.ramp {
      table.add(
        [TextTable.Cell("x \(brief(step.factor))")]
          + quantities.map { TextTable.Cell($0.text(step.summary, step.summary)) }
          + [TextTable.Cell(step.summary.bottlenecks.map(\.name).joined(separator: ", "))])
    }
    return table.render(on: terminal) + kneeText(row) + "\n"
  }

  func kneeText(_ row: LoadStudy.Row) -> String {
    switch row.knee {
    case .none: return "no knee: more load still brings more"
    case .uncertain:
      return "no knee can be told: the rates differ by less than their confidence intervals"
    case .beforeFirst(let step):
      return "knee before the least load, x \(brief(step.factor)): \(rate(of: step))"
    case .at(let step): return "knee at x \(brief(step.factor)): \(rate(of: step))"
    }
  }

  private func rate(of step: LoadStudy.Step) -> String {
    Estimate.text(step.summary.rate.scaled(by: 0.001), step.summary.rate.scaled(by: 0.001))
      + " k events/s"
  }

  /// For spreadsheets: one line for each design and quantity, with the smaller end of its interval
  /// first, whichever end of the costs that is of.
  private var csv: String {
    var output = csvLine([
      "scenario", "seed", "seeds", "design", "load", "section", "quantity", "unit", "low",
      "low_half_width", "high", "high_half_width",
    ])
    func fields(_ estimate: Estimate?) -> [String] {
      [estimate.map { String($0.mean) } ?? "", estimate?.halfWidth.map { String($0) } ?? ""]
    }
    for row in study.rows {
      let loads =
        [(1.0, row.low, row.high)] + row.ramp.map { ($0.factor, $0.summary, $0.summary) }
      for (factor, low, high) in loads {
        for (title, quantities) in Self.sections {
          for quantity in quantities {
            var ends = [low.flatMap(quantity.value), high.flatMap(quantity.value)]
            if let first = ends[0], let second = ends[1], first.mean > second.mean {
              ends.swapAt(0, 1)
            }
            output += csvLine(
              [
                study.scenario.name, String(study.scenario.seed), String(study.seeds),
                row.design.name, String(factor), title, quantity.name, quantity.unit,
              ] + ends.flatMap(fields))
          }
        }
      }
    }
    return output
  }

  private var markdown: String {
    var output = "**\(study.scenario.name)**: \(study.scenario.purpose)\n\n\(conditions)\n"
    for (title, quantities) in Self.sections {
      output += "\n| \(title) | | " + study.rows.map(\.design.name).joined(separator: " | ")
      output += " |\n|---|---|" + study.rows.map { _ in "--:|" }.joined() + "\n"
      for (name, unit, cells) in lines(quantities) {
        output += markdownLine([name, unit] + cells)
      }
    }
    for note in groups.flatMap({ group in notes(group.map { study.rows[$0] }) }) {
      output += "\n\(note)\n"
    }
    for row in study.rows where !row.ramp.isEmpty {
      output += "\n`\(row.design.name)`: \(kneeText(row))\n"
    }
    return output + (assumption.map { "\n\($0)\n" } ?? "")
  }
}

extension LoadReport {
  /// For programs.
  package var json: JSONValue {
    [
      "scenario": .string(study.scenario.name),
      "seed": .integer(Int(study.scenario.seed)),
      "seeds": .integer(study.seeds),
      "costs": .string(study.scenario.costs.name),
      "rests": .string(assumption),
      "results": .array(study.rows.map(json)),
    ]
  }

  private func json(_ row: LoadStudy.Row) -> JSONValue {
    [
      "design": .string(row.design.name),
      "verdict": .string(row.probe.result.verdict.rawValue),
      "why": .string(row.probe.result.why),
      "low": row.low.map(json) ?? .null,
      "high": row.high.map(json) ?? .null,
      "settled": .bool(row.settling.allSatisfy { $0 == .settled }),
      "bottlenecks": .array(row.bottlenecks.map { .string($0.name) }),
      "knee": row.knee.step.map { .number($0.factor) } ?? .null,
      "ramp": .array(
        row.ramp.map { ["load": .number($0.factor), "result": json($0.summary)] }),
    ]
  }

  private func json(_ summary: LoadSummary) -> JSONValue {
    .object(
      [JSONValue.Member("latencies", json(summary.histogram))]
        + Self.sections.map { title, quantities in
          JSONValue.Member(
            title.memberName,
            .object(
              quantities.map { quantity in
                let estimate = quantity.value(summary)
                return JSONValue.Member(
                  quantity.name.memberName,
                  [
                    "unit": .string(quantity.unit),
                    "mean": estimate.map { .number($0.mean) } ?? .null,
                    "halfWidth": estimate?.halfWidth.map { .number($0) } ?? .null,
                  ])
              }))
        })
  }

  private func json(_ histogram: LatencyHistogram) -> JSONValue {
    .array(
      histogram.buckets.map {
        ["upToNanoseconds": .integer(Int(clamping: $0.nanoseconds)), "count": .integer($0.count)]
      })
  }
}
