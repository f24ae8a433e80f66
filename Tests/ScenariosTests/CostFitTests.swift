import Files
import ResultFixtures
import Simulation
import Testing
import Timing

@testable import Scenarios

@Suite("Fitted costs")
struct CostFitTests {
  @Test("ten times at least make a cost, with its median and spread")
  func fitted() throws {
    #expect(FittedCost(.kick, Array(repeating: 1, count: 9)) == nil)
    let cost = try #require(FittedCost(.kick, (1...100).map { Double(101 - $0) }))
    #expect((cost.count, cost.median, cost.low, cost.high) == (100, 51, 11, 91))
  }

  @Test("the written file is a cost model: what was measured is, the rest keeps its sources")
  func file() throws {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    let base = try folder.costs(named: "ampere-altra")
    let cost = try #require(FittedCost(.hypercall, Array(repeating: 250.5, count: 12)))
    let text = base.file(with: [cost], platform: "a \"quoted\" machine: 1", traces: ["t"])
    let files = try TemporaryFolder(["mine.yaml": text])
    let read = try folder.costs(named: "\(files.path)/mine.yaml")
    #expect(read.platform == "a \"quoted\" machine: 1")
    #expect(read[.hypercall].picoseconds == 250_500)
    #expect(read.costs[.hypercall]?.status == .measured)
    for item in CostModel.Item.allCases where item != .hypercall {
      #expect(read.costs[item]?.time == base.costs[item]?.time, "\(item.name)")
      #expect(read.costs[item]?.high == base.costs[item]?.high)
      #expect(read.costs[item]?.status == base.costs[item]?.status)
      #expect(read.costs[item]?.source == base.costs[item]?.source)
    }
  }

  @Test("a study that is stopped ends with what it has")
  func stopped() async throws {
    let scenario = try ScenarioFolder(path: "\(repository)/scenarios").scenario(named: "load-nvme")
    let study = try await scenario.study(seeds: 1, isStopped: { true })
    #expect(!study.isComplete && study.rows.isEmpty)
  }
}
