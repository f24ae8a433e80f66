import Foundation
import ResultFixtures
import Testing

@Suite("doorbell reproduce")
struct ReproduceTests {
  @Test("a table whose cells come out as its file expects ends with 0")
  func expected() throws {
    let run = try Run("reproduce", "T4", "--format", "json")
    #expect(run.status == 0)
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    let tables = try #require(value?["tables"] as? [[String: Any]])
    #expect(tables.map { $0["table"] as? String } == ["T4"])
    #expect(tables[0]["asExpected"] as? Bool == true)
    let cells = try #require(tables[0]["cells"] as? [[String: Any]])
    let missing = cells.filter { $0["knownMiss"] is String }
    #expect(missing.allSatisfy { $0["holds"] as? Bool == false })
  }

  @Test("a cell that misses unexpectedly ends with 1 and is named")
  func unexpected() throws {
    let source = "\(repository)/scenarios/published/T1.yaml"
    let text = try String(contentsOfFile: source, encoding: .utf8)
      .replacing("percent: 10", with: "percent: 1").replacing("value: 65536", with: "value: 10")
    let files = try TemporaryFolder(["designs/none.txt": "", "published/T1.yaml": text])
    let run = try Run("reproduce", "T1", "--scenarios", files.path)
    #expect(run.status == 1)
    #expect(run.output.contains("UNEXPECTED\n  Kunpeng 920, mmio_vgic: misses its band\n"))
  }

  @Test(
    "bad input is one line of error and status 2",
    arguments: [
      ("title:", "titel:", "expected title,"),
      ("hvc: 306", "hvc: 0", "expected a number above 0 in row 'Ampere Altra'"),
    ])
  func badInput(old: String, new: String, message: String) throws {
    let source = "\(repository)/scenarios/published/T1.yaml"
    let text = try String(contentsOfFile: source, encoding: .utf8).replacing(old, with: new)
    let files = try TemporaryFolder(["designs/none.txt": "", "published/T1.yaml": text])
    let run = try Run("reproduce", "T1", "--scenarios", files.path)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(files.relative(run.error).contains("doorbell: error: published/T1.yaml"))
    #expect(run.error.contains(message), "\(run.error)")
    #expect(try Run("reproduce", "T99").status == 2)
  }
}
