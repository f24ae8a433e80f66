import Bits
import Linux
import TestRandom
import Testing

@Suite("IOVAAllocator")
struct IOVAAllocatorTests {
  @Test("addresses come top down from 4 GiB, page by page")
  func topDown() {
    var allocator = IOVAAllocator(granule: 12, reserved: [])
    let pages = (0..<4).map { _ in allocator.allocate(size: 0x1000)?.rawValue }
    #expect(pages == [0xffff_f000, 0xffff_e000, 0xffff_d000, 0xffff_c000])
  }

  @Test("a range is aligned to its size, rounded up to a power of two")
  func alignment() {
    var allocator = IOVAAllocator(granule: 12, reserved: [])
    let ranges = [0x3000, 0x1000, 0x8000].map { allocator.allocate(size: $0)?.rawValue }
    #expect(ranges == [0xffff_c000, 0xffff_f000, 0xffff_0000])
  }

  @Test("a freed range is handed out again")
  func reuse() throws {
    var allocator = IOVAAllocator(granule: 12, reserved: [])
    let page = allocator.allocate(size: 0x1000)
    let first = try #require(page)
    _ = allocator.allocate(size: 0x1000)
    allocator.free(first)
    #expect(allocator.allocate(size: 0x1000) == first)
  }

  @Test("nothing is handed out inside a reserved or taken range, even one given back by mistake")
  func reserved() {
    var allocator = IOVAAllocator(
      granule: 12, reserved: [0x800_0000..<0x810_0000, 0xffff_f000..<0x1_0000_0000])
    allocator.free(0xffff_f000)
    allocator.take(0xffff_e000, size: 0x1000)
    #expect(allocator.allocate(size: 0x1000) == 0xffff_d000)
  }

  @Test(
    "a range that wraps or exceeds the space is no crash",
    arguments: [0, 1, 0xffff_ffff_ffff_ffff, 1 << 52, (1 << 32) + 1] as [UInt64])
  func extremes(size: UInt64) {
    var allocator = IOVAAllocator(granule: 12, reserved: [])
    allocator.take(0xffff_ffff_ffff_f000, size: size)
    allocator.take(0x1000, size: size)
    let range = allocator.allocate(size: size)
    #expect(size > 1 << 32 ? range == nil : true)
  }

  @Test("a full space gives nothing, and page 0 is never given")
  func exhaustion() {
    var allocator = IOVAAllocator(granule: 12, reserved: [0x2000..<0x1_0000_0000])
    #expect(allocator.allocate(size: 0x1000) == 0x1000)
    #expect(allocator.allocate(size: 0x1000) == nil)
  }

  @Test("random ranges never overlap each other, a taken or a reserved one")
  func disjoint() {
    var random = SplitMix(state: 3)
    let reserved: [Range<UInt64>] = [0x800_0000..<0x810_0000, 0xfee0_0000..<0xfef0_0000]
    var allocator = IOVAAllocator(granule: 12, reserved: reserved)
    var live: [Range<UInt64>] = []
    for _ in 0..<400 {
      if random.below(3) == 0, !live.isEmpty {
        let index = Int(random.below(UInt64(live.count)))
        allocator.free(IOVA(live.remove(at: index).lowerBound))
        continue
      }
      let size = (1 + random.below(random.below(8) == 0 ? 4096 : 4)) << 12
      guard let base = allocator.allocate(size: size)?.rawValue else { continue }
      let range = base..<base + size
      #expect((live + reserved).allSatisfy { !$0.overlaps(range) }, "\(hex(base)) \(hex(size))")
      #expect(range.upperBound <= 1 << 32)
      live.append(range)
    }
  }
}
