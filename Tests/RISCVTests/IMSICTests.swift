import Bits
import RISCV
import RISCVFormats
import TestRandom
import Testing

@Suite("IMSIC")
struct IMSICTests {
  @Test(
    "a file has one less than a multiple of 64 identities, 63 to 2047",
    arguments: [
      (0, 63), (1, 63), (63, 63), (64, 127), (255, 255), (256, 319), (2047, 2047), (5000, 2047),
    ] as [(UInt32, UInt32)])
  func size(asked: UInt32, expected: UInt32) {
    let file = InterruptFile(identities: asked)
    #expect(file.identities == expected)
    #expect(!file.implements(0))
    #expect(file.implements(expected))
    #expect(!file.implements(expected + 1))
  }

  @Test("seteipnum sets the pending bit of an identity that exists, in either byte order")
  func set() {
    var file = InterruptFile(identities: 127)
    let writes: [(value: UInt32, offset: UInt64, isTaken: Bool)] = [
      (5, 0, true), (UInt32(100).byteSwapped, 4, true), (0, 0, false), (128, 0, false),
      (5 << 24, 0, false), (9, 8, false), (9, 0xffc, false),
    ]
    for (value, offset, isTaken) in writes {
      let answer = file.write(value, at: offset)
      #expect(answer == isTaken, "\(value) at \(offset)")
    }
    #expect(file.readRegister(InterruptFileRegister.eip0) == 1 << 5)
    #expect(file.readRegister(InterruptFileRegister.eip0 + 2) == 1 << 36)
  }

  @Test("topei is the lowest identity that is pending, enabled and below the threshold")
  func top() {
    var file = InterruptFile(identities: 255)
    for number in [200, 70, 9] as [UInt32] { file.setPending(number) }
    #expect(file.top.rawValue == 0, "none is enabled")
    file.writeRegister(InterruptFileRegister.eie0 + 2, ~0)
    file.writeRegister(InterruptFileRegister.eie0 + 6, ~0)
    #expect(file.top.rawValue == 70 << 16 | 70)
    #expect(!file.isSignalling, "eidelivery is 0")
    file.writeRegister(InterruptFileRegister.eidelivery, 1)
    #expect(file.isSignalling)
    file.writeRegister(InterruptFileRegister.eithreshold, 70)
    #expect(file.top.rawValue == 0 && !file.isSignalling)
    file.writeRegister(InterruptFileRegister.eithreshold, 71)
    #expect(file.top[.identity] == 70)
    file.writeRegister(InterruptFileRegister.eithreshold, 0)
    let claims = (0..<3).map { _ in file.claim()[.identity] }
    #expect(claims == [70, 200, 0])
    #expect(file.isPending(9))
  }

  @Test("reserved registers read zero, odd ones and those outside the range do not exist")
  func registers() {
    var file = InterruptFile(identities: 63)
    for number in 0..<0x200 as Range<UInt64> {
      let isArray = (0x80...0xff).contains(number)
      let exists = (0x70...0xff).contains(number) && !(isArray && number & 1 != 0)
      #expect((file.readRegister(number) != nil) == exists, "\(number)")
      let isWritten = file.writeRegister(number, ~0)
      #expect(isWritten == exists, "\(number)")
    }
    #expect(file.delivery == 0, "WARL: 0 and 1")
    #expect(file.readRegister(InterruptFileRegister.eip0) == ~1, "there is no identity 0")
    #expect(file.readRegister(InterruptFileRegister.eip0 + 2) == 0)
    #expect(file.readRegister(0x71) == 0 && file.readRegister(0x7f) == 0)
  }

  @Test("random operations agree with a plain model of sets")
  func model() {
    var random = SplitMix(state: 3)
    var file = InterruptFile(identities: 127)
    var (pending, enabled): (Set<UInt32>, Set<UInt32>) = ([], [])
    var threshold: UInt32 = 0
    for _ in 0..<20_000 {
      let number = UInt32(random.below(140))
      switch random.below(5) {
      case 0, 1:
        file.write(number, at: 0)
        if (1...127).contains(number) { pending.insert(number) }
      case 2:
        let index = random.below(2)
        let word = random.next() & random.next()
        file.writeRegister(InterruptFileRegister.eie0 + 2 * index, word)
        enabled = enabled.filter { UInt64($0) / 64 != index }
        for bit in 0..<64 as Range<UInt64> where word >> bit & 1 != 0 && index * 64 + bit > 0 {
          enabled.insert(UInt32(index * 64 + bit))
        }
      case 3:
        threshold = UInt32(random.below(128))
        file.writeRegister(InterruptFileRegister.eithreshold, UInt64(threshold))
      default: pending.remove(UInt32(file.claim()[.identity]))
      }
      let expected = pending.intersection(enabled).filter { threshold == 0 || $0 < threshold }.min()
      #expect(UInt32(file.top[.identity]) == expected ?? 0)
    }
  }

  @Test("each file has a page; the pages that round a hart's files up ignore writes")
  func pages() {
    var imsics = IMSICs(base: 0x2800_0000, hartCount: 3, guestFiles: 2, identities: 63)
    #expect(imsics.range == AddressRange(from: 0x2800_0000, length: 3 * 0x4000))
    #expect(imsics.address(hart: 2, guest: 1).rawValue == 0x2800_9000)
    let known = imsics.write(7, at: 0x2800_9000)
    #expect(known?.isImplemented == true)
    #expect(imsics.file(hart: 2, guest: 1)?.isPending(7) == true)
    #expect(imsics.file(hart: 2, guest: 2)?.isPending(7) == false)
    let unknown = imsics.write(99, at: 0x2800_9000)
    #expect(unknown?.isImplemented == false)
    for address in [0x2800_3000, 0x2800_c000, 0x27ff_f000] as [PA] {
      let place = imsics.write(7, at: address)
      #expect(place == nil, "\(address)")
    }
    #expect(imsics.file(hart: 3) == nil && imsics.file(hart: -1) == nil)
  }

  @Test("hgeip has a bit for each guest file that signals")
  func guests() {
    var imsics = IMSICs(base: 0x2800_0000, hartCount: 1, guestFiles: 3)
    for guest in [1, 3] {
      imsics.withFile(hart: 0, guest: guest) { file in
        file.writeRegister(InterruptFileRegister.eie0, ~0)
        file.writeRegister(InterruptFileRegister.eidelivery, 1)
      }
    }
    imsics.write(4, at: imsics.address(hart: 0, guest: 3))
    imsics.write(4, at: imsics.address(hart: 0, guest: 2))
    #expect(imsics.guestSignals(hart: 0) == 1 << 3)
  }
}
