import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

/// The queue cases of the RISC-V IOMMU reference tests.
@Suite("RISC-V rows: queues")
struct QueueRowTests {
  /// An access of a stream beyond the table, which always records one event.
  private func fault(_ machine: Machine, _ number: Int) -> FaultRecording? {
    guard case .faulted(_, let recording) = machine.access(0, stream: UInt32(256 + number)) else {
      return nil
    }
    return recording
  }

  @Test("RV-05: a queue of 1024 holds 1023 and one more; the next sets OVFLG and is lost (7.4)")
  func overflow() throws {
    let machine = try Machine(queueBits: 10)
    machine.write(SMMURegister.interruptControl, 4)
    for number in 0..<1023 { #expect(fault(machine, number) == .recorded) }
    #expect(machine.read(SMMURegister.eventQueueProducer) == 1023)
    #expect(fault(machine, 1023) == .recorded)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x400, "full: the wrap bit differs")
    #expect(machine.smmu.takeInterrupts() == .eventQueue)
    #expect(fault(machine, 1024) == .lost)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0400)
    #expect(fault(machine, 1025) == .lost)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0400, "flagged once")
    #expect(machine.smmu.takeInterrupts() == [], "the queue was not empty")
    #expect(machine.read(SMMURegister.globalError) == 0, "an overflow is no global error")
    let streams = machine.events().map { Int($0[.stream]) }
    #expect(streams == (0..<1024).map { 256 + $0 })
    #expect(fault(machine, 7) == .recorded)
    #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0401, "acknowledged")
    #expect(machine.smmu.takeInterrupts() == .eventQueue)
  }

  /// The opcodes of 4.1.1 that a Non-secure queue of the profile with everything takes.
  static let opcodes: Set<UInt8> = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x22, 0x23, 0x28,
    0x2a, 0x30, 0x40, 0x41, 0x44, 0x45, 0x46,
  ]

  /// The queue stopped at its second command and goes on only when that is acknowledged.
  private func expectStop(at command: SMMUCommand, _ name: String) throws {
    let machine = try Machine()
    machine.send(SMMUCommand(.sync), command, SMMUCommand(.sync))
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0001, "\(name)")
    #expect(machine.read(SMMURegister.globalError) == 1, "\(name)")
    machine.send(SMMUCommand(.sync))
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0001, "\(name): stopped")
    machine.memory.store(SMMUCommand(.sync), at: PA(Machine.commandQueue + 16))
    #expect(machine.read(SMMURegister.commandQueueConsumer) == 0x0100_0001, "\(name): stopped")
    machine.write(SMMURegister.globalErrorAcknowledge, 1)
    #expect(machine.read(SMMURegister.commandQueueConsumer) & 0xf_ffff == 4, "\(name)")
    #expect(machine.read(SMMURegister.globalError) == 1, "\(name): no second error")
  }

  @Test("RV-08: each reserved opcode stops the queue at itself with CERROR_ILL (4.1.3, 7.1)")
  func reservedOpcodes() throws {
    for code in 0...UInt8.max {
      let command = SMMUCommand(SMMUOpcode(rawValue: code))
      if !Self.opcodes.contains(code) { try expectStop(at: command, "opcode \(hex(UInt64(code)))") }
    }
  }

  @Test("RV-08: a reserved value of a field is CERROR_ILL too")
  func reservedValues() throws {
    var sync = SMMUCommand(.sync)
    sync[.completion] = 3
    try expectStop(at: sync, "CS 3")
    var response = SMMUCommand(.pageResponse)
    response[.pageResponse] = 3
    try expectStop(at: response, "Resp 3")
    for size in 53...63 as ClosedRange<UInt8> {
      var invalidation = SMMUCommand(.invalidateDevice)
      invalidation[.size] = size
      try expectStop(at: invalidation, "Size \(size)")
    }
    for code in [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x40, 0x41, 0x44, 0x45] as [UInt8] {
      var secure = SMMUCommand(SMMUOpcode(rawValue: code))
      secure[.secure] = true
      try expectStop(at: secure, "SSec of \(hex(UInt64(code)))")
    }
    for code in [0x12, 0x13, 0x22, 0x23, 0x2a] as [UInt8] {
      for granule in 1...3 as ClosedRange<UInt8> {
        var range = SMMUCommand(SMMUOpcode(rawValue: code))
        range[.granule] = granule
        try expectStop(at: range, "TG without NUM, SCALE and TTL of \(hex(UInt64(code)))")
      }
    }
  }

  /// The bits of both words that no field of the command names (4.2 to 4.7).
  static let reserved: [(UInt8, UInt64, UInt64)] = [
    (0x03, 0x0000_0000_ffff_fb00, ~1), (0x04, 0x0000_0000_ffff_fb00, ~0x1f),
    (0x05, 0x0000_0000_0000_0b00, ~1), (0x06, 0x0000_0000_ffff_fb00, ~0),
    (0x10, 0xffff_0000_ffff_ff00, ~0), (0x11, 0x0000_0000_ffff_ff00, ~0),
    (0x20, 0xffff_ffff_ffff_ff00, ~0), (0x21, 0x0000_ffff_ffff_ff00, ~0),
    (0x28, 0xffff_0000_ffff_ff00, ~0), (0x30, 0xffff_ffff_ffff_ff00, ~0),
    (0x45, 0x0000_0000_ffff_fb00, ~0), (0x46, 0x0000_0000_f03f_cf00, 0xff00_0000_0000_0003),
  ]

  @Test("RV-08: each reserved bit of a legal command in turn is RES0: the command is done")
  func reservedBits() throws {
    let machine = try Machine(queueBits: 8)
    var sent: UInt64 = 0
    for (code, low, high) in Self.reserved {
      for bit in 0..<128 {
        let mask = UInt64(1) << UInt64(bit % 64)
        guard (bit < 64 ? low : high) & mask != 0 else { continue }
        var command = SMMUCommand(SMMUOpcode(rawValue: code))
        command[word: bit / 64] |= mask
        machine.send(command)
        sent += 1
        #expect(
          machine.read(SMMURegister.commandQueueConsumer) == sent & 0x1ff,
          "bit \(bit) of \(hex(UInt64(code)))")
      }
    }
    #expect(machine.read(SMMURegister.globalError) == 0)
    #expect(sent > 1000)
  }
}
