import Bits
import Testing

@testable import Memory

@Suite("PhysicalMemory")
struct PhysicalMemoryTests {
  let memory: PhysicalMemory

  init() throws {
    memory = try PhysicalMemory(regions: [
      .init(base: 0x4000_0000, size: 0x1_0000), .init(base: 0x10_0000_0000, size: 0x1000),
    ])
  }

  @Test("unwritten memory reads as zero; words are little-endian")
  func words() {
    #expect(memory.load64(0x4000_0000) == 0)
    #expect(memory.store64(0x4000_0008, 0x1122_3344_5566_7788))
    #expect(memory.load32(0x4000_0008) == 0x5566_7788)
    #expect(memory.load8(0x4000_000f) == 0x11)
    #expect(memory.store8(0x10_0000_0fff, 0xab))
    #expect(memory.load64(0x10_0000_0ff8) == 0xab00_0000_0000_0000)
  }

  @Test("bytes are copied to RAM as a whole, where one region holds them all")
  func copy() {
    let bytes: [UInt8] = [1, 2, 3, 4, 5]
    #expect(memory.store(bytes[1...3], at: 0x4000_0fff))
    #expect((0..<4).map { memory.load8(0x4000_0ffe + $0) } == [0, 2, 3, 4])
    #expect(memory.store([], at: 0))
    #expect(!memory.store(bytes[...], at: 0x4000_fffe))
    #expect(memory.load8(0x4000_fffe) == 0)
    #expect(!memory.store(bytes[...], at: PA(.max)))
  }

  @Test("why memory cannot be set up is said in words")
  func reasons() {
    let overlap = [PhysicalMemory.Region(base: 0, size: 0x2000), .init(base: 0x1000, size: 0x1000)]
    let error = #expect(throws: PhysicalMemory.SetupError.self) {
      try PhysicalMemory.check(overlap)
    }
    #expect(error?.description == "memory 0x1000 of 4096 bytes overlaps memory 0x0 of 8192 bytes")
    let limit = PhysicalMemory.SetupError.cannotReserve(overlap[0], errno: 12)
    #expect(limit.description.contains("'ulimit -v'"))
  }

  @Test(
    "an access outside RAM, across its end, or misaligned is an abort",
    arguments: [0, 0x3fff_fff8, 0x4001_0000, 0x4000_0004, 0x10_0000_1000, ~7, .max] as [UInt64])
  func abort(address: UInt64) {
    #expect(memory.load64(PA(address)) == nil)
    #expect(!memory.store64(PA(address), 1))
  }

  @Test("clearing makes every byte zero")
  func clear() {
    memory.store64(0x4000_0000, 5)
    memory.store64(0x10_0000_0000, 6)
    memory.clear()
    #expect(memory.load64(0x4000_0000) == 0)
    #expect(memory.load64(0x10_0000_0000) == 0)
  }

  @Test(
    "malformed or overlapping regions are refused",
    arguments: [
      [], [.init(base: 0x800, size: 0x1000)], [.init(base: 0, size: 0)],
      [.init(base: 0xffff_ffff_ffff_f000, size: 0x2000)],
      [.init(base: 0, size: 0x2000), .init(base: 0x1000, size: 0x1000)],
    ] as [[PhysicalMemory.Region]])
  func badRegions(regions: [PhysicalMemory.Region]) {
    #expect(throws: PhysicalMemory.SetupError.self) { try PhysicalMemory(regions: regions) }
  }

  @Test("a window shows shareable RAM at other addresses; later extents hide earlier ones")
  func window() throws {
    let host = try PhysicalMemory(
      regions: [
        .init(base: 0x4000_0000, size: 0x10_0000), .init(base: 0x1_0000_0000, size: 0x10_0000),
      ], isShareable: true)
    let guest = try host.window(
      [.init(base: 0x8000_0000, size: 0x4000), .init(base: 0xc000_0000, size: 0x1000)],
      onto: [
        .init(base: 0x8000_0000, source: 0x1_0000_0000, size: 0x3000),
        .init(base: 0x8000_1000, source: 0x4000_5000, size: 0x1000),
        .init(base: 0xc000_0000, source: 0x4000_7000, size: 0x1000),
      ])
    guest.store64(0xc000_0010, 5)
    #expect(host.load64(0x4000_7010) == 5)
    #expect(guest.load64(0x9000_0000) == nil)
    guest.store64(0x8000_0008, 1)
    guest.store64(0x8000_1008, 2)
    guest.store64(0x8000_3008, 3)
    #expect(host.load64(0x1_0000_0008) == 1)
    #expect(host.load64(0x4000_5008) == 2)
    #expect(host.load64(0x1_0000_1008) == 0)
    #expect(guest.load64(0x8000_3008) == 3)
    host.store64(0x1_0000_2000, 4)
    #expect(guest.load64(0x8000_2000) == 4)
  }

  @Test("a window onto RAM that is private or not there is refused")
  func badWindow() throws {
    let region = PhysicalMemory.Region(base: 0, size: 0x1000)
    let extent = PhysicalMemory.Extent(base: 0, source: 0x4000_0000, size: 0x1000)
    #expect(throws: PhysicalMemory.SetupError.badWindow(extent)) {
      try memory.window([region], onto: [extent])
    }
    let host = try PhysicalMemory(regions: [region], isShareable: true)
    #expect(throws: PhysicalMemory.SetupError.badWindow(extent)) {
      try host.window([region], onto: [extent])
    }
  }
}
