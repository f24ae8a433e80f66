import Files
import Published
import Reports
import ResultFixtures
import Scenarios
import Testing

@Suite("Reports of published tables")
struct PublishedReportTests {
  static func reproduction() throws -> Reproduction {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    return try PublishedTable(.exitLadder, in: folder).reproduce(Effort(share: 0.001))
  }

  @Test("a table has measured, predicted, error and band of every cell, and what they rest on")
  func table() throws {
    let report = PublishedReport([try Self.reproduction()])
    let text = report.text(as: .table, on: Terminal(width: 120))
    for part in [
      "measured", "predicted", "error", "band", "mmio_user", "±20 %", "holds", "calibration",
      "no band promised", "direct-injection 100..2000 ns (range)", "0 unexpected",
      "W in a part that scales with E",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(!text.contains("UNEXPECTED") && !text.contains("MISSES"))
    let lines = text.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 120 }, "\(lines.filter { $0.count > 120 })")
  }

  @Test("JSON has every cell with its role and its source")
  func json() throws {
    let reproduction = try Self.reproduction()
    guard case .array(let tables)? = PublishedReport([reproduction]).json["tables"],
      case .array(let cells)? = tables.first?["cells"]
    else {
      Issue.record("no cells")
      return
    }
    #expect(cells.count == reproduction.cells.count)
    #expect(tables.first?["asExpected"] == .bool(true))
    for cell in cells {
      guard case .string(let source)? = cell["source"] else {
        Issue.record("no source")
        continue
      }
      #expect(!source.isEmpty)
    }
    #expect(cells.filter { $0["role"] == .string("held out") }.count == 8)
  }

  @Test("CSV and Markdown have a line for each cell")
  func lines() throws {
    let reproduction = try Self.reproduction()
    let report = PublishedReport([reproduction])
    #expect(
      report.text(as: .csv).components("\r\n").count == reproduction.cells.count + 2)
    let markdown = report.text(as: .markdown)
    #expect(
      markdown.contains("| Kunpeng 920 | mmio_vgic | ns | 638 | 601 | -5.75 % | ±10 % | holds |"))
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}
