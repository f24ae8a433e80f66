import ArmFormats
import Bits
import Linux
import Memory
import Simulation
import Testing

@testable import Designs
@testable import Engine
@testable import Guest

/// A fault is the guest's to see when its own stage 1 made it, and the host's otherwise.
@Suite("Faults of a message")
struct FaultTests {
  /// Runs one message, with the guest's memory changed just before it leaves.
  private func run(
    _ design: Design = Fixtures.forward, _ change: (PhysicalMemory, GuestKernel) throws -> Void
  ) throws -> RunResult {
    let workload = Workload(
      device: Fixtures.device,
      entries: HandMade.setup(of: [0]) + HandMade.at(1000, [.message(vector: 0)]))
    // A journey is made without caches, so that every change is seen.
    var system = try Engine(
      Fixtures.specification(design, workload, journeyOf: 0), sink: NoTrace())
    system.start()
    var isChanged = false
    while system.step() {
      guard !isChanged, system.flights.count == 1 else { continue }
      try change(
        system.machines[0].memory, #require(system.machines[0].guest as? GuestKernel))
      isChanged = true
    }
    return system.result()
  }

  /// Where the doorbell's stage 1 descriptor stands.
  private func leaf(_ guest: GuestKernel) throws -> (place: PA, word: UInt64) {
    let leaf = try #require(guest.devices[0].tables?.leaf(of: HandMade.doorbell.rawValue))
    return (PA(leaf.place), leaf.word)
  }

  @Test("without a change the message is delivered")
  func unchanged() throws {
    #expect(try run { _, _ in }.verdicts == [.delivered])
  }

  @Test(
    "a stage 1 descriptor's fault is relayed to the guest",
    arguments: [
      // V, AF, read-only, and an output beyond IPS.
      ("F_TRANSLATION", 1 << 0), ("F_ACCESS", 1 << 10), ("F_PERMISSION", 1 << 7),
      ("F_ADDR_SIZE", 1 << 47),
    ] as [(String, UInt64)])
  func stage1(name: String, bit: UInt64) throws {
    let result = try run { memory, guest in
      let leaf = try leaf(guest)
      memory.store64(leaf.place, leaf.word ^ bit)
    }
    #expect(result.verdicts == [.fault], "\(result.why)")
    #expect(result.why.contains(name) && result.why.contains("relayed"), "\(result.why)")
  }

  @Test("a context descriptor that is no longer valid is the guest's fault")
  func context() throws {
    let result = try run { memory, guest in
      memory.store64(try #require(guest.devices[0].contextTable), 0)
    }
    #expect(result.verdicts == [.fault])
    #expect(result.why.contains("C_BAD_CD"), "\(result.why)")
  }

  @Test("an output that stage 2 does not map is for the host's event queue alone")
  func stage2() throws {
    let result = try run { memory, guest in
      let leaf = try leaf(guest)
      memory.store64(leaf.place, leaf.word & 0xfff | 0x80_0000_0000)
    }
    #expect(result.verdicts == [.lost])
    #expect(result.why.contains("the guest sees nothing"), "\(result.why)")
  }

  @Test("a stage 1 table that stage 2 does not map is for the host's event queue alone")
  func table() throws {
    let result = try run { memory, guest in
      memory.store64(try #require(guest.devices[0].tables).root, 0x80_0000_0003)
    }
    #expect(result.verdicts == [.lost])
    #expect(result.why.contains("stage 2"), "\(result.why)")
  }

  @Test("a message that the guest sends into its own RAM overwrites it")
  func ram() throws {
    let result = try run { memory, guest in
      let leaf = try leaf(guest)
      memory.store64(leaf.place, leaf.word & ~lowBits(48) | leaf.word & 0xfff | 0x4900_0000)
      memory.store32(0x4900_0040, 0x1234_5678)
    }
    #expect(result.verdicts == [.corrupted], "\(result.why)")
  }
}
