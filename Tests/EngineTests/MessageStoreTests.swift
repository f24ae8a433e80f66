import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import Simulation
import Software
import Testing
import Timing
import VMM

@Suite("Where a device keeps its messages")
struct MessageStoreTests {
  private func run(
    _ design: Design, _ store: MessageStore, vectors: Int = 3, messages: [Int] = [0, 1, 2, 0]
  ) throws -> RunResult {
    let device = Workload.Device(
      name: "", guestID: 0x1100, hostID: 0x10, vectors: vectors, store: store)
    return try Fixtures.specification(design, Fixtures.messages(messages, of: device)).run()
  }

  @Test("an internal store leaves nothing to trap: only the guest's own EventIDs arrive")
  func internalStore() throws {
    for design in Fixtures.designs + Fixtures.bypassing {
      let result = try run(design, .device)
      let expected: Verdict =
        switch design.msixEntry {
        case .replaced: .lost
        case .forwarded: .dropped
        case .untrapped: .delivered
        }
      #expect(result.verdict == expected, "\(design.name): \(result.why)")
      #expect(!result.exits.causes.contains { $0.cause == .msixTable }, "\(design.name)")
      // The device holds what the guest wrote.
      #expect(result.message == .init(address: 0xffff_f040, data: 0), "\(design.name)")
    }
  }

  @Test("plain MSI is one address and one EventID, of which the device fills the low bits in")
  func plainMSI() throws {
    for design in Fixtures.designs + Fixtures.bypassing where design.msixEntry != .untrapped {
      let result = try run(design, .msi)
      #expect(
        result.verdicts == Array(repeating: .delivered, count: 4), "\(design.name): \(result.why)")
      let isForwarded = design.msixEntry == .forwarded
      #expect(
        result.message == .init(address: isForwarded ? 0xffff_f040 : 0x800_0040, data: 0),
        "\(design.name)")
      #expect(result.exits.delivery == (design.delivery == .irqfd ? 4 : 0), "\(design.name)")
    }
  }

  @Test("the MSI capability is nobody's but the host's, so that 'untrapped' is refused")
  func untrapped() throws {
    guard case .refused(let refusal) = try run(Fixtures.untrapped, .msi).setup else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.errno == "EOPNOTSUPP")
    #expect(refusal.message.contains("configuration space"))
  }

  @Test("VFIO cannot override what the PCI core writes into the MSI capability")
  func override() throws {
    var design = Fixtures.forward
    design.addressOverride = .vfio
    let result = try run(design, .msi)
    #expect(result.message?.address == 0x800_0040)
    #expect(result.verdict == .fault, "\(result.why)")
  }

  @Test("a function has at most 32 MSI vectors", arguments: [(32, true), (33, false)])
  func limit(vectors: Int, works: Bool) throws {
    guard works else {
      #expect(throws: RunFailure.self) { try run(Fixtures.rmr, .msi, vectors: vectors) }
      return
    }
    let result = try run(Fixtures.rmr, .msi, vectors: vectors, messages: [31, 0, 17])
    #expect(result.verdict == .delivered, "\(result.why)")
  }
}
