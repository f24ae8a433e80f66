import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("Queues")
struct QueueTests {
  /// An access that always records the same event.
  func fault(_ machine: Machine, _ address: UInt64 = 0) {
    _ = machine.access(address, stream: 300)
  }

  @Test("the Event queue holds 2^n records, then flags one overflow until acknowledged (7.4)")
  func overflow() throws {
    let machine = try Machine(queueBits: 2)
    for _ in 0..<4 { fault(machine) }
    #expect(machine.read(SMMURegister.eventQueueProducer) == 4)
    fault(machine)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0004)
    fault(machine)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0004, "flagged once")
    #expect(machine.read(SMMURegister.globalError) == 0, "an overflow is no global error")
    #expect(machine.events().count == 4)
    fault(machine)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0005)
    for _ in 0..<4 { fault(machine) }
    #expect(machine.read(SMMURegister.eventQueueProducer) & 0x8000_0000 == 0, "toggled back")
  }

  @Test("an abort on an event write is EVENTQ_ABT_ERR, and nothing follows until acknowledged")
  func eventAbort() throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.eventQueueBase, Machine.hole | 5, 8)
    machine.write(SMMURegister.interruptControl, 1)
    machine.write(SMMURegister.cr0, 0xf)
    fault(machine)
    #expect(machine.read(SMMURegister.globalError) == 1 << 2)
    #expect(machine.smmu.takeInterrupts() == .globalError)
    fault(machine)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0)
    #expect(machine.smmu.takeInterrupts() == [])
    machine.write(SMMURegister.globalErrorAcknowledge, 1 << 2)
    fault(machine)
    #expect(machine.read(SMMURegister.globalError) == 0, "active again by toggling")
  }

  @Test("the event interrupt fires when the queue becomes non-empty, by message or wire (3.18)")
  func eventInterrupt() throws {
    let machine = try Machine()
    machine.write(SMMURegister.eventQueueMessage, 0x809_0040, 8)
    machine.write(SMMURegister.eventQueueMessageData, 0x17)
    machine.write(SMMURegister.interruptControl, 4)
    fault(machine)
    fault(machine)
    #expect(
      machine.smmu.nextOutgoingMessage()
        == OutgoingMessage(address: 0x809_0040, data: 0x17, source: .eventQueue))
    #expect(machine.smmu.nextOutgoingMessage() == nil)
    #expect(machine.events().count == 2)
    fault(machine)
    let next = machine.smmu.nextOutgoingMessage()
    let message = try #require(next)
    machine.smmu.messageAborted(message)
    #expect(machine.read(SMMURegister.globalError) == 1 << 5)
    machine.write(SMMURegister.eventQueueMessageData, 1)
    #expect(machine.read(SMMURegister.eventQueueMessageData) == 0x17, "locked while enabled")
  }

  @Test("MEV merges repetitions of an event; without it every one is recorded (7.3.1)")
  func merging() throws {
    for merges in [false, true] {
      let machine = try Machine()
      var stream = Stream(machine, .stage1)
      stream.entry[.mergeEvents] = merges
      stream.install()
      for offset in 0..<3 as Range<UInt64> { _ = machine.access(0x5000 + offset) }
      _ = machine.access(0x6000)
      #expect(machine.events().count == (merges ? 2 : 4))
    }
  }

  @Test("an illegal command stops the queue at itself; acknowledging resumes there (7.1)")
  func commandError() throws {
    let machine = try Machine()
    machine.write(SMMURegister.interruptControl, 1)
    machine.send(SMMUCommand(.sync), SMMUCommand(SMMUOpcode(rawValue: 0x47)), SMMUCommand(.sync))
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0001)
    #expect(machine.read(SMMURegister.globalError) == 1)
    #expect(machine.smmu.takeInterrupts() == .globalError)
    machine.write(SMMURegister.commandQueueProducer, 3)
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0001, "still stopped")
    machine.memory.store(SMMUCommand(.sync), at: PA(Machine.commandQueue + 16))
    machine.write(SMMURegister.globalErrorAcknowledge, 1)
    #expect(machine.read(SMMURegister.commandQueueConsumer) & 0xf_ffff == 3)
  }

  @Test("an abort on a command fetch is CERROR_ABT")
  func commandAbort() throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.commandQueueBase, Machine.hole | 5, 8)
    machine.write(SMMURegister.cr0, 0xf)
    machine.write(SMMURegister.commandQueueProducer, 1)
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0200_0000)
  }

  @Test("the Command queue wraps, many times over")
  func commandWrap() throws {
    let machine = try Machine(queueBits: 2)
    for _ in 0..<50 { machine.send(SMMUCommand(.sync), SMMUCommand(.tlbiNSNHAll)) }
    #expect(
      machine.read(SMMURegister.commandQueueConsumer)
        == machine.read(SMMURegister.commandQueueProducer))
  }

  @Test(
    "commands of absent features are illegal",
    arguments: [
      (SMMUProfile.qemu, 0x20), (.qemu, 0x22), (.qemu, 0x40), (.qemu, 0x41), (.qemu, 0x44),
      (.qemu, 0x45), (.qemuStage1, 0x28), (.qemuStage1, 0x2a), (.qemuStage2, 0x10),
      (.qemuStage2, 0x12), (.qemuStage2, 0x05), (.full, 0x00), (.full, 0x18), (.full, 0x07),
      (.full, 0x80), (.full, 0xff),
    ] as [(SMMUProfile, UInt8)])
  func absentCommands(profile: SMMUProfile, opcode: UInt8) throws {
    let machine = try Machine(profile)
    machine.send(SMMUCommand(SMMUOpcode(rawValue: opcode)))
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0000)
  }

  @Test("SSec, a reserved CS and a granule without a range are illegal")
  func illegalOperands() throws {
    var secure = SMMUCommand(.invalidateStream)
    secure[.secure] = true
    var sync = SMMUCommand(.sync)
    sync[.completion] = 3
    var degenerate = SMMUCommand(.tlbiNHVA)
    degenerate[.granule] = 1
    var response = SMMUCommand(.pageResponse)
    response[.pageResponse] = 3
    for command in [secure, sync, degenerate, response] {
      let machine = try Machine()
      machine.send(command)
      #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0000)
    }
  }

  // hw/arm/smmuv3.c: `smmuv3_record_event`, `smmuv3_write_eventq`, `CMD_SYNC_CS & SIG_IRQ`.
  @Test("QEMU records every bad stream, interrupts for each event and takes CS=3 for an interrupt")
  func qemuQueues() throws {
    for (personality, recorded, interrupts) in [
      (SMMUPersonality.architecture, 0, 1), (.qemu11, 2, 2),
    ] {
      let machine = try Machine(.full, personality)
      machine.write(SMMURegister.cr0, 0)
      machine.write(SMMURegister.cr2, 0)
      machine.write(SMMURegister.cr0, 0xf)
      for _ in 0..<2 { fault(machine) }
      #expect(machine.events().count == recorded)

      let other = try Machine(.full, personality)
      other.write(SMMURegister.eventQueueMessage, 0x809_0040, 8)
      other.write(SMMURegister.interruptControl, 4)
      for _ in 0..<2 { fault(other) }
      var sent = 0
      while other.smmu.nextOutgoingMessage() != nil { sent += 1 }
      #expect(sent == interrupts)

      var sync = SMMUCommand(.sync)
      sync[.completion] = 3
      machine.send(sync)
      let isTaken = personality == .qemu11
      #expect(machine.read(SMMURegister.commandQueueConsumer) >> 24 == (isTaken ? 0 : 1))
      #expect(machine.smmu.takeInterrupts().contains(.commandSync) == isTaken)
    }
  }

  @Test("QEMU writes events again without an acknowledgement once there is room")
  func qemuQueueAbort() throws {
    for personality in [SMMUPersonality.abortsOnFullQueue, .qemu11] {
      let machine = try Machine(.full, personality, queueBits: 1)
      for _ in 0..<3 { fault(machine) }
      #expect(machine.read(SMMURegister.globalError) == 1 << 2)
      #expect(machine.events().count == 2)
      fault(machine)
      #expect(machine.events().count == (personality == .qemu11 ? 1 : 0))
    }
  }

  @Test("CMD_SYNC completes by message, by wire or by a wake-up event")
  func sync() throws {
    let machine = try Machine()
    var sync = SMMUCommand(.sync)
    sync[.completion] = 1
    sync[.messageData] = 9
    machine.send(sync)
    #expect(machine.smmu.takeInterrupts() == .commandSync)
    sync[.messagePointer] = 0x809_0040 >> 2
    machine.send(sync)
    #expect(machine.smmu.nextOutgoingMessage()?.data == 9)
    sync[.completion] = 2
    machine.send(sync)
    #expect(machine.smmu.takeInterrupts() == .wakeUp)
  }

  @Test("a device that misses an invalidation stops the queue with CERROR_ATC_INV_SYNC")
  func deviceTimeout() throws {
    let machine = try Machine()
    machine.smmu.deviceInvalidationTimedOut()
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0300_0000)
    #expect(machine.read(SMMURegister.globalError) == 1)
  }

  @Test("identification registers read back, and writes to them do nothing")
  func identification() throws {
    let machine = try Machine(.qemu)
    for (offset, value) in [
      (SMMURegister.idr0, 0x0d44_101b), (SMMURegister.idr1, 0x0273_0010),
      (SMMURegister.idr3, 0x1414), (SMMURegister.idr5, 0x74), (SMMURegister.aidr, 1),
    ] as [(UInt64, UInt64)] {
      machine.write(offset, ~0)
      #expect(machine.read(offset) == value)
    }
    machine.write(SMMURegister.cr0, 0x1f)
    #expect(machine.read(SMMURegister.cr0Acknowledge) == 0xd, "neither PRI nor ATS exists")
    machine.write(SMMURegister.streamTableBase, 0, 8)
    #expect(machine.read(SMMURegister.streamTableBase, 8) == Machine.streamTable, "in use")
  }

  @Test("page requests fill the PRI queue; when it is full, groups succeed automatically (8.1)")
  func pageRequests() throws {
    let machine = try Machine(queueBits: 1)
    var request = PageRequestRecord()
    request[.stream] = 5
    request[.groupIndex] = 0x12
    request[.last] = true
    request[.page] = 0x77
    let outcomes = (0..<4).map { _ in machine.smmu.requestPage(request, in: machine.memory) }
    #expect(outcomes == [.queued, .queued, .answeredAutomatically, .answeredAutomatically])
    #expect(machine.memory.load64(PA(Machine.pageQueue + 8)) == 0x77012)
    #expect(machine.read(SMMURegister.pageQueueProducer) == 0x8000_0002)
    #expect(
      machine.smmu.nextDeviceMessage()
        == .pageResponse(streamID: 5, substreamID: nil, groupIndex: 0x12, code: 2))
    var response = SMMUCommand(.pageResponse)
    response[.stream] = 5
    response[.groupIndex] = 0x12
    response[.pageResponse] = 1
    machine.send(response)
    _ = machine.smmu.nextDeviceMessage()
    #expect(
      machine.smmu.nextDeviceMessage()
        == .pageResponse(streamID: 5, substreamID: nil, groupIndex: 0x12, code: 1))
  }
}
