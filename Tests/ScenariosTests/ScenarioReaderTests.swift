import Designs
import GLibSupport
import Guest
import Linux
import ResultFixtures
import Scenarios
import Simulation
import Testing
import Timing

@Suite("ScenarioReader")
struct ScenarioReaderTests {
  @Test("what a file leaves out has its standard value")
  func standards() throws {
    let (_files, folder) = try TextFixtures.folder()
    let scenario = try folder.scenario(named: "test")
    #expect(scenario.name == "test")
    #expect(scenario.file == "\(_files.path)/test.yaml")
    #expect(scenario.guestKernel == Kernel(6, 10))
    #expect(scenario.usage == .dmaAPI)
    #expect(scenario.seed == 1)
    #expect(scenario.costs.name == "ampere-altra")
    #expect(scenario.workload.messageCount == 5)
    #expect(scenario.workload.entries.map(\.nanoseconds) == [0, 10_000, 20_000, 30_000, 40_000])
    #expect(scenario.expectations.isEmpty)
  }

  @Test("the user's wishes replace what the file says")
  func overrides() throws {
    let (files, folder) = try TextFixtures.folder()
    try files.write(TextFixtures.design, to: "designs/two.yaml")
    var overrides = ScenarioOverrides()
    overrides.designs = ["two", "one"]
    overrides[.guestUsage] = "vfio"
    overrides[.guestKernel] = "6.5"
    overrides[.hostKernel] = "6.15"
    overrides[.seed] = "9"
    let scenario = try folder.scenario(named: "test", overrides: overrides)
    #expect(scenario.designs.map(\.name) == ["two", "one"])
    let run = try #require(scenario.specifications(journeyOf: 3).first)
    #expect(run.usage == .vfio)
    #expect(run.guestKernel == Kernel(6, 5))
    #expect(run.hostKernel == Kernel(6, 15))
    #expect(run.seed == 9)
    #expect(run.journeyOf == 3)
  }

  @Test("paths count from the file first, then from the scenarios folder")
  func paths() throws {
    let (files, folder) = try TextFixtures.folder()
    let own = TextFixtures.design.replacing("A title.", with: "Beside the scenario.")
    try files.write(own, to: "deep/designs/one.yaml")
    let text = TextFixtures.scenario
    try files.write(text.replacing("[one]", with: "[designs/one.yaml]"), to: "deep/near.yaml")
    try files.write(text.replacing("[one]", with: "[one]"), to: "deep/far.yaml")
    let near = try folder.scenario(named: files.path + "/deep/near.yaml")
    let far = try folder.scenario(named: files.path + "/deep/far.yaml")
    #expect(near.designs.map(\.title) == ["Beside the scenario."])
    #expect(far.designs.map(\.title) == ["A title."])
  }

  @Test("expectations are read field by field")
  func expectations() throws {
    let text =
      TextFixtures.scenario + """

        expect:
          one:
            setup: { outcome: refused, by: guest, errno: EINVAL, message: part of it }
            verdict: refused
            journeys: { delivered: 0, total: 5 }
            message: { address: 0x8000040, data: 1 }
            exits: { setup: 12, perInterrupt: 1.5 }
            why: { contains: because }
        """
    let (_files, folder) = try TextFixtures.folder(scenario: text)
    var expected = DesignExpectation(design: "one")
    expected.setup = .init(
      isEnabled: false, by: "guest", errno: "EINVAL", messageContains: "part of it")
    expected.verdict = .refused
    expected.journeys = [(.delivered, 0)]
    expected.total = 5
    expected.address = 0x800_0040
    expected.data = 1
    expected.setupExits = 12
    expected.exitsPerInterrupt = 1.5
    expected.whyContains = "because"
    #expect(try folder.scenario(named: "test").expectations == [expected])
    withExtendedLifetime(_files) {}
  }

