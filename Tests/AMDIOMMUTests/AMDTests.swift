import ArmFormats
import Bits
import Memory
import TestRandom
import Testing

@testable import AMDIOMMU

@Suite("AMD IOMMU")
struct AMDTests {
  static let table: UInt64 = 0x4_0000
  let memory: PhysicalMemory

  init() throws { memory = try PhysicalMemory(regions: [.init(base: 0, size: 1 << 20)]) }

  private func unit(_ control: UInt64 = 1 | 1 << 2 | 1 << 12, features: UInt64 = 0x29d3)
    -> AMDUnit
  {
    var unit = AMDUnit(features: features)
    unit.writeRegister(AMDRegister.deviceTable, Self.table, memory: memory)
    unit.writeRegister(AMDRegister.commandBuffer, 0x8_0000 | 8 << 56, memory: memory)
    unit.writeRegister(AMDRegister.eventLog, 0x9_0000 | 8 << 56, memory: memory)
    unit.writeRegister(AMDRegister.control, control, memory: memory)
    return unit
  }

  /// Events in the log, and the codes of them.
  private func events(_ unit: borrowing AMDUnit) -> [EventCode] {
    stride(from: UInt64(0), to: unit.readRegister(AMDRegister.eventTail), by: 16).compactMap {
      memory.load(EventLogEntry.self, at: PA(0x9_0000 + $0))?[.code]
    }
  }

  @Test("a guest's entry sets the request bit in its virtual APIC, with GAMEn alone")
  func guestMode() {
    var entry = DeviceTableEntry()
    entry[.valid] = true
    entry[.interruptValid] = true
    entry[.interruptTableLength] = 4
    entry[.interruptControl] = 2
    entry[.interruptTable] = 0x5_0000 >> 6
    memory.store(entry, at: PA(Self.table))
    var found = InterruptTableEntry()
    found[.isEnabled] = true
    found[.isOfGuest] = true
    found[.isLogical] = true
    found[.tag] = 0x77
    found[.wideVector] = 0x45
    found[.guestPage] = 0x6
    memory.store(found, at: PA(0x5_0010))
    var off = unit(1 | 1 << 2 | 1 << 17)
    let refused = off.remap(address: 0xfee0_0000, data: 1, from: 0, memory: memory)
    #expect(refused == .aborted(.guestMode, isLogged: true))
    #expect(events(off) == [.pageFault])
    var on = unit(1 | 1 << 2 | 1 << 17 | 1 << 25, features: 0x29d3)
    let posted = on.remap(address: 0xfee0_0000, data: 1, from: 0, memory: memory)
    #expect(posted == .posted(page: 0x6000, vector: 0x45, tag: 0x77, isRunning: true))
    #expect(memory.load32(PA(0x6000 + 0x200 + 0x20)) == 1 << 5)
  }

  @Test("the unit stops at a command that is illegal, until its buffer is started anew")
  func illegalCommand() {
    var unit = unit()
    memory.store64(PA(0x8_0000), 9 << 60)
    memory.store64(PA(0x8_0010), 1 << 60 | 0x7_0000 | 1)
    memory.store64(PA(0x8_0018), 5)
    unit.writeRegister(AMDRegister.commandTail, 0x20, memory: memory)
    #expect(unit.readRegister(AMDRegister.commandHead) == 0)
    #expect(unit.readRegister(AMDRegister.status) & 1 << 4 == 0)
    #expect(events(unit) == [.illegalCommand])
    unit.writeRegister(AMDRegister.control, 1 | 1 << 2, memory: memory)
    unit.writeRegister(AMDRegister.commandHead, 0x10, memory: memory)
    unit.writeRegister(AMDRegister.control, 1 | 1 << 2 | 1 << 12, memory: memory)
    #expect(memory.load64(PA(0x7_0000)) == 5)
  }

  @Test("a full event log says so, and keeps what it has")
  func overflow() {
    var unit = unit()
    var entry = DeviceTableEntry()
    entry[.valid] = true
    entry[.translates] = true
    entry[.mode] = 1
    memory.store(entry, at: PA(Self.table))
    for _ in 0..<300 {
      let outcome = unit.translate(0, isWrite: true, from: 0, memory: memory)
      #expect(outcome == .blocked(isLogged: true))
    }
    #expect(unit.readRegister(AMDRegister.status) & 1 == 1)
    #expect(unit.readRegister(AMDRegister.eventTail) == 0xff0)
  }

