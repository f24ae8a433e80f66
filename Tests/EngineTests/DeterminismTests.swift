import ArmFormats
import Bits
import Designs
import Engine
import Guest
import Linux
import Scenarios
import Simulation
import Testing
import Timing

/// Two runs in one process differ in the order of every dictionary, since each is seeded by its
/// place in memory: whatever depended on such an order would differ too.
@Suite("Determinism")
struct DeterminismTests {
  private func expectSame(_ specification: RunSpecification) throws {
    let first = try specification.run()
    let second = try specification.run()
    #expect(first.verdicts == second.verdicts)
    #expect(first.setup == second.setup)
    #expect(first.message == second.message)
    #expect(first.exits == second.exits)
    #expect(first.latencies == second.latencies)
    #expect(first.why == second.why)
    #expect(first.journey?.stations == second.journey?.stations)
    #expect(first.accesses.map(\.translated) == second.accesses.map(\.translated))
    #expect(first.steps.count == second.steps.count)
    for (one, other) in zip(first.steps, second.steps) { #expect(one == other) }
  }

  @Test("two runs of a recorded guest are the same, step by step", arguments: Fixtures.designs)
  func recorded(design: Design) throws {
    let workload = try Fixtures.recording.get().workload
    for usage in GuestUsage.allCases {
      try expectSame(
        Fixtures.specification(
          design, workload, usage: usage, journeyOf: 3,
          costs: [.tableRead: .nanoseconds(30), .kick: .nanoseconds(500)]))
    }
  }

  @Test("many events that are set up and torn down come in one order", arguments: Fixtures.designs)
  func manyEvents(design: Design) throws {
    let device = Workload.Device(name: "nic", guestID: 0x0200, hostID: 0x0300, vectors: 24)
    var entries = HandMade.setup(of: Array(0..<24), device: device)
    entries += HandMade.at(
      1000,
      [
        .message(vector: 5), .msixControl(enable: false, functionMask: false),
        .itsCommands([.mapd(device: 0x0200, eventBits: 5, table: 0x4700_0000, valid: false)]),
      ])
    try expectSame(
      Fixtures.specification(design, Workload(device: device, entries: entries)))
  }
}
