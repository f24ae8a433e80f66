import ArmFormats
import Bits
import GIC
import KVM
import Memory
import TestRandom
import Testing

/// Guest-written garbage: registers, commands, tables and messages.
@Suite("ITS under garbage")
struct ITSFuzzTests {
  enum Kind: CaseIterable { case v3, v4, v4Point1, stalling, kvm }

  static func machine(_ kind: Kind) throws -> Machine {
    switch kind {
    case .v3: return try Machine()
    case .v4: return try VirtualLPITests.machine(.v4)
    case .v4Point1: return try VirtualLPITests.machine(.v4Point1)
    case .stalling:
      return try Machine(
        profile: ITSProfile(physicalTargets: true, internalCollections: 3),
        personality: .architecture, redistributors: RedistributorProfile(count: 4))
    case .kvm: return try KVMPersonalityTests.machine()
    }
  }

  /// A word with few or many bits set, or one that points into memory.
  static func word(_ random: inout SplitMix) -> UInt64 {
    switch random.next() % 5 {
    case 0: return random.next()
    case 1: return random.next() % 64
    case 2: return 0x4000_0000 + random.next() % 0x4000_0000 & ~0xfff | random.next() % 64
    case 3:
      return 1 << 63 | (0x4000_0000 + random.next() % 0x4000_0000) & ~0xffff | random.next() % 8
    default: return random.next() & random.next() & random.next()
    }
  }

  static func command(_ random: inout SplitMix) -> ITSCommand {
    let known = ITSOpcode.all[Int(random.next() % UInt64(ITSOpcode.all.count))].rawValue
    let opcode = random.next() % 8 == 0 ? UInt8(truncatingIfNeeded: random.next()) : known
    var command = ITSCommand(word(&random), word(&random), word(&random), word(&random))
    command[.opcode] = ITSOpcode(rawValue: opcode)
    if random.next() % 4 > 0 { command[.deviceID] = UInt32(random.next() % 8) }
    if random.next() % 4 > 0 { command[.eventID] = UInt32(random.next() % 32) }
    return command
  }

  @Test("random registers, commands, tables and messages do no harm", arguments: Kind.allCases)
  func garbage(kind: Kind) throws {
    var random = SplitMix(state: 42)
    var machine = try Self.machine(kind)
    for round in 0..<6000 {
      switch random.next() % 8 {
      case 0:
        let offset = [
          0, 4, 0x40, 0x80, 0x88, 0x90, 0x100, 0x108, 0x110, 0x2_0020, random.next() % 0x3_0000,
        ]
        machine.write(
          offset[Int(random.next() % 11)], Self.word(&random),
          width: [4, 8][Int(random.next() % 2)])
      case 1:
        let places = [
          Machine.deviceTable, Machine.collectionTable, Machine.virtualPETable, 0x5000_0000,
          0x5400_0000, Machine.configuration,
        ]
        let place = places[Int(random.next() % 6)] + random.next() % 0x200 * 8
        machine.memory.store64(PA(place), Self.word(&random))
      case 2:
        let offsets = [
          0, 0x14, 0x70, 0x78, 0xa0, 0xb0, 0x2_0070, 0x2_0078, 0x1_0400, random.next() % 0x5_0000,
        ]
        machine.writeRedistributor(
          offsets[Int(random.next() % 10)], Self.word(&random), at: Int(random.next() % 5),
          width: [1, 2, 4, 8][Int(random.next() % 4)])
        _ = machine.redistributors.readRegister(random.next() % 0x5_0000, width: 4, at: 1)
      case 3, 4:
        machine.run([Self.command(&random), Self.command(&random)])
      case 5 where random.next() % 16 == 0:
        try? machine.its.saveTables(memory: machine.memory)
        try? machine.its.restoreTables(
          memory: machine.memory, redistributors: machine.redistributors)
      case 6:
        // Come back to a machine that works, so that commands keep running.
        machine.write(0, 0, width: 4)
        machine.enable()
        machine.writeOffset = 0
      default:
        check(machine.message(UInt32(random.next() % 9), UInt32(random.next() % 40)))
        if round % 8 == 0 { drain(&machine) }
      }
    }
  }

  private func check(_ outcome: MessageOutcome) {
    switch outcome {
    case .delivered(let intid, let cpu, _):
      #expect(intid >= 8192 && intid < 0x1_0000 && cpu < 4)
    case .deliveredVirtual(_, let vINTID, let cpu, _):
      #expect(vINTID >= 8192 && cpu < 4 || cpu >= 4)
    case .dropped: break
    }
  }

  /// Acknowledges a bounded number of interrupts.
  private func drain(_ machine: inout Machine) {
    for cpu in 0..<4 {
      for _ in 0..<64 {
        guard let best = machine.redistributors.highestPendingLPI(at: cpu, memory: machine.memory)
        else { break }
        machine.redistributors.acknowledgeLPI(best.intid, at: cpu, memory: machine.memory)
      }
      if let best = machine.redistributors.highestPendingVirtual(at: cpu, memory: machine.memory) {
        machine.redistributors.acknowledgeVirtual(best.intid, at: cpu, memory: machine.memory)
      }
    }
  }
}
