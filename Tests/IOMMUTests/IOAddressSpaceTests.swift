import Bits
import IOMMU
import Software
import Testing

/// Names such as IFD-03 are those of the conformance rows on iommufd.
@Suite("IOAddressSpace")
struct IOAddressSpaceTests {
  private func errno(_ body: () throws(Refusal) -> Void) -> String? {
    do throws(Refusal) {
      try body()
      return nil
    } catch { return error.errno }
  }

  @Test("IFD-03: unmapping what is not mapped or half an area, and mapping over one")
  func unmapping() throws {
    let space = IOAddressSpace()
    #expect(errno { () throws(Refusal) in try space.unmap(0x1000...0x1fff) } == "ENOENT")
    try space.map(at: 0x1_0000, length: 0x4000, to: 0x4000_0000)
    #expect(errno { () throws(Refusal) in try space.unmap(0x1_0000...0x1_1fff) } == "ENOENT")
    #expect(
      errno { () throws(Refusal) in try space.map(at: 0x1_2000, length: 0x1000, to: 0) }
        == "EEXIST")
    #expect(try space.unmap(0...UInt64.max) == 0x4000)
    #expect(try space.unmap(0...UInt64.max) == 0)
  }

  @Test("IFD-04: a bigger range takes all areas in it, and says how many bytes went")
  func biggerRange() throws {
    let space = IOAddressSpace()
    for index in 0..<UInt64(8) {
      try space.map(at: IOVA(0x10_0000 + index * 0x8000), length: 0x4000, to: 0x4000_0000)
    }
    #expect(try space.unmap(0x10_0000...0x1f_ffff) == 32 * 0x1000)
    #expect(space.mappedBytes == 0)
  }

  @Test("IFD-05: the kernel's IOVAs are aligned to the length's lowest bit, and not reserved")
  func automatic() throws {
    let space = IOAddressSpace()
    let reserved: ClosedRange<UInt64> = 0x4000...0x6_7fff
    try space.reserve(reserved, for: "device")
    for _ in 0..<10 {
      for pages in 1...UInt64(10) {
        let length = pages * 0x1000
        let iova = try space.map(length: length, to: 0x4000_0000).rawValue
        #expect(iova % (length & (~length &+ 1)) == 0)
        #expect(!(iova...iova + length - 1).overlaps(reserved))
      }
    }
  }

  @Test("IFD-06: ranges to keep open and reserved ranges exclude each other")
  func allowed() throws {
    let space = IOAddressSpace()
    try space.reserve(0x4000...0x6_7fff, for: "device")
    #expect(errno { () throws(Refusal) in try space.allow([0x1000...0x25_8fff]) } == "EADDRINUSE")
    let other = IOAddressSpace()
    try other.allow([0x1000...0x25_8fff])
    #expect(
      errno { () throws(Refusal) in try other.reserve(0x4000...0x5fff, for: "device") }
        == "EADDRINUSE")
  }

  @Test(
    "what cannot be mapped is refused with the kernel's errno",
    arguments: [
      (0x1001, 0x1000, "EINVAL"), (0x1000, 0, "EINVAL"), (0x1000, 0x800, "EINVAL"),
      (0xffff_ffff_ffff_f000, 0x2000, "EOVERFLOW"), (0x8000, 0x1000, "EINVAL"),
    ] as [(UInt64, UInt64, String)])
  func refusals(base: UInt64, length: UInt64, expected: String) throws {
    let space = IOAddressSpace()
    try space.reserve(0x8000...0x8fff, for: "device")
    let found = errno { () throws(Refusal) in
      try space.map(at: IOVA(base), length: length, to: 0)
    }
    #expect(found == expected)
  }

  @Test("the usable ranges are what reservations leave, up to both ends")
  func usable() throws {
    let space = IOAddressSpace()
    #expect(space.usableRanges == [0...UInt64.max])
    try space.reserve(0...0xfff, for: "a")
    try space.reserve(0x8000...0x8fff, for: "b")
    try space.reserve(UInt64.max - 0xfff...UInt64.max, for: "c")
    #expect(space.usableRanges == [0x1000...0x7fff, 0x9000...UInt64.max - 0x1000])
    space.removeReservations(of: "b")
    #expect(space.usableRanges == [0x1000...UInt64.max - 0x1000])
  }
}
