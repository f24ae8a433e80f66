import Bits
import Memory
import PeerArchitectures
import TestRandom
import Testing

@Suite("Peer architectures")
struct PeerTests {
  static let base: PA = 0x4000_0000
  let memory: PhysicalMemory

  init() throws { memory = try PhysicalMemory(regions: [.init(base: Self.base, size: 1 << 20)]) }

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
    let table = InterruptRemapping(table: Self.base, count: 16)
    let outcome = table.write(0, to: 0xfee0_0010, from: requester, memory: memory)
    #expect(
      outcome
        == (isAccepted ? .remapped(vector: 0x41, destination: 0) : .blocked(.sourceMismatch)))
  }

  @Test("x86: the subhandle is added where SHV says so, and the sum is bounded by the table")
  func subhandles() {
    entry(1 | 0x42 << 16, 0, at: 5)
    let table = InterruptRemapping(table: Self.base, count: 6)
    let handle: UInt64 = 0xfee0_0010 | 3 << 5
    #expect(
      table.write(2, to: handle | 8, from: 0, memory: memory)
        == .remapped(vector: 0x42, destination: 0))
    #expect(table.write(2, to: handle, from: 0, memory: memory) == .blocked(.notPresent))
    #expect(table.write(3, to: handle | 8, from: 0, memory: memory) == .blocked(.indexOutOfRange))
  }

  @Test("RISC-V: the bits that the mask selects, packed, number the file")
  func fileNumbers() {
    let table = MSIPageTable(table: Self.base, mask: 0b1001, pattern: 0x2_8000)
    for (page, number) in [(0x2_8000, 0), (0x2_8001, 1), (0x2_8008, 2), (0x2_8009, 3)] {
      entry(7 | UInt64(number + 1) << 10, 0, at: UInt64(number))
      #expect(
        table.write(0, to: IPA(UInt64(page) << 12), memory: memory)
          == .redirected(PA(UInt64(number + 1) << 12)))
    }
    #expect(table.write(0, to: IPA(0x2_8002 << 12), memory: memory) == .memory)
  }

  @Test(
    "RISC-V: reserved bits and modes are misconfigured",
    arguments: [0x0f, 1 << 54 | 7, 1 << 63 | 7, 1, 5] as [UInt64])
  func misconfigured(low: UInt64) {
    entry(low, 0)
    let table = MSIPageTable(table: Self.base, mask: 0, pattern: 0x2_8000)
    #expect(table.write(0, to: 0x2800_0000, memory: memory) == .fault(263))
  }

  @Test(
    "whatever the tables hold, every write has an outcome", arguments: 1...4 as ClosedRange<UInt64>)
  func garbage(seed: UInt64) {
    var random = SplitMix(state: seed)
    for offset in stride(from: UInt64(0), to: 1 << 16, by: 8) {
      memory.store64(Self.base + offset, random.next())
    }
    let remapping = InterruptRemapping(table: Self.base, count: .max)
    let translation = GICv5Translation(table: Self.base, deviceBits: 32)
    for _ in 0..<5000 {
      let data = UInt32(truncatingIfNeeded: random.next())
      let pages = MSIPageTable(table: Self.base, mask: random.next(), pattern: random.next())
      _ = pages.write(data, to: IPA(random.next()), memory: memory)
      _ = remapping.write(
        data, to: 0xfee0_0000 | random.next() & 0xf_ffff, from: UInt16(truncatingIfNeeded: data),
        memory: memory)
      _ = translation.message(
        data & 0x1fff, UInt32(truncatingIfNeeded: random.next()), memory: memory)
    }
  }
}
