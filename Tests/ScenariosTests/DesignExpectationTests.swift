import Designs
import Files
import ResultFixtures
import Scenarios
import Testing

@Suite("DesignExpectation")
struct DesignExpectationTests {
  /// Every field, all of which hold for `Fixtures.result()`.
  static var all: DesignExpectation {
    var expectation = DesignExpectation(design: "rmr-identity")
    expectation.setup = .init(isEnabled: true)
    expectation.verdict = .delivered
    expectation.journeys = [(.delivered, 4), (.lost, 0)]
    expectation.total = 4
    expectation.address = 0x800_0040
    expectation.data = 3
    expectation.setupExits = 34
    expectation.exitsPerInterrupt = 1.5
    expectation.whyContains = "Both stages"
    return expectation
  }

  /// `FIELD: EXPECTED / FOUND` of what does not hold.
  static func failures(_ expectation: DesignExpectation, _ result: RunResult) -> [String] {
    expectation.check(result).filter { !$0.holds }.map {
      "\($0.field): \($0.expected) / \($0.found)"
    }
  }

  @Test("an expectation that holds has no failure, and every field is checked")
  func holds() {
    #expect(Self.failures(Self.all, Fixtures.result()).isEmpty)
    #expect(Self.all.check(Fixtures.result()).count == 10)
    #expect(DesignExpectation(design: "rmr-identity").check(Fixtures.result()).isEmpty)
  }

  @Test("each difference names the field, what was expected and what was found")
  func differs() {
    let result = Fixtures.result(
      verdicts: [.delivered, .lost], address: 0xffff_f040, setupExits: 1, deliveryExits: 0)
    #expect(
      Self.failures(Self.all, result) == [
        "verdict: delivered / lost", "journeys.delivered: 4 / 1", "journeys.lost: 0 / 1",
        "journeys.total: 4 / 2", "message.address: 0x8000040 / 0xfffff040", "exits.setup: 34 / 1",
        "exits.perInterrupt: 1.5 / 0.0",
      ])
  }

  @Test("a refusal is compared by who, errno and a part of the message")
  func refusal() {
    var expectation = DesignExpectation(design: "rmr-identity")
    expectation.setup = .init(
      isEnabled: false, by: "guest", errno: "EINVAL", messageContains: "1:1 IOMMU mapping")
    expectation.verdict = .refused
    #expect(Self.failures(expectation, Fixtures.refused()).isEmpty)
    #expect(
      Self.failures(expectation, Fixtures.result()) == [
        "setup.outcome: refused / enabled", "setup.by: guest / no refusal",
        "setup.errno: EINVAL / none", "setup.message: a text with '1:1 IOMMU mapping' / nothing",
        "verdict: refused / delivered",
      ])
  }

  @Test("a scenario file's expectations meet the engine's results")
  func tested() async throws {
    let text =
      TextFixtures.scenario + "\nexpect:\n  one: { verdict: lost, journeys: { delivered: 4 } }\n"
    let (files, folder) = try TextFixtures.folder(scenario: text)
    let test = await folder.test(files.path + "/test.yaml") { Fixtures.result($0.design) }
    #expect(test.checks == 2)
    #expect(test.failures == 1)
    #expect(test.error == nil)
    try files.write("purpose: x\n", to: "bad.yaml")
    let bad = await folder.test(files.path + "/bad.yaml") { Fixtures.result($0.design) }
    #expect(bad.error?.field == "guest")
    #expect(bad.parts.isEmpty)
  }

  @Test("a folder's scenario files are found, but not its designs, costs and recordings")
  func files() throws {
    let (files, _) = try TextFixtures.folder()
    try files.write("", to: "more/b.yaml")
    try files.write("", to: "more/a.yaml")
    try files.write("", to: "more/notes.txt")
    try files.write("", to: "recordings/a.yaml")
    #expect(
      try ScenarioFolder.scenarioFiles(at: files.path).map(files.relative) == [
        "more/a.yaml", "more/b.yaml", "test.yaml",
      ])
    #expect(throws: InputError("no such file or folder", at: Place(file: "/no/such"))) {
      try ScenarioFolder.scenarioFiles(at: "/no/such")
    }
    #expect(throws: InputError.self) {
      try ScenarioFolder.scenarioFiles(at: files.path + "/recordings/none")
    }
  }
}
