import Designs
import Files
import ResultFixtures
import SMMU
import Scenarios
import Simulation
import Software
import Testing

@Suite("Golden records")
struct GoldenTests {
  private static func golden(_ results: [RunResult]) -> Golden {
    Golden(Comparison(scenario: Fixtures.scenario(), results: results))
  }

  private static func lines(_ golden: Golden, _ field: String) -> [String] {
    golden.records.first?.fields.first { $0.name == field }?.lines ?? []
  }

  @Test("a record has outcome, exits, mappings and steps, and no time")
  func contents() {
    var result = Fixtures.result(steps: [Fixtures.step])
    result.mappings = StreamMappings(
      configuration: .translates, stage1: nil,
      stage2: StageMappings([
        .init(input: 0x800_0000, output: 0x809_0000, length: 0x1000, isReadable: false)
      ]))
    let golden = Self.golden([result])
    #expect(
      Self.lines(golden, "outcome") == [
        "set-up enabled", "4 delivered", "message (0x8000040, 0x3)",
      ]
    )
    #expect(
      Self.lines(golden, "exits") == [
        "34 at set-up", "6 at delivery", "34 by vITS register", "6 by physical interrupt",
      ])
    #expect(Self.lines(golden, "stage1") == ["off"])
    #expect(Self.lines(golden, "stage2") == ["0x8000000 + 0x1000 -> 0x8090000 -w"])
    #expect(
      Self.lines(golden, "steps") == ["host iommufd_sw_msi: maps the doorbell page at 0x8000000"])
    #expect(
      Self.lines(Self.golden([Fixtures.refused()]), "outcome") == [
        "set-up refused by guest in __iommu_take_dma_ownership: EINVAL, Firmware has requested this "
          + "device have a 1:1 IOMMU mapping"
      ])
  }

  @Test("what is written is read again, and is the same bytes when written again")
  func file() throws {
    let folder = try TemporaryFolder()
    let golden = Self.golden([Fixtures.result(steps: [Fixtures.step]), Fixtures.refused()])
    let path = Golden.path(forScenario: folder.path + "/a.yaml")
    #expect(folder.relative(path) == "golden/a.json")
    #expect(Golden.path(forScenario: "a.yaml") == "golden/a.json")
    try golden.write(to: path)
    let read = try Golden(path: path)
    #expect(read == golden)
    #expect(golden.differences(in: read).isEmpty)
    let bytes = try InputFile(path).bytes()
    try read.write(to: path)
    #expect(try InputFile(path).bytes() == bytes)
  }

  @Test("a difference names design and field, and keeps the lines beside it")
  func differences() throws {
    func record(_ steps: [String], design: String = "a") -> Golden {
      Golden(
        scenario: "s",
        records: [.init(design: design, fields: [.init(name: "steps", lines: steps)])])
    }
    let old = record(["1", "2", "3", "4", "5", "6", "7"])
    let new = record(["1", "2", "3", "x", "5", "6", "7", "8"])
    let difference = try #require(old.differences(in: new).first)
    #expect(difference.design == "a" && difference.field == "steps")
    #expect(
      difference.lines.map(\.text) == [
        "  (2 alike)", "  3", "- 4", "+ x", "  5", "  (1 alike)", "  7", "+ 8",
      ])
    #expect(old.differences(in: old).isEmpty)
    let other = old.differences(in: record(["1"], design: "b"))
    #expect(other.map(\.design) == ["a", "b"])
    #expect(other.last?.lines.map(\.text) == ["+ 1"])
  }

  @Test(
    "a malformed record is one error with its place",
    arguments: [
      ("{}", "expected a member \"designs\", found none"), ("[", "expected JSON"),
      (#"{"scenario": "s", "designs": [{"design": 5}]}"#, "field 'designs[0].design'"),
      (
        #"{"scenario": "s", "designs": [{"design": "a", "steps": [1]}]}"#,
        "field 'designs[0].steps[0]': expected a string, found a number"
      ),
    ])
  func malformed(text: String, message: String) throws {
    let folder = try TemporaryFolder(["g.json": text])
    let error = #expect(throws: InputError.self) { try Golden(path: folder.path + "/g.json") }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("a run that nothing changed has the record that it had")
  func stable() async throws {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    let first = try await folder.goldenUpdate("\(repository)/scenarios/synthetic-4-vectors.yaml")
    let second = try await folder.goldenUpdate("\(repository)/scenarios/synthetic-4-vectors.yaml")
    #expect(first.found == second.found)
    #expect(first.found.records.allSatisfy { !$0.fields.contains { $0.lines.isEmpty } })
  }
}
