import Files
import Foundation
import Scenarios
import Scripts
import Testing

@Suite("The shipped scenarios")
struct ScenarioTableTests {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("scenarios").path

  static var files: [String] { (try? ScenarioFolder.scenarioFiles(at: folder)) ?? [] }

  @Test("every scenario comes to what it expects", arguments: files)
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
  }
}

extension ScenarioTableTests {
  /// The rows of the table of behaviours that the models must get right: 1 to 57, and 20b.
  static let rows = (1...57).map(String.init) + ["20b"]

  @Test("every row of the table is shown by a scenario that cites its source")
  func rowsAreShown() throws {
    var shown: Set<String> = []
    let folder = ScenarioFolder(path: Self.folder)
    for file in try ScenarioFolder.scenarioFiles(at: Self.folder) {
      let (rows, source) = try folder.citation(of: file)
      shown.formUnion(rows)
      let mustCite = try !rows.isEmpty || Script.isScript(file)
      #expect(!mustCite || !source.isEmpty, "\(file) cites nothing")
    }
    #expect(Self.rows.filter { !shown.contains($0) } == [])
    #expect(shown.subtracting(Self.rows) == [])
  }
}
