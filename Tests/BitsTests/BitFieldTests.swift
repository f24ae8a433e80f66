import Bits
import Testing

struct Sample: WordRecord {
  static let wordCount = 2
  static let fields: [FieldDescription<Self>] = [
    .init("Valid", valid), .init("Kind", kind), .init("Wide", wide),
  ]
  static let valid = BitField<Self, Bool>(bit: 0)
  static let kind = BitField<Self, UInt8>(3, 1)
  static let wide = BitField<Self, UInt64>(word: 1, 63, 0)

  var first: UInt64 = 0
  var second: UInt64 = 0

  subscript(word index: Int) -> UInt64 {
    get { index == 0 ? first : second }
    set { if index == 0 { first = newValue } else { second = newValue } }
  }
}

@Suite("BitField")
struct BitFieldTests {
  @Test("a field reads and writes its bits and no others")
  func readWrite() {
    var sample = Sample(words: [~0, ~0])
    sample[Sample.kind] = 2
    #expect(sample.words == [~0 ^ 0xa, ~0])
    #expect(sample[Sample.kind] == 2)
    sample[Sample.wide] = 0x1234
    #expect(sample.words == [~0 ^ 0xa, 0x1234])
    sample[Sample.kind] = 0xff
    #expect(sample[word: 0] == ~0, "surplus bits of a value never leave the field")
  }

  @Test("the unnamed bits are the complement of the fields")
  func unnamed() {
    #expect(Sample.unnamedBits(word: 0) == ~0xf)
    #expect(Sample.unnamedBits(word: 1) == 0)
  }

  @Test("positions print as the manual writes them")
  func positions() {
    #expect(Sample.fields.map(\.position) == ["[0]", "[3:1]", "[127:64]"])
  }
}

@Suite("Address")
struct AddressTests {
  @Test("pages and offsets split an address")
  func pages() {
    let address: IPA = 0x8090_0040
    #expect(address.alignedDown(toBit: 12) == 0x8090_0000)
    #expect(address.offset(belowBit: 12) == 0x40)
    #expect(address.description == "0x80900040")
  }
}
