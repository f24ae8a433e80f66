import Files
import Foundation
import ResultFixtures
import Scenarios

/// Texts of well-formed files, for tests that spoil one thing in them.
enum TextFixtures {
  static let design = """
    title: A title.
    source: A source.
    advertise: rmr-direct
    stage2: software-window
    msix: trapped-replaced
    eventID: host
    delivery: irqfd
    """

  static let scenario = """
    purpose: Shows something.
    guest:
      kernel: 6.10
    host:
      kernel: "7.3"
    workload:
      synthetic: { vectors: 2, messages: 5, interval: 10 us }
    designs: [one]
    """

  static var costs: String {
    get throws {
      try String(contentsOfFile: "\(repository)/scenarios/costs/ampere-altra.yaml", encoding: .utf8)
    }
  }

  /// A scenarios folder with one design, one cost model and a scenario.
  static func folder(scenario: String = scenario) throws -> (TemporaryFolder, ScenarioFolder) {
    let files = try TemporaryFolder([
      "designs/one.yaml": design, "costs/ampere-altra.yaml": costs, "test.yaml": scenario,
    ])
    return (files, ScenarioFolder(path: files.path))
  }
}

/// The text of the `InputError` that `body` throws, without the folder's path.
func message(in folder: TemporaryFolder, _ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch let error as InputError {
    return folder.relative(error.description)
  } catch {
    return "another error: \(error)"
  }
}
