import Files
import Foundation
import Reports
import ResultFixtures
import Scenarios
import Testing

@testable import Sweeps

@Suite("Reports of sweeps")
struct SweepReportTests {
  /// Two designs at three depths, with numbers that name their place.
  static var results: SweepResults {
    let quantities = [
      SweepQuantity(section: "load", name: "p99", unit: "us"),
      SweepQuantity(section: "load", name: "exits", unit: "/MSI"),
    ]
    var rows: [SweepResults.Row] = []
    for (place, (design, depth)) in [
      ("a<b", "1"), ("a<b", "16"), ("a<b", "4"), ("z", "1"), ("z", "16"), ("z", "4"),
    ].enumerated() {
      let base = Double(place + 1)
      rows.append(
        .init(
          number: place + 1, hash: "h\(place)",
          fields: [.init(name: "design", value: design), .init(name: "load.depth", value: depth)],
          result: PointResult(
            outcome: "delivered", why: "it does",
            samples: [
              .init(seed: 1, low: [base, nil], high: [2 * base, nil]),
              .init(seed: 2, low: [base + 1, nil], high: [2 * base, nil]),
            ])))
    }
    return SweepResults(
      purpose: "Shows & tells.", kind: .load, digest: String(repeating: "d", count: 64),
      pointCount: 7, seeds: [1, 2], quantities: quantities, rows: rows.reversed())
  }

  @Test("a table has a row for each point, with interval and confidence, and says what is missing")
  func table() throws {
    let text = try SweepReport(Self.results).text(as: .table, on: Terminal(width: 100))
    #expect(
      text.contains("6 of 7 points; seeds 1, 2; plan dddddddddddd; these points have not run: 7"))
    // The mean of 1 and 2; 12.706 standard errors of 0.5.
    #expect(text.contains("1.50..2.00 ±6.35"))
    #expect(text.split(separator: "\n").last?.contains("delivered") == true)
  }

  @Test("CSV has a line for each point, seed and quantity")
  func csv() throws {
    let lines = try SweepReport(Self.results).text(as: .csv).split(separator: "\r\n")
    #expect(lines.count == 1 + 6 * 2 * 2)
    #expect(lines[1] == "1,h0,a<b,1,delivered,1,load,p99,us,1.0,2.0")
    #expect(lines[2] == "1,h0,a<b,1,delivered,1,load,exits,/MSI,,")
  }

  @Test("JSON is JSON, with means and half widths")
  func json() throws {
    let text = try SweepReport(Self.results).text(as: .json)
    let value = try JSONValue(parsing: Array(text.utf8))
    guard case .array(let rows)? = value["results"] else {
      Issue.record("no results")
      return
    }
    #expect(rows.count == 6)
    #expect(value["missing"] == [7])
  }

  @Test("the page asks nothing of a network, escapes texts, and has a line for each design")
  func html() throws {
    let text = try SweepReport(Self.results).text(as: .html)
    for forbidden in ["http:", "https:", "src=", "<script", "url("] {
      #expect(!text.contains(forbidden))
    }
    #expect(text.contains("Shows &amp; tells."))
    #expect(!text.contains("a<b"))
    #expect(text.components(separatedBy: "<polyline").count == 1 + 2)
    #expect(text.contains("prefers-color-scheme: dark"))
    // Every element that is opened is closed.
    for tag in ["svg", "g", "figure", "table", "tr", "td", "ul", "li", "div"] {
      let opened = text.matches(of: try Regex("<\(tag)[ >]")).count
      #expect(opened == text.components(separatedBy: "</\(tag)>").count - 1, "\(tag)")
    }
  }

  @Test("plots order numbers along the axis, with units, whatever the order of the points")
  func axis() throws {
    let plot = SweepPlot(Self.results, quantity: 0, along: "load.depth")
    #expect(plot.ticks.map(\.text) == ["1", "4", "16"])
    #expect(plot.ticks.map(\.place) == [0, 0.5, 1])
    #expect(plot.lines.map(\.name) == ["a<b", "z"])
    #expect(PlotNumber("60 ns")?.value == 60)
    #expect(PlotNumber("0.5 us")?.value == 500)
    #expect(PlotNumber("vfio") == nil)
  }

  @Test("places on a wide axis are in proportion to the logarithm, between powers of two as well")
  func logarithmicAxis() {
    let depths = ["1", "3", "10", "30", "100", "1000"]
    let rows = zip(Self.results.rows, depths).map { row, depth in
      SweepResults.Row(
        number: row.number, hash: row.hash,
        fields: [row.fields[0], .init(name: "load.depth", value: depth)], result: row.result)
    }
    let results = SweepResults(
      purpose: "", kind: .load, digest: "", pointCount: rows.count, seeds: [1, 2],
      quantities: Self.results.quantities, rows: rows)
    let ticks = SweepPlot(results, quantity: 0, along: "load.depth").ticks
    #expect(ticks.map(\.text) == ["1", "3", "10", "30", "100", "1000"])
    for tick in ticks {
      #expect(abs(tick.place - log10(Double(tick.text) ?? 0) / 3) < 1e-9, "\(tick.text)")
    }
  }

  @Test("an unknown quantity or field is an error with the nearest name")
  func unknown() throws {
    #expect(throws: (any Error).self) { try SweepReport(Self.results, quantities: ["p98"]) }
    #expect(throws: (any Error).self) { try SweepReport(Self.results, along: "load.deth") }
  }
}
