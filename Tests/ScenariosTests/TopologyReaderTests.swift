import Files
import Scenarios
import Testing

@testable import Designs

@Suite struct TopologyReaderTests {
  static let folder = ScenarioFolder(
    path: "\(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })/scenarios")

  @Test("there are as many devices as units need, unless the user says")
  func devices() throws {
    var overrides = ScenarioOverrides()
    let plain = try Self.folder.scenario(named: "default", overrides: overrides).topology
    #expect(plain.devices == 1)
    overrides[.its] = "3"
    let scenario = try Self.folder.scenario(named: "default", overrides: overrides)
    #expect(scenario.topology.devices == 3)
    #expect(scenario.topology.itses == 3)
    overrides[.devices] = "1"
    #expect(try Self.folder.scenario(named: "default", overrides: overrides).topology.devices == 1)
  }

  @Test("a count out of range names the option and the range", arguments: ["0", "66", "-1", "two"])
  func range(count: String) {
    var overrides = ScenarioOverrides()
    overrides[.its] = count
    let error = #expect(throws: InputError.self) {
      try Self.folder.scenario(named: "default", overrides: overrides)
    }
    #expect(error?.description.contains("--its: expected 1 to 65, found '\(count)'") == true)
  }
}
