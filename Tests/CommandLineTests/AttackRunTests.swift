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
    #expect(run.output.contains("contained: untrapped*\n"))
  }

  /// Row 54: the RMR opens the guest's RAM until a driver binds; row 19: VFIO is refused.
  @Test("attacks under several usages say under which")
  func usages() throws {
    let run = try Run(
      "attack", "--design", "rmr-identity", "--attack", "boot-dma", "--axis",
      "guest-usage=dma-api,vfio")
    #expect(run.status == 0)
    #expect(
      run.output.contains("breach (guest): rmr-identity under dma-api, rmr-identity under vfio"))
    let json = try Run(
      "attack", "--design", "forward-address", "--attack", "foreign-event", "--axis",
      "guest-usage", "--format", "json")
    for usage in ["dma-api", "identity", "vfio", "iommufd", "nested-guest"] {
      #expect(json.output.contains("\"usage\": \"\(usage)\""))
    }
  }

  @Test(
    "bad arguments are status 2 and say what was expected",
    arguments: [
      (["--attack", "foreign-evnt"], "did you mean 'foreign-event'?"),
      (["--all", "--design", "untrapped"], "--design and --all exclude each other"),
      (["--axis", "guest-usage=vfoi"], "--axis guest-usage: expected dma-api, "),
      (["--axis", "guest-usage=vfio,vfio"], "found 'vfio' twice"),
      (["--guest-usage", "vfoi"], "--guest-usage: expected dma-api, "),
    ] as [([String], String)])
  func badInput(arguments: [String], expected: String) throws {
    let run = try Run(arguments: ["attack"] + arguments)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.contains(expected))
  }
}
