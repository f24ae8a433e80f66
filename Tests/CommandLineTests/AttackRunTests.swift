import ResultFixtures
import Testing

@Suite("doorbell attack")
struct AttackRunTests {
  @Test("its help explains itself within 80 columns, with the exit status")
  func help() throws {
    let run = try Run("attack", "--help")
    #expect(run.status == 0)
    #expect(run.output.contains("EXIT STATUS"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("the list names every attack, and the table shows whom one reached")
  func table() throws {
    let list = try Run("attack", "--list")
    #expect(list.status == 0)
    for name in ["foreign-event", "boot-dma", "restored-tables"] {
      #expect(list.output.contains("\n\(name) "))
    }
    let run = try Run(
      "attack", "--design", "rmr-identity", "--design", "untrapped", "--attack", "boot-dma")
    #expect(run.status == 0)
    #expect(run.output.contains("breach (guest): rmr-identity\n"))
    #expect(run.output.contains("contained: untrapped\n"))
  }

  @Test(
    "bad arguments are status 2 and say what was expected",
    arguments: [
      (["--attack", "foreign-evnt"], "did you mean 'foreign-event'?"),
      (["--all", "--design", "untrapped"], "--design and --all exclude each other"),
    ] as [([String], String)])
  func badInput(arguments: [String], expected: String) throws {
    let run = try Run(arguments: ["attack"] + arguments)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.contains(expected))
  }
}
