import ArmFormats
import Bits
import HostFixtures
import HostKernel
import Testing

@Suite("Guest events")
struct GuestEventTests {
  private func event(_ kind: EventKind, stage2: Bool = false, _ place: FaultClass = .input)
    -> EventRecord
  {
    var event = EventRecord()
    event[.kind] = kind
    event[.stream] = HostBench.device
    event[.stage2] = stage2
    event[.faultClass] = place
    event[.inputAddress] = 0x1234_5678
    return event
  }

  @Test(
    "ASV-12: what a guest can have caused is relayed with its StreamID, all else verbatim",
    arguments: [0x04, 0x06, 0x08, 0x0a, 0x10, 0x11, 0x12, 0x13] as [UInt8])
  func relayed(kind: UInt8) throws {
    let bench = try HostBench.started()
    var expected = event(EventKind(rawValue: kind))
    let told = bench.kernel.guestEvent(for: expected, of: 0)
    expected[.stream] = HostBench.guestStream
    #expect(told == expected)
  }

  @Test(
    "what is the host's ends in its log, under either policy for stage 2",
    arguments: [0x01, 0x02, 0x03, 0x05, 0x07, 0x09, 0x0b, 0x20, 0x21, 0x25] as [UInt8],
    StageTwoFaultPolicy.allCases)
  func kept(kind: UInt8, policy: StageTwoFaultPolicy) throws {
    var bench = try HostBench.started()
    bench.kernel.stageTwoFaultPolicy = policy
    #expect(bench.kernel.guestEvent(for: event(EventKind(rawValue: kind)), of: 0) == nil)
  }

  @Test(
    "a stage 2 fault is told by the specification's policy alone, and never of the last address")
  func stageTwo() throws {
    var bench = try HostBench.started()
    let table = event(.translation, stage2: true, .table)
    #expect(bench.kernel.guestEvent(for: table, of: 0) == nil)
    bench.kernel.stageTwoFaultPolicy = .specification
    #expect(bench.kernel.guestEvent(for: table, of: 0)?[.kind] == .walkAbort)
    #expect(
      bench.kernel.guestEvent(for: event(.translation, stage2: true, .context), of: 0)?[.kind]
        == .contextFetch)
    #expect(bench.kernel.guestEvent(for: event(.translation, stage2: true), of: 0) == nil)
  }

  @Test("ASV-12: another device's event, or that of a device without a vDEVICE, is no guest's")
  func strangers() throws {
    let bench = try HostBench.started()
    var foreign = event(.translation)
    foreign[.stream] = 0x7d12
    #expect(bench.kernel.guestEvent(for: foreign, of: 0) == nil)
    #expect(bench.kernel.guestEvent(for: event(.translation), of: 1) == nil)
    let bare = try HostBench()
    #expect(bare.kernel.guestEvent(for: event(.translation), of: 0) == nil)
  }
}
