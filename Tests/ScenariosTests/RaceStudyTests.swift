import Designs
import Files
import Guest
import ResultFixtures
import Scenarios
import Testing

@Suite("Race study")
struct RaceStudyTests {
  static func study(_ design: String, _ change: (inout Scenario) -> Void = { _ in }) async throws
    -> RaceStudy
  {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    var overrides = ScenarioOverrides()
    overrides.designs = [design]
    var scenario = try folder.scenario(named: "synthetic-4-vectors", overrides: overrides)
    scenario.workload = scenario.workload.limited(toMessages: 4)
    change(&scenario)
    return try #require(try await scenario.races(vector: 1).first)
  }

  @Test(
    "an MSI is not sent before MSI-X is enabled, and delivered in every gap from then on",
    arguments: ["forward-address", "untrapped"])
  func setup(design: String) async throws {
    let study = try await Self.study(design)
    #expect(study.gaps.map(\.steps) == Array(0...study.steps.count))
    let stretches = study.stretches
    #expect(stretches.map { $0.first?.outcome } == [.notSent, .ended(.delivered)])
    let first = try #require(stretches.last?.first)
    #expect(study.steps[first.steps - 1].text.contains("MSI-X enabled"))
  }

  @Test("GICv4: Linux discards the event before it maps the vLPI, and an MSI in between is dropped")
  func forwarding() async throws {
    let study = try await Self.study("rmr-identity,delivery=gicv4")
    let dropped = study.gaps.filter { $0.outcome == .ended(.dropped) }
    #expect(dropped.contains { study.steps[$0.steps - 1].text.hasPrefix("DISCARD") })
    for gap in dropped {
      #expect(gap.reason.contains("the EventID is not mapped"))
      // Sent up to a step earlier, it is at the ITS when the event is gone.
      #expect(study.steps[(gap.steps - 1)...gap.steps].contains { $0.text.hasPrefix("DISCARD") })
    }
  }

  @Test("stretches are the gaps again, in runs of one outcome and reason")
  func stretches() {
    let outcomes: [(RaceStudy.Outcome, String)] = [
      (.notSent, "off"), (.notSent, "off"), (.ended(.lost), "a"), (.ended(.lost), "b"),
      (.notSent, "off"),
    ]
    let gaps = outcomes.enumerated().map {
      RaceStudy.Gap(steps: $0.offset, outcome: $0.element.0, reason: $0.element.1)
    }
    let study = RaceStudy(design: "any", vector: 0, steps: [], gaps: gaps)
    #expect(study.stretches.map(\.count) == [2, 1, 1, 1])
    #expect(study.stretches.flatMap { Array($0) } == gaps)
  }

  @Test("a vector that the device lacks is an error")
  func badVector() async throws {
    let scenario = Fixtures.scenario()
    let most = scenario.workload.device.vectors
    await #expect(throws: InputError("--vector: expected 0 to \(most - 1), found \(most)")) {
      try await scenario.races(vector: most)
    }
  }
}
