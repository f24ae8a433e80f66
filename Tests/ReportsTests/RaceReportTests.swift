import Designs
import Files
import Linux
import Reports
import Scenarios
import Simulation
import Software
import Testing

/// Reports of a study that is made up.
@Suite("Race report")
struct RaceReportTests {
  static let report = RaceReport([
    RaceStudy(
      design: "some-design", vector: 2,
      steps: ["first", "second", "third"].map {
        .init(time: .zero, agent: .host, function: "its_vlpi_map", text: $0)
      },
      gaps: [
        .init(steps: 0, outcome: .notSent, reason: "MSI-X is off"),
        .init(steps: 1, outcome: .notSent, reason: "MSI-X is off"),
        .init(steps: 2, outcome: .ended(.dropped), reason: "no such event"),
        .init(steps: 3, outcome: .ended(.delivered), reason: "it arrived, in time"),
      ])
  ])

  @Test("the table has a row for each stretch, with the step before it and the reason below")
  func table() {
    #expect(
      Self.report.text(as: .table) == """
        some-design
        one more MSI of vector 2 in each of 4 gaps: 2 not sent, 1 dropped, 1 delivered.

        after step  the MSI    what software had just done
               0-1  not sent   nothing
          MSI-X is off
                 2  dropped    host kernel: its_vlpi_map: second
          no such event
                 3  delivered  host kernel: its_vlpi_map: third
          it arrived, in time

        """)
  }

  @Test("CSV and JSON have each gap")
  func gaps() throws {
    let rows = Self.report.text(as: .csv).split(separator: "\r\n")
    #expect(rows.count == 5)
    #expect(
      rows.last
        == "some-design,2,3,host kernel: its_vlpi_map: third,delivered,\"it arrived, in time\",")
    let json = try JSONValue(parsing: Array(Self.report.text(as: .json).utf8))
    guard case .array(let studies) = json, case .array(let gaps)? = studies.first?["gaps"] else {
      Issue.record("expected one design with gaps, found \(json)")
      return
    }
    #expect(gaps.map { $0["outcome"] } == ["not sent", "not sent", "dropped", "delivered"])
    #expect(gaps[2]["after"] == "host kernel: its_vlpi_map: second")
    #expect(gaps[2]["reason"] == "no such event")
  }

  @Test("what rests on an interface that nothing released has is marked in every form")
  func unreleased() throws {
    let report = RaceReport([
      RaceStudy(
        design: "some-design", vector: 0, missingInterfaces: [.tableMirror], steps: [],
        gaps: [.init(steps: 0, outcome: .notSent, reason: "MSI-X is off")])
    ])
    let reason = "* It rests on what no released kernel or VMM has: itt-mirror (never posted)."
    #expect(report.text(as: .table).hasPrefix("some-design*\n"))
    #expect(report.text(as: .table).contains(reason))
    #expect(report.text(as: .markdown).contains(reason))
    #expect(report.text(as: .csv).contains("MSI-X is off,itt-mirror"))
    let json = try JSONValue(parsing: Array(report.text(as: .json).utf8))
    guard case .array(let studies) = json,
      case .array(let interfaces)? = studies.first?["missingInterfaces"]
    else {
      Issue.record("expected a design with interfaces, found \(json)")
      return
    }
    #expect(interfaces.map { $0["name"] } == ["itt-mirror"])
  }

  @Test("Markdown has a row for each stretch")
  func markdown() {
    let lines = Self.report.text(as: .markdown).split(separator: "\n")
    #expect(lines.count == 6)
    #expect(
      lines.last == "| 3 | host kernel: its_vlpi_map: third | delivered | it arrived, in time |")
  }
}
