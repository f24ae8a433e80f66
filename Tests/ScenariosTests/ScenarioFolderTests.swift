import Files
import ResultFixtures
import Scenarios
import Testing

@Suite("ScenarioFolder")
struct ScenarioFolderTests {
  @Test("the folder is found by flag, by home, around the working directory, around the program")
  func found() throws {
    let files = try TemporaryFolder([
      "a/scenarios/designs/x.yaml": "", "b/scenarios/designs/x.yaml": "",
      "b/deep/er/file": "", "c/scenarios/file": "",
    ])
    let root = files.path
    func find(_ explicit: String? = nil, _ home: String? = nil, _ cwd: String, _ program: String)
      throws -> String
    {
      try ScenarioFolder.find(
        explicit: explicit, home: home, workingDirectory: root + cwd, executable: root + program
      ).path
    }
    #expect(try find("\(root)/a/scenarios", "\(root)/b", "/b", "/b/x") == "\(root)/a/scenarios")
    #expect(try find(nil, "\(root)/b", "/a", "/a/x") == "\(root)/b/scenarios")
    #expect(try find(nil, nil, "/b/deep/er", "/a/x") == "\(root)/b/scenarios")
    #expect(try find(nil, "", "/b", "/a/x") == "scenarios")
    #expect(try find(nil, nil, "/c", "/a/.build/doorbell") == "\(root)/a/scenarios")
    #expect(
      message(in: files) { _ = try find("\(root)/c", nil, "/b", "/b/x") }
        == "--scenarios: expected a folder with 'designs' in it, found another at 'c'")
    #expect(
      message(in: files) { _ = try find(nil, "/no/such", "/b", "/b/x") }
        == "$DOORBELL_HOME: expected a folder with 'designs' in it, found nothing at "
        + "'/no/such/scenarios'")
  }

  @Test(
    "the nearest name is suggested only when it is near",
    arguments: [
      ("rmr-identiy", "rmr-identity"), ("untraped", "untrapped"), ("zzz", nil), ("", nil),
    ] as [(String, String?)])
  func nearest(name: String, expected: String?) {
    #expect(nearestName(to: name, among: ["rmr-identity", "untrapped"]) == expected)
  }
}
