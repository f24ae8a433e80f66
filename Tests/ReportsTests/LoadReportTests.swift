import Designs
import Files
import Reports
import ResultFixtures
import Scenarios
import Simulation
import Testing
import Timing

@Suite("Load reports")
struct LoadReportTests {
  static func study(seeds: Int, factors: [Double] = []) async throws -> LoadStudy {
    var scenario = try ScenarioFolder(path: "\(repository)/scenarios").scenario(named: "load-nic")
    scenario.designs = Array(scenario.designs.prefix(2))
    scenario.load?.duration = .nanoseconds(1_000_000)
    return try await scenario.study(seeds: seeds, factors: factors)
  }

  @Test("a table has the load, the stations and the exits, a column for each design")
  func table() async throws {
    let text = LoadReport(try await Self.study(seeds: 2)).text(
      as: .table, on: Terminal(width: 120))
    for part in [
      "events", "p99", "±", "wake-up", "delivery physical interrupt", "..", "rmr-identity",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(text.contains("ranges, whose ends give low..high: walk-cache-hit, table-read"))
    #expect(!text.contains("residency"), "a cost that no MSI here rests on")
  }

  @Test("one seed has a confidence interval from batches of its run")
  func oneSeed() async throws {
    let study = try await Self.study(seeds: 1)
    #expect(LoadReport(study).text(as: .table).contains("±"))
    let summary = try #require(study.rows.first?.low)
    let estimate = summary.rate
    #expect(estimate.mean == summary.results[0].throughput)
    #expect((estimate.halfWidth ?? 0) > 0)
  }

  @Test("a ramp has a row for each factor and names the knee")
  func ramp() async throws {
    let study = try await Self.study(seeds: 1, factors: [0.5, 1, 128])
    let text = LoadReport(study).text(as: .table)
    #expect(text.contains("x 0.50") && text.contains("x 128"))
    #expect(text.contains("knee"))
    #expect(LoadReport(study).text(as: .markdown).contains("`rmr-identity`: knee"))
  }

  @Test("JSON and CSV hold every quantity of every design at both ends")
  func machineReadable() async throws {
    let report = LoadReport(try await Self.study(seeds: 2))
    guard case .array(let results) = report.json["results"], let first = results.first else {
      Issue.record("no results")
      return
    }
    #expect(results.count == 2)
    for end in ["low", "high"] {
      let p50 = first[end]?["load"]?["p50"]
      #expect(p50?["unit"] == .string("us"))
      #expect(p50?["halfWidth"] != .null)
      #expect(first[end]?["meanTimeOfAnMSI"]?["walks"] != nil)
      guard case .array(let buckets)? = first[end]?["latencies"] else {
        Issue.record("no histogram")
        continue
      }
      #expect(!buckets.isEmpty)
    }
    let lines = report.text(as: .csv).split(separator: "\r\n")
    let quantities = LoadReport.sections.reduce(0) { $0 + $1.1.count }
    #expect(lines.count == 1 + 2 * quantities)
    for line in lines {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      #expect(fields.count == 12, "\(line)")
      // An interval begins with its smaller end, also where high costs make a number smaller.
      if let low = Double(fields[8]), let high = Double(fields[10]) {
        #expect(low <= high, "\(line)")
      }
    }
  }
}
