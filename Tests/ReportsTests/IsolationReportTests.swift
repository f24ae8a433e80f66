import Attacks
import Designs
import Files
import Linux
import Reports
import Simulation
import Testing

/// Reports of findings that are made up.
@Suite("isolation report")
struct IsolationReportTests {
  static let attack = Attack.all[0]

  static func finding(
    _ design: String, _ outcome: IsolationFinding.Outcome,
    _ victim: IsolationFinding.Victim? = nil, _ detail: String = "as it must"
  ) -> IsolationFinding {
    IsolationFinding(
      design: design, attack: attack, outcome: outcome, victim: victim, detail: detail,
      measures: [.init("messages", 3)],
      stations: [
        .init(time: .zero, place: .device, address: 0x40, words: [1], meaning: "write 0x1 to 0x40")
      ])
  }

  static let report = IsolationReport([
    finding("one", .contained), finding("two", .contained),
    finding("three", .breach, .neighbour, "the \"other\" VM, reached"),
  ])

  @Test("the table has a matrix, and designs with the same results stand together")
  func table() {
    let text = Self.report.text(as: .table)
    #expect(text.contains("one     .\n  alike: two\nthree   B\n"))
    #expect(text.contains("contained: one, two\n"))
    #expect(text.contains("breach (neighbour): three\n"))
    #expect(!text.contains("\u{1b}"))
  }

  @Test("journeys are printed where they are wanted")
  func journeys() {
    let report = IsolationReport([Self.finding("one", .contained)], withJourneys: true)
    let text = report.text(as: .table)
    #expect(text.contains("messages: 3"))
    #expect(text.contains("write 0x1 to 0x40"))
    #expect(!Self.report.text(as: .table).contains("write 0x1 to 0x40"))
  }

  @Test("JSON has each finding with its evidence")
  func json() throws {
    let value = Self.finding("three", .breach, .neighbour).json
    #expect(value["design"] == "three")
    #expect(value["attack"] == .string(Self.attack.name))
    #expect(value["outcome"] == "breach")
    #expect(value["victim"] == "neighbour")
    #expect(value["measures"]?["messages"] == 3)
    let stations = try #require(value["stations"])
    guard case .array(let elements) = stations else { return #expect(Bool(false)) }
    #expect(elements.count == 1)
    #expect(Self.finding("one", .contained).json["victim"] == .null)
  }

  @Test("what rests on an interface that nothing released has is marked in every form")
  func unreleased() throws {
    var finding = Self.finding("three", .contained)
    finding.missingInterfaces = [.messageWindow]
    let report = IsolationReport([Self.finding("one", .contained), finding])
    let reason = "* msi-window: never posted"
    let table = report.text(as: .table)
    #expect(table.contains("alike: three*") && table.contains(reason))
    #expect(!table.contains("one*"))
    #expect(report.text(as: .markdown).contains(reason))
    let lines = report.text(as: .csv).split(separator: "\r\n")
    #expect(lines[0].hasSuffix(",missing_interfaces"))
    #expect(lines[1].hasSuffix(",") && lines[2].hasSuffix(",msi-window"))
    guard case .array(let items)? = finding.json["missingInterfaces"] else {
      Issue.record("no list")
      return
    }
    #expect(items.first?["name"] == "msi-window")
    #expect(Self.finding("one", .contained).json["missingInterfaces"] == [])
  }

  @Test("CSV quotes, and Markdown has a row for each attack")
  func documents() {
    let csv = Self.report.text(as: .csv)
    #expect(csv.contains("\"the \"\"other\"\" VM, reached\""))
    #expect(csv.split(separator: "\r\n").count == 4)
    let markdown = Self.report.text(as: .markdown)
    #expect(markdown.contains("| \(Self.attack.name) | contained | contained | breach |"))
  }
}