  /// 2.2.3, without caches: the address, or nothing.
  private func plain(
    _ address: UInt64, _ mode: UInt64, _ root: UInt64, write: Bool
  ) -> UInt64? {
    guard mode == 6 || address >> (12 + 9 * mode) == 0 else { return nil }
    var (level, table) = (mode, root)
    while level > 0 {
      let word = memory.load64(PA(table + (address >> (3 + 9 * level) & 0x1ff) * 8)) ?? 0
      guard word & 1 != 0, word >> (write ? 62 : 61) & 1 != 0 else { return nil }
      let next = word >> 9 & 7
      let base = word & 0xf_ffff_ffff_f000
      var shift = 3 + 9 * level
      if next == 0 { return base & ~lowBits(shift) | address & lowBits(shift) }
      if next == 7 {
        shift = 12
        while shift < 51, base >> shift & 1 == 1 { shift += 1 }
        return base & ~lowBits(shift + 1) | address & lowBits(shift + 1)
      }
      guard next < level, address & (lowBits(shift) & ~lowBits(12 + 9 * next)) == 0 else {
        return nil
      }
      (level, table) = (next, base)
    }
    return nil
  }

  @Test("host tables lead where a plain walker comes", arguments: 1...6 as ClosedRange<UInt64>)
  func walks(seed: UInt64) {
    var random = SplitMix(state: seed)
    for place in stride(from: UInt64(0), to: Self.table, by: 8) {
      let permissions = random.pick([3, 3, 3, 1, 2, 0]) as UInt64
      memory.store64(
        PA(place),
        random.below(64) << 12 | permissions << 61 | random.below(8) << 9
          | (random.oneIn(9) ? 0 : 1))
    }
    var reached = 0
    for _ in 0..<1500 {
      var entry = DeviceTableEntry()
      entry[.valid] = true
      entry[.translates] = true
      entry[.reads] = true
      entry[.writes] = true
      entry[.mode] = UInt8(1 + random.below(6))
      entry[.table] = random.below(64)
      memory.store(entry, at: PA(Self.table))
      let width = random.pick([12, 21, 30, 39, 48, 57, 64]) as UInt64
      let address = random.next() & lowBits(width)
      let isWrite = random.oneIn(2)
      let expected = plain(
        address, UInt64(entry[.mode]), entry[.table] << 12, write: isWrite)
      var unit = unit(1)
      let outcome = unit.translate(address, isWrite: isWrite, from: 0, memory: memory)
      if case .translated(let place, _, _) = outcome {
        reached += 1
        #expect(place.rawValue == expected)
      } else {
        #expect(expected == nil)
      }
    }
    #expect(reached > 100)
  }

  @Test("whatever comes, every request has an outcome", arguments: 1...4 as ClosedRange<UInt64>)
  func garbage(seed: UInt64) {
    var random = SplitMix(state: seed)
    for place in stride(from: UInt64(0), to: 1 << 20, by: 8) {
      memory.store64(PA(place), random.next())
    }
    var unit = AMDUnit(
      features: random.next(),
      personality: AMDPersonality(rawValue: UInt32(truncatingIfNeeded: random.next())))
    var outcomes = 0
    for _ in 0..<4000 {
      let device = UInt16(truncatingIfNeeded: random.next())
      switch random.below(3) {
      case 0:
        unit.writeRegister(
          random.pick([0, 8, 0x10, 0x18, 0x2000, 0x2008, 0x2010, 0x2018, 0x2020, random.next()]),
          random.oneIn(2) ? random.next() : random.next() & 0xfffff | 1 << 12 | 5, memory: memory)
        _ = unit.readRegister(random.below(0x2040))
      case 1:
        _ = unit.translate(
          random.next(), isWrite: random.oneIn(2), from: device, memory: memory)
        outcomes += 1
      default:
        _ = unit.remap(
          address: 0xfee0_0000 | random.below(1 << 20),
          data: UInt32(truncatingIfNeeded: random.next()), from: device, memory: memory)
        outcomes += 1
      }
    }
    #expect(outcomes > 1000)
  }
}
