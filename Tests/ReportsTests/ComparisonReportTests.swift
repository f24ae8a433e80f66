import Designs
import Files
import Reports
import ResultFixtures
import Scenarios
import Simulation
import Testing

@Suite("Comparison reports")
struct ComparisonReportTests {
  static let comparison = Comparison(
    scenario: Fixtures.scenario(),
    results: [Fixtures.refused(), Fixtures.result(Fixtures.other, address: 0xffff_f040)])

  @Test("a table has a row for each design, its reason below it, and names assumed costs")
  func table() {
    #expect(
      Self.comparison.report(as: .table, on: Terminal(width: 140)) == """
        fixture
        Shows what is shown.
        guest-usage dma-api; guest-kernel 6.5; host-kernel 7.3; costs fixture; seed 7; workload synthetic

        design        set-up    MSIs            address  data  exits at    exits   p50   p99
                                                                 set-up  per MSI    us    us
        rmr-identity  refused:  none                  -     -        34        0     -     -
                      EINVAL
          Both stages map the doorbell. __iommu_take_dma_ownership: "Firmware has requested this device have a 1:1 IOMMU mapping"
        untrapped*    enabled   4 delivered  0xfffff040   0x3        34      1.5  2.00  4.00
          Both stages map the doorbell.
          * It rests on what no released kernel or VMM has: ioas-map-msi (never posted), itt-mirror (never posted).

        Times rest on assumed costs: table-read ('doorbell costs show fixture').

        """)
  }

  @Test("a narrow terminal gets a block for each design, and no line that could be shorter is long")
  func narrow() {
    let text = Self.comparison.report(as: .table, on: Terminal(width: 60))
    #expect(
      text.contains(
        """
        untrapped*
          set-up           enabled
          MSIs             4 delivered
          address          0xfffff040
        """))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 60 })
  }

  @Test("colour appears only where it is wanted, and changes no text")
  func color() {
    let plain = Self.comparison.report(as: .table, on: Terminal(width: 140))
    let painted = Self.comparison.report(as: .table, on: Terminal(width: 140, hasColor: true))
    #expect(!plain.contains("\u{1B}"))
    #expect(painted.contains("\u{1B}[32m4 delivered\u{1B}[0m"))
    #expect(painted.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain)
  }

  @Test("the JSON has the promised fields")
  func json() throws {
    let json = Self.comparison.json
    #expect(json["scenario"] == .string("fixture"))
    #expect(json["seed"] == .integer(7))
    guard case .array(let results) = json["results"] else {
      Issue.record("results is no list")
      return
    }
    let refused = try #require(results.first)
    #expect(
      refused["setup"]
        == [
          "outcome": .string("refused"), "by": .string("guest"),
          "function": .string("__iommu_take_dma_ownership"), "errno": .string("EINVAL"),
          "message": .string("Firmware has requested this device have a 1:1 IOMMU mapping"),
          "chain": [],
        ])
    #expect(refused["verdict"] == .string("refused"))
    #expect(refused["message"] == .null)
    #expect(refused["latency"]?["p50"] == .null)
    let delivered = try #require(results.last)
    #expect(delivered["design"] == .string("untrapped"))
    #expect(delivered["setup"]?["outcome"] == .string("enabled"))
    #expect(delivered["setup"]?["errno"] == .null)
    #expect(
      delivered["message"] == ["address": .string("0xfffff040"), "data": .string("0x3")])
    #expect(
      delivered["journeys"]
        == [
          "delivered": .integer(4), "refused": .integer(0), "dropped": .integer(0),
          "fault": .integer(0), "lost": .integer(0), "misrouted": .integer(0),
          "corrupted": .integer(0), "total": .integer(4),
        ])
    #expect(delivered["exits"]?["setup"] == .integer(34))
    #expect(delivered["exits"]?["perInterrupt"] == .number(1.5))
    #expect(
      delivered["latency"]
        == [
          "p50": .integer(2000), "p99": .integer(4000), "max": .integer(4000),
          "unit": .string("ns"), "low": Self.ends(2000, 4000), "high": Self.ends(2000, 4000),
        ])
    #expect(delivered["why"] == .string("Both stages map the doorbell."))
  }

  static func ends(_ p50: Int, _ p99: Int) -> JSONValue {
    ["p50": .integer(p50), "p99": .integer(p99), "max": .integer(p99)]
  }

  @Test("a latency that rests on a range is an interval in every form")
  func interval() throws {
    var result = Fixtures.result(Fixtures.other)
    result.latenciesAtHighEnd = [1500, 2040, 3500, 5000].map(SimulatedTime.nanoseconds)
    let comparison = Comparison(scenario: Fixtures.scenario(), results: [result])
    let table = comparison.report(as: .table, on: Terminal(width: 140))
    #expect(table.contains("2.00..2.04  4.00..5.00"))
    guard case .array(let results) = comparison.json["results"] else { return }
    let latency = try #require(results.first?["latency"])
    #expect(latency["p50"] == .null)
    #expect(latency["low"] == Self.ends(2000, 4000))
    #expect(latency["high"] == Self.ends(2040, 5000))
    #expect(comparison.report(as: .csv).hasSuffix(",2040,5000,5000,ioas-map-msi; itt-mirror\r\n"))
  }

  @Test("CSV has one line a design and quotes what needs it")
  func csv() {
    let lines = Self.comparison.report(as: .csv).split(separator: "\r\n")
    #expect(lines.map(String.init) == Self.csvLines)
  }

  static let csvLines: [String] = [
    """
    scenario,seed,design,setup,by,errno,verdict,delivered,refused,dropped,fault,lost,misrouted,\
    corrupted,total,address,data,exits_setup,exits_per_interrupt,p50_ns,p99_ns,max_ns,why,p50_high_ns,p99_high_ns,max_high_ns,\
    missing_interfaces
    """,
    """
    fixture,7,rmr-identity,refused,guest,EINVAL,refused,0,0,0,0,0,0,0,0,,,34,0,,,,\
    Both stages map the doorbell.,,,,
    """,
    """
    fixture,7,untrapped,enabled,,,delivered,4,0,0,0,0,0,0,4,0xfffff040,0x3,34,1.5,2000,4000,\
    4000,Both stages map the doorbell.,2000,4000,4000,ioas-map-msi; itt-mirror
    """,
  ]

  @Test("Markdown has a table and the reasons")
  func markdown() {
    let text = Self.comparison.report(as: .markdown)
    #expect(
      text.contains(
        "| untrapped* | enabled | 4 delivered | 0xfffff040 | 0x3 | 34 | 1.5 | 2.00 | 4.00 |\n"
      ))
    #expect(text.contains("| rmr-identity | refused: EINVAL | none | - |"))
    #expect(
      text.contains("- `untrapped`: Both stages map the doorbell.\n  - \\* It rests on what no"))
    #expect(text.contains("assumed costs: table-read"))
  }
}
