import Designs
import Files
import Foundation
import ResultFixtures
import Scenarios
import Simulation
import Testing
import Timing

@Suite("Cost models")
struct CostModelTests {
  static let shipped = ScenarioFolder(path: "\(repository)/scenarios")
  static let names = [
    "ampere-altra", "kunpeng-920", "modern-assumed", "phytium-s2500", "thunderx-class",
  ]

  @Test("the shipped models are complete and without findings", arguments: names)
  func shippedModels(name: String) throws {
    let model = try Self.shipped.costs(named: name)
    #expect(model.costs.count == CostModel.Item.allCases.count)
    #expect(model.findings == [])
    #expect(!model.items(.range).isEmpty)
    #expect(model.items(.range).contains(.directInjection), "nobody measured direct injection")
  }

  @Test("all shipped models are tested")
  func listed() { #expect(Self.shipped.costNames == Self.names) }

  @Test("measured exits grow from machine to machine as their hypercalls do")
  func ladder() throws {
    let models = try ["ampere-altra", "kunpeng-920", "phytium-s2500"].map {
      try Self.shipped.costs(named: $0)
    }
    for item in [CostModel.Item.hypercall, .exitToKernel, .exitToVMM] {
      let times = models.map { $0[item] }
      #expect(times == times.sorted())
    }
    for model in models {
      let ratio = Double(model[.exitToKernel].picoseconds) / Double(model[.hypercall].picoseconds)
      #expect((1.39...1.57).contains(ratio), "mmio_vgic to hvc on \(model.name)")
    }
  }

  @Test("a model is read at the end that is asked for")
  func ends() throws {
    let model = try Self.shipped.costs(named: "ampere-altra")
    #expect(model[.directInjection] == .nanoseconds(100))
    #expect(model.at(.high)[.directInjection] == .nanoseconds(2000))
    #expect(model.at(.high)[.hypercall] == model[.hypercall])
    for item in CostModel.Item.allCases { #expect(model.at(.high)[item] >= model[item]) }
  }

  static let good = """
    value: 451
        unit: ns
        status: measured
    """

  @Test(
    "a cost is a value, or a range with status 'range'",
    arguments: [
      ("range: { low: 5, high: 4 }\n    unit: ns\n    status: range", "at least the low end"),
      ("value: 5\n    unit: ns\n    status: range", "'range' and no 'value'"),
      ("range: { low: 4, high: 5 }\n    unit: ns\n    status: measured", "'value' and no 'range'"),
      ("unit: ns\n    status: assumed", "'value' and no 'range'"),
      ("range: { low: 4 }\n    unit: ns\n    status: range", "high"),
      ("value: -1\n    unit: ns\n    status: assumed", "a number from 0 to 1e18"),
    ])
  func malformed(text: String, expected: String) throws {
    let altra = try String(
      contentsOfFile: "\(repository)/scenarios/costs/ampere-altra.yaml", encoding: .utf8)
    #expect(altra.contains(Self.good))
    let files = try TemporaryFolder([
      "designs/x.yaml": "", "costs/bad.yaml": altra.replacing(Self.good, with: text),
    ])
    let error = #expect(throws: InputError.self) {
      try ScenarioFolder(path: files.path).costs(named: "bad")
    }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("costs.exit-to-kernel") == true)
  }

  @Test("a model whose numbers contradict each other is found out")
  func contradictions() {
    let model = CostModel(
      name: "odd", platform: "",
      costs: [
        .exitToKernel: .init(time: .nanoseconds(10), status: .measured, source: "2024"),
        .hypercall: .init(time: .nanoseconds(20), status: .measured, source: "a paper"),
        .kick: .init(time: .nanoseconds(20), status: .derived, source: "from others"),
        .residency: .init(time: .nanoseconds(20), status: .range, source: "none"),
      ])
    #expect(model.findings.count == 4)
    #expect(model.findings.first?.contains("'exit-to-kernel' includes 'hypercall'") == true)
  }

  @Test("a result that rests on a range is an interval, and one that does not is a number")
  func intervals() async throws {
    var scenario = try Self.shipped.scenario(named: "synthetic-4-vectors")
    scenario.designs = Array(scenario.designs.prefix(1))
    let comparison = await scenario.run()
    let result = try #require(comparison.results.first)
    #expect(result.usedCosts?.contains(.tableRead) == true, "the first MSI walks")
    let low = try #require(result.latency)
    let high = try #require(result.latencyAtHighEnd)
    #expect(low.max < high.max)
    scenario.costs = CostModel(
      name: "known", platform: "",
      costs: scenario.costs.costs.mapValues {
        .init(time: $0.time, status: .measured, source: $0.source)
      })
    let known = try #require(await scenario.run().results.first)
    #expect(known.latenciesAtHighEnd == nil)
    #expect(known.latency == low)
  }

  @Test("the stations of a result sum up to its latencies, and an idle system queues nothing")
  func conservation() async throws {
    let scenario = try Self.shipped.scenario(named: "synthetic-4-vectors")
    for result in await scenario.run().results {
      let sum = result.latencies.reduce(SimulatedTime.zero, +)
      #expect(result.breakdown.times.total == sum)
      #expect(result.breakdown.count == result.count(of: .delivered))
      #expect(result.breakdown.mean(.queueing) == 0)
      #expect(result.merged == 0)
    }
  }
}
