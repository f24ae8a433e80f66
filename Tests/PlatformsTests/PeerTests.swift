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

@Suite("Platforms beside Arm")
struct PeerTests {
  static let base: PA = 0x4000_0000
  let memory: PhysicalMemory

  init() throws { memory = try PhysicalMemory(regions: [.init(base: Self.base, size: 1 << 20)]) }

  private static func blocked(_ reason: InterruptRemapping.Reason) -> PostOutcome {
    .failed(PostFailure("\(reason)", code: UInt16(reason.rawValue), isReported: true))
  }

  private static func write(_ data: UInt32, to address: UInt64) -> PostedWrite {
    PostedWrite(from: RequesterID(rawValue: 0), to: IOVA(address), data)
  }

  private func entry(_ low: UInt64, _ high: UInt64, at index: UInt64 = 0) {
    memory.store64(Self.base + index * 16, low)
    memory.store64(Self.base + index * 16 + 8, high)
  }

  @Test(
    "x86: SQ leaves out bits of the requester's function, SVT 2 takes a range of buses",
    arguments: [
      (0x4_0105, 0x0105, true), (0x4_0105, 0x0101, false), (0x5_0105, 0x0101, true),
      (0x5_0105, 0x0107, false), (0x6_0105, 0x0103, true), (0x7_0105, 0x0100, true),
      (0x7_0105, 0x0108, false), (0x8_0103, 0x0200, true), (0x8_0103, 0x0400, false),
      (0xc_0105, 0x0105, false), (0x0_0000, 0xffff, true),
    ] as [(UInt64, UInt16, Bool)])
  func sources(high: UInt64, requester: UInt16, isAccepted: Bool) {
    entry(1 | 0x41 << 16, high)
    let table = InterruptRemapping(table: Self.base, count: 16, memory: memory)
    let outcome = table.post(
      PostedWrite(from: RequesterID(rawValue: requester), to: 0xfee0_0010, 0))
    #expect(
      outcome
        == (isAccepted ? .host(interrupt: 0x41, cpu: 0) : Self.blocked(.sourceMismatch)))
  }

  @Test("x86: the subhandle is added where SHV says so, and the sum is bounded by the table")
  func subhandles() {
    entry(1 | 0x42 << 16, 0, at: 5)
    let table = InterruptRemapping(table: Self.base, count: 6, memory: memory)
    let handle: UInt64 = 0xfee0_0010 | 3 << 5
    #expect(table.post(Self.write(2, to: handle | 8)) == .host(interrupt: 0x42, cpu: 0))
    #expect(table.post(Self.write(2, to: handle)) == Self.blocked(.notPresent))
    #expect(table.post(Self.write(3, to: handle | 8)) == Self.blocked(.indexOutOfRange))
  }

  /// The same device's write on one platform.
  private static func end(_ platform: inout some Platform & ~Copyable, _ write: PostedWrite)
    -> PostOutcome
  { platform.post(write) }

  @Test("a write to RAM is no message on any platform, and a foreign address is none either")
  func memoryIsNoMessage() throws {
    let write = Self.write(5, to: 0x4000_8000)
    var remapping = InterruptRemapping(table: Self.base, count: 16, memory: memory)
    #expect(Self.end(&remapping, write) == .memory(nil))
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
    let remapping = InterruptRemapping(table: Self.base, count: .max, memory: memory)
    let translation = GICv5Translation(table: Self.base, deviceBits: 32, memory: memory)
    for _ in 0..<5000 {
      let data = UInt32(truncatingIfNeeded: random.next())
      _ = remapping.post(Self.write(data, to: 0xfee0_0000 | random.next() & 0xf_ffff))
      _ = translation.message(data & 0x1fff, UInt32(truncatingIfNeeded: random.next()))
    }
  }
}
