import ArmFormats
import Bits
import GIC
import Machine
import Memory
import PCI
import Platforms
import SMMU
import TestRandom
import Testing
import VTD

@Suite("Platforms beside Arm")
struct PeerTests {
  static let base: PA = 0x4000_0000
  let memory: PhysicalMemory

  init() throws { memory = try PhysicalMemory(regions: [.init(base: Self.base, size: 1 << 20)]) }

  private static func write(_ data: UInt32, to address: UInt64) -> PostedWrite {
    PostedWrite(from: RequesterID(rawValue: 0), to: IOVA(address), data)
  }

  /// An Intel unit with interrupt remapping on.
  private func remapping() -> VTDPlatform {
    var unit = VTDUnit(profile: .full)
    unit.writeRegister(
      VTDRegister.interruptTable, Self.base.rawValue | 7, width: 8, memory: memory)
    unit.writeRegister(VTDRegister.command, VTDCommand.interruptTable, width: 4, memory: memory)
    unit.writeRegister(VTDRegister.command, VTDCommand.interrupts, width: 4, memory: memory)
    return VTDPlatform(memory: memory, unit: unit)
  }

  @Test("x86: a write to the window is an interrupt by the entry that it names, or is blocked")
  func window() {
    memory.store64(Self.base + 80, 1 | 0x42 << 16 | 0x300 << 32)
    var platform = remapping()
    let handle: UInt64 = 0xfee0_0010 | 3 << 5
    let taken = Self.end(&platform, Self.write(2, to: handle | 8))
    #expect(taken == .host(interrupt: 0x42, cpu: 3))
    let absent = Self.end(&platform, Self.write(2, to: handle))
    #expect(
      absent
        == .failed(
          PostFailure(
            "Present field in the IRTE entry is clear", code: 0x22, isReported: true)))
  }

  /// The same device's write on one platform.
  private static func end(_ platform: inout some Platform & ~Copyable, _ write: PostedWrite)
    -> PostOutcome
  { platform.post(write) }

  @Test("a write to RAM is no message on any platform, and a foreign address is none either")
  func memoryIsNoMessage() throws {
    let write = Self.write(5, to: 0x4000_8000)
    var remapping = remapping()
    let onIntel = Self.end(&remapping, write)
    #expect(onIntel == .memory(0x4000_8000))
    memory.store32(0x4000_8000, 0)
    let redistributors: PA = 0x80a_0000
    var machine = Machine(
      memory: memory,
      layout: .init(
        smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: redistributors,
        bar: 0x80_0000_0000, barSize: 0x1_0000),
      smmu: SMMU(profile: .qemu, caches: .none),
      its: ITS(profile: .qemu11(), personality: .architecture),
      redistributors: Redistributors(
        profile: RedistributorProfile(count: 1, base: redistributors)),
      function: PCIFunction(profile: .init(requesterID: RequesterID(rawValue: 0))))
    // An SMMU after reset lets every access through.
    let onArm = Self.end(&machine, write)
    #expect(onArm == .memory(0x4000_8000))
    #expect(memory.load32(0x4000_8000) == 5)
    let nothing = Self.end(&machine, Self.write(5, to: 0x7000_0000_0000))
    #expect(nothing == .failed(PostFailure("external abort", isReported: false)))
    let stranger = Self.end(
      &machine, PostedWrite(from: RequesterID(rawValue: 0x77), to: 0x4000_8000, 6))
    #expect(stranger == .failed(PostFailure("no such requester", isReported: false)))
    #expect(memory.load32(0x4000_8000) == 5)
  }

  @Test(
    "whatever the tables hold, every write has an outcome", arguments: 1...4 as ClosedRange<UInt64>)
  func garbage(seed: UInt64) {
    var random = SplitMix(state: seed)
    for offset in stride(from: UInt64(0), to: 1 << 16, by: 8) {
      memory.store64(Self.base + offset, random.next())
    }
    let translation = GICv5Translation(table: Self.base, deviceBits: 32, memory: memory)
    for _ in 0..<5000 {
      let data = UInt32(truncatingIfNeeded: random.next())
      _ = translation.message(data & 0x1fff, UInt32(truncatingIfNeeded: random.next()))
    }
  }
}
