import Bits
import Linux
import Testing

@Suite("FrameAllocator")
struct FrameAllocatorTests {
  @Test("frames are aligned to their size and lie inside the range")
  func alignment() {
    var frames = BumpFrames(base: 0x4000_1000, size: 0x2_0000)
    #expect(frames.allocate(size: 0x1000) == 0x4000_1000)
    #expect(frames.allocate(size: 0x1_0000) == 0x4001_0000)
    #expect(frames.allocate(size: 0x1_0000) == nil)
    #expect(frames.allocate(size: 0x1000) == 0x4002_0000)
    #expect(frames.allocate(size: 0x1000) == nil)
  }

  @Test("a request that wraps the address space is refused")
  func wrapping() {
    var frames = BumpFrames(base: 0xffff_ffff_ffff_f000, size: 0xfff)
    #expect(frames.allocate(size: 0x1_0000) == nil)
    #expect(frames.allocate(size: 1 << 63) == nil)
  }

  @Test("a table stands where it was seen, and anything else where there is room")
  func placed() {
    var frames = PlacedFrames(
      [TableSlot(level: 2, base: 0): 0x1234_5000], rest: BumpFrames(base: 0x1000, size: 0x2000))
    #expect(frames.allocate(table: TableSlot(level: 2, base: 0), size: 0x1000) == 0x1234_5000)
    #expect(frames.allocate(table: TableSlot(level: 3, base: 0), size: 0x1000) == 0x1000)
    #expect(frames.allocate(size: 0x1000) == 0x2000)
  }
}
