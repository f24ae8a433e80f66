import Foundation
import ResultFixtures
import Testing

@Suite("Runs of diagnose")
struct DiagnoseRunTests {
  private static let cases = "Tests/DiagnosisTests/Cases"

  /// The files of a case, without its answer.
  private func files(_ name: String) throws -> [String] {
    let folder = "\(Self.cases)/\(name)"
    return try FileManager.default.contentsOfDirectory(atPath: "\(repository)/\(folder)")
      .filter { $0 != "answer.json" }.sorted().map { "\(folder)/\($0)" }
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("a cause is status 1, and JSON has it first")
  func cause() throws {
    let run = try Run(arguments: ["diagnose", "--format", "json"] + files("guest-nvme-polls"))
    #expect(run.status == 1)
    #expect(run.error == "")
    let causes = try #require(try object(run.output)["causes"] as? [[String: Any]])
    #expect(causes.first?["id"] as? String == "rmr-no-dsm5")
  }

  @Test("nothing wrong is status 0")
  func healthy() throws {
    let run = try Run(arguments: ["diagnose"] + files("is-my-nested-guest-right"))
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("1. nothing-wrong-found"))
  }

  @Test("a file that cannot be opened is one line of error and status 2")
  func unreadable() throws {
    let run = try Run("diagnose", "/nonexistent/dmesg.txt")
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(run.error.hasPrefix("doorbell: error: /nonexistent/dmesg.txt"))
    #expect(run.error.split(separator: "\n").count == 1)
  }

  @Test("an archive, plain or gzip'd, is read as its folder is", arguments: ["cf", "czf"])
  func archive(mode: String) throws {
    let folder = try TemporaryFolder([:])
    let made = try shell(
      "cd \(Self.cases)/one-of-two-nvme-dead && tar --exclude=answer.json -\(mode) "
        + "\(folder.path)/report .")
    try #require(made.status == 0)
    let run = try Run("diagnose", "\(folder.path)/report", "--format", "json")
    let causes = try #require(try object(run.output)["causes"] as? [[String: Any]])
    #expect(causes.first?["id"] as? String == "rmr-other-smmu")
  }

  @Test("a map that the models cannot have is left out of the scenario, and said")
  func map() throws {
    let folder = try TemporaryFolder([:])
    let path = "\(folder.path)/machine.yaml"
    let run = try Run(
      arguments: ["diagnose", "--scenario", path] + files("vm-does-not-start-with-nic"))
    #expect(run.status == 1)
    #expect(run.error.contains("the machine's map is left out"))
    #expect(run.output.contains("rmr-identity"))
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(!text.contains("ram:") && text.contains("# assumed: where things stand"))
  }

  @Test("the reporter's machine is written as a scenario and runs beside other designs")
  func scenario() throws {
    let folder = try TemporaryFolder([:])
    let path = "\(folder.path)/machine.yaml"
    let run = try Run(arguments: ["diagnose", "--scenario", path] + files("guest-nvme-polls"))
    #expect(run.status == 1)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains("kernel: \"6.12\""))
    #expect(text.contains("firmware: no-dsm5"))
    #expect(run.output.contains("rmr-identity"))
    #expect(run.output.contains("untrapped"))
    #expect(try Run("compare", path).status == 0)
  }

  @Test(
    "all forms are printed, and each names the cause", arguments: ["markdown", "html", "table"])
  func forms(form: String) throws {
    let run = try Run(arguments: ["diagnose", "--format", form] + files("last-two-devices-slow"))
    #expect(run.status == 1)
    #expect(run.output.contains("gicv2m-spis-exhausted"))
  }
}
