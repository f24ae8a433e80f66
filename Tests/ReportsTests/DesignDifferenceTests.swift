import Bits
import Designs
import Files
import Reports
import ResultFixtures
import Scenarios
import Simulation
import Software
import Testing

@Suite("DesignDifference")
struct DesignDifferenceTests {
  private static func step(_ function: String, _ text: String) -> RunResult.PerformedStep {
    .init(
      time: .zero, agent: .host, function: function, text: text,
      belief: text.contains("believes")
        ? DoorbellBelief("MSI domain", .iova(0x800_0040), leadsTo: .pa(0x809_0040)) : nil)
  }

  private static func report(
    _ left: [RunResult.PerformedStep], _ right: [RunResult.PerformedStep]
  ) throws -> DesignDifference {
    try #require(
      DesignDifference(
        Comparison(
          scenario: Fixtures.scenario(),
          results: [
            Fixtures.result(steps: left, journey: Fixtures.journey),
            Fixtures.result(Fixtures.other, steps: right, journey: Fixtures.journey),
          ])))
  }

  @Test("the first step that differs is marked, and what is alike is left out")
  func text() throws {
    let report = try Self.report(
      [
        Self.step("a", "one"), Self.step("b", "two"), Self.step("c", "three"),
        Self.step("e", "believes"),
      ],
      [Self.step("a", "one"), Self.step("b", "2"), Self.step("c", "three"), Self.step("d", "new")])
    #expect(
      report.text(on: Terminal(width: 60)).split(separator: "\n").dropFirst(3).joined(
        separator: "\n") == """
          rmr-identity                   untrapped
          -- set-up --------------------------------------------------
          1 host kernel: a: one          1 host kernel: a: one
          -- the first step that differs -----------------------------
          2 host kernel: b: two        | 2 host kernel: b: 2
          3 host kernel: c: three        3 host kernel: c: three
          4 host kernel: e: believes   <
          => MSI domain: IOVA
            0x8000040 -> PA 0x8090040
                                       > 4 host kernel: d: new
          -- journey of the MSI --------------------------------------
          all 3 stations are alike
          -- outcome -------------------------------------------------
          delivered: It arrived.         delivered: It arrived.
          """)
  }

  @Test(
    "no line is longer than the terminal, however long the names",
    arguments: [40, 60, 80, 100, 120])
  func width(width: Int) throws {
    let long = String(repeating: "x", count: 90)
    let report = try Self.report([Self.step(long, "a \(long) b")], [Self.step("b", long)])
    for line in report.text(on: Terminal(width: width)).split(separator: "\n").dropFirst(3) {
      #expect(line.count <= width, "\(line)")
    }
  }

  @Test("the JSON has every row, and the number of the first that differs")
  func json() throws {
    let json = try Self.report(
      [Self.step("a", "one"), Self.step("b", "two")],
      [Self.step("a", "one"), Self.step("b", "2"), Self.step("c", "3")]
    ).json
    #expect(json["setup"]?["firstDifference"] == 1)
    guard case .array(let rows) = json["setup"]?["rows"] else {
      Issue.record("rows is no list")
      return
    }
    #expect(rows.map { $0["is"] } == ["same", "different", "right"])
    #expect(rows[2]["left"] == .null)
    #expect(rows[2]["right"]?["function"] == "c")
    #expect(json["journey"]?["firstDifference"] == .null)
    #expect(json["right"]?["design"] == "untrapped")
  }

  @Test("one design has nothing beside it")
  func one() {
    #expect(
      DesignDifference(Comparison(scenario: Fixtures.scenario(), results: [Fixtures.result()]))
        == nil)
  }
}