  @Test(
    "each mistake is one line that names the place, what was expected and what was found",
    arguments: [
      (
        "purpose: Shows something.\n", "",
        "test.yaml:1:1: field 'purpose': expected a text, found nothing: the field is missing"
      ),
      (
        "purpose: Shows something.", "# Late.\npurpose: Shows something.",
        "test.yaml:2:1: field 'purpose': expected 'purpose:' on the first line of the file, found "
          + "it on line 2"
      ),
      (
        "purpose: Shows something.", "purpose: |\n  Two\n  lines.",
        "test.yaml:1:10: field 'purpose': expected one line, found 'Two\\nlines.\\n'"
      ),
      (
        "6.10", "six",
        "test.yaml:3:11: field 'guest.kernel': expected a kernel release such as 6.5 or "
          + "6.12+sw-msi-native+no-require-direct, found 'six'"
      ),
      (
        "kernel: 6.10", "kernel: 6.10\n  usage: dma",
        "test.yaml:4:10: field 'guest.usage': expected dma-api, identity, vfio, iommufd, "
          + "nested-guest or nested-guest-smmu, found 'dma'"
      ),
      (
        "vectors: 2", "vectors: 0",
        "test.yaml:7:25: field 'workload.synthetic.vectors': expected an integer from 1 to 2048, "
          + "found '0'"
      ),
      (
        "vectors: 2", "vectors: -2",
        "test.yaml:7:25: field 'workload.synthetic.vectors': expected an integer from 1 to 2048, "
          + "found '-2'"
      ),
      (
        "10 us", "10 s",
        "test.yaml:7:51: field 'workload.synthetic.interval': expected a time such as 10 us, "
          + "found '10 s'"
      ),
      (
        "synthetic:", "sinthetic:",
        "test.yaml:7:3: field 'workload.sinthetic': expected recording, synthetic or load, found an "
          + "unknown field; did you mean 'synthetic'?"
      ),
      (
        "  synthetic", "  recording: a.jsonl\n  synthetic",
        "test.yaml:7:3: field 'workload': expected a mapping with one of recording, synthetic or load, "
          + "found a mapping"
      ),
      (
        "synthetic: { vectors: 2, messages: 5, interval: 10 us }", "recording: a.jsonl",
        "test.yaml:7:14: field 'workload.recording': expected the path of a file, from here or "
          + "from FOLDER, found 'a.jsonl'"
      ),
      (
        "[one]", "[]",
        "test.yaml:8:10: field 'designs': expected at least one design, found an empty list"
      ),
      (
        "[one]", "one",
        "test.yaml:8:10: field 'designs': expected a list, found 'one'"
      ),
      (
        "[one]", "[one, one]",
        "test.yaml:8:16: field 'designs[1]': expected each design once, found 'one'"
      ),
      (
        "[one]", "[onne]",
        "test.yaml:8:11: field 'designs[0]': expected a design (a path, or one), found 'onne'; did "
          + "you mean 'one'?"
      ),
      (
        "[one]", "[one]\ncosts: cheap",
        "test.yaml:9:8: field 'costs': expected a cost model (a path, or ampere-altra), found "
          + "'cheap'"
      ),
      (
        "[one]", "[one]\nseed: 4294967296",
        "test.yaml:9:7: field 'seed': expected an integer from 0 to 4294967295, found "
          + "'4294967296'"
      ),
      (
        "[one]", "[one]\nexpect:\n  two: {}",
        "test.yaml:10:3: field 'expect.two': expected one of the scenario's designs (one), found "
          + "another name"
      ),
      (
        "[one]", "[one]\nexpect:\n  one: { verdict: deliverd }",
        "test.yaml:10:19: field 'expect.one.verdict': expected delivered, refused, dropped, fault, "
          + "lost, misrouted or corrupted, found 'deliverd'"
      ),
      (
        "[one]", "[one]\nexpect:\n  one: { message: { adress: 1 } }",
        "test.yaml:10:21: field 'expect.one.message.adress': expected address or data, found an "
          + "unknown field; did you mean 'address'?"
      ),
    ] as [(String, String, String)])
  func mistakes(text: String, replacement: String, expected: String) throws {
    let spoiled = TextFixtures.scenario.replacing(text, with: replacement)
    let (files, folder) = try TextFixtures.folder(scenario: spoiled)
    let found = message(in: files) { _ = try folder.scenario(named: "test") }
    #expect(found.replacing(files.path, with: "FOLDER") == expected)
  }

  @Test("no damage to a scenario file makes the reader crash")
  func fuzzed() throws {
    let text = TextFixtures.scenario + "\nexpect:\n  one: { message: { address: 0x40 } }\n"
    let (files, folder) = try TextFixtures.folder()
    let random = SeededRandom(seed: 5)
    let spoilers = Array("[]{}:,-&*!|>'\"%@`#?\n\t 0xe~é".utf8)
    for _ in 0..<300 {
      var bytes = Array(text.utf8)
      for _ in 0...(random.next32() % 4) {
        let spoiler = spoilers[Int(random.next32()) % spoilers.count]
        bytes.insert(spoiler, at: Int(random.next32()) % bytes.count)
        bytes.remove(at: Int(random.next32()) % bytes.count)
      }
      try files.write(String(decoding: bytes, as: UTF8.self), to: "test.yaml")
      let found = message(in: files) { _ = try folder.scenario(named: "test") }
      #expect(found == "no error" || found.hasPrefix("test.yaml:"))
      #expect(!found.contains("\n"))
    }
  }

  @Test("a cost file must have every item, with a sane number")
  func costs() throws {
    let (files, folder) = try TextFixtures.folder()
    let text = try TextFixtures.costs
    try files.write(text.replacing("value: 451", with: "value: -1"), to: "costs/bad.yaml")
    #expect(
      message(in: files) { _ = try folder.costs(named: "bad") }
        == "costs/bad.yaml:5:12: field 'costs.exit-to-kernel.value': expected a number from 0 to "
        + "1e18, found '-1'")
    try files.write(text.replacing("value: 451", with: "value: 1e16"), to: "costs/bad.yaml")
    #expect(
      message(in: files) { _ = try folder.costs(named: "bad") }
        == "costs/bad.yaml:5:12: field 'costs.exit-to-kernel.value': expected at most 1000 "
        + "seconds, found 1e+16")
    try files.write(text.replacing("  kick:", with: "  kik:"), to: "costs/bad.yaml")
    #expect(
      message(in: files) { _ = try folder.costs(named: "bad") }
        .hasSuffix("found an unknown field; did you mean 'kick'?"))
    #expect(try folder.costs(named: "ampere-altra")[.exitToVMM].nanoseconds == 1683)
  }

  @Test("every shipped scenario, design and cost model is well formed")
  func shipped() throws {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    #expect(folder.designNames.count >= 3)
    for name in folder.designNames { _ = try folder.design(named: name) }
    for name in folder.costNames {
      let costs = try folder.costs(named: name)
      #expect(costs.costs.count == CostModel.Item.allCases.count)
      for item in costs.assumed {
        #expect(costs.costs[item]?.source.hasPrefix("assumed") == true)
      }
    }
    #expect(folder.scenarioNames.contains("default"))
    for name in folder.scenarioNames {
      let scenario = try folder.scenario(named: name)
      #expect(!scenario.expectations.isEmpty)
    }
  }
}
