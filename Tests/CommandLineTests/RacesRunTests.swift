import ResultFixtures
import Testing

@Suite("doorbell races")
struct RacesRunTests {
  @Test("its help explains itself within 80 columns, with the exit status")
  func help() throws {
    let run = try Run("races", "--help")
    #expect(run.status == 0)
    #expect(run.output.contains("EXIT STATUS"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("the table says in which stretch of gaps the MSI arrives, and after which step")
  func table() throws {
    let run = try Run(
      "races", "synthetic-4-vectors", "--design", "untrapped", "--guest-usage", "identity")
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("untrapped*\none more MSI of vector 0 in each of "))
    #expect(run.output.contains(" not sent   nothing\n"))
    #expect(
      run.output.contains(
        "delivered  host kernel: pci_msix_clear_and_set_ctrl: MSI-X enabled, function masked\n"))
  }

  @Test(
    "bad arguments are status 2 and say what was expected",
    arguments: [
      (["--vector", "4"], "--vector: expected 0 to 3, found 4"),
      (["--all", "--design", "untrapped"], "--design and --all exclude each other"),
    ] as [([String], String)])
  func badInput(arguments: [String], expected: String) throws {
    let run = try Run(arguments: ["races", "synthetic-4-vectors"] + arguments)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.contains(expected))
  }
}
