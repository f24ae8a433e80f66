import Foundation
import InputFiles
import Scenarios
import Scripts
import Testing

@Suite("The scenario scripts")
struct ScenarioTableTests {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("scenarios").path

  static var scripts: [String] {
    ((try? ScenarioFolder.scenarioFiles(at: folder)) ?? []).filter {
      (try? Script.isScript($0)) ?? false
    }
  }

  @Test("every script comes to what it expects, and cites why", arguments: scripts)
  func holds(file: String) async throws {
    let test = await ScenarioFolder(path: Self.folder).check(file)
    #expect(test.error == nil, "\(test.error?.description ?? "")")
    for part in test.parts {
      for failure in part.failures {
        Issue.record(
          "\(part.design): \(failure.field): expected \(failure.expected), found \(failure.found)")
      }
    }
    #expect(test.checks > 0)
    #expect(try !Script(file).source.isEmpty)
  }
}
