import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("Stalls")
struct StallTests {
  func stalling(_ profile: SMMUProfile = .full, queueBits: UInt64 = 5) throws -> (Machine, Stream) {
    let machine = try Machine(profile, queueBits: queueBits)
    var stream = Stream(machine, .stage1)
    stream.context[.stall] = true
    stream.context[.record] = false
    stream.install()
    return (machine, stream)
  }

  func resume(_ tag: UInt16, stream: UInt32 = 1, retry: Bool, abort: Bool = false) -> SMMUCommand {
    var command = SMMUCommand(.resume)
    command[.stream] = stream
    command[.stallTag] = tag
    command[.resumeRetry] = retry
    command[.resumeAbort] = abort
    return command
  }

  @Test("a stalled access is always recorded, and retried by CMD_RESUME")
  func retry() throws {
    let (machine, stream) = try stalling()
    #expect(machine.access(0x5000) == .stalled(tag: 0))
    #expect(machine.access(0x6000) == .stalled(tag: 1))
    let events = machine.events()
    #expect(events.map { $0[word: 1] } == [0x0000_0208_8000_0000, 0x0000_0208_8000_0001])
    stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
    machine.send(resume(0, stream: 2, retry: true), resume(9, retry: true))
    #expect(machine.smmu.nextDeviceMessage() == nil, "neither tag nor stream may be wrong")
    machine.send(resume(0, retry: true), resume(1, retry: false, abort: true))
    #expect(machine.smmu.nextDeviceMessage() == .retry(streamID: 1, tag: 0))
    #expect(machine.smmu.nextDeviceMessage() == .terminate(streamID: 1, tag: 1, aborts: true))
    #expect(machine.output(0x5000) == 0x4200_0000)
    machine.send(resume(0, retry: true))
    #expect(machine.smmu.nextDeviceMessage() == nil, "a tag is resumed once")
  }

  @Test("CMD_STALL_TERM ends every stall of its stream with an abort")
  func terminate() throws {
    let (machine, stream) = try stalling()
    stream.install(stream: 2)
    for id in [1, 2, 1] as [UInt32] { _ = machine.access(0x5000, stream: id) }
    var command = SMMUCommand(.terminateStalls)
    command[.stream] = 1
    machine.send(command)
    #expect(machine.smmu.nextDeviceMessage() == .terminate(streamID: 1, tag: 0, aborts: true))
    #expect(machine.smmu.nextDeviceMessage() == .terminate(streamID: 1, tag: 2, aborts: true))
    #expect(machine.smmu.nextDeviceMessage() == nil)
  }

  @Test("stall records wait for room in the queue and are never lost; tags run out")
  func waiting() throws {
    var profile = SMMUProfile.full
    profile.idr5[.stallMaximum] = 6
    let (machine, _) = try stalling(profile, queueBits: 2)
    for index in 0..<6 as Range<UInt64> { _ = machine.access(0x5000 + index << 12) }
    #expect(machine.access(0x9000) == .blocked)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 4, "full, without overflow")
    #expect(machine.events().count == 4)
    #expect(machine.events().count == 2)
  }

  @Test("S with S1STALLD is C_BAD_CD; stage 2 stalls by S2S")
  func configuration() throws {
    let (machine, stream) = try stalling()
    var refused = stream
    refused.entry[.stage1StallDisabled] = true
    refused.install()
    _ = machine.access(0x5000)
    #expect(machine.events().map { $0[.kind] } == [.badContext])
    var second = Stream(machine, .stage2)
    second.entry[.stage2Stall] = true
    second.install(stream: 3)
    #expect(machine.access(0x5000, stream: 3) == .stalled(tag: 0))
  }
}
