/// Bytes that decide what a fuzz run does; when they are used up the run ends.
struct FuzzInput {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

  /// `count` bytes that depend on `seed` alone.
  init(seed: UInt8, count: Int) {
    var state = UInt64(seed)
    let bytes = (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state &>> 56)
    }
    self.init(bytes)
  }

  /// The next byte, which stays; 0 at the end.
  var first: UInt8 { bytes.first ?? 0 }

  var isEmpty: Bool { bytes.isEmpty }

  /// The next byte; 0 at the end.
  mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

  /// The next `count` bytes as a number, least significant first; `count` 1 to 8.
  mutating func number(_ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(byte()) &<< UInt64($1 &* 8) }
  }

  /// One of `elements`.
  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int(byte()) % elements.count]
  }

  /// An address in the pages that the run uses, aligned to 8 bytes.
  mutating func place() -> UInt64 {
    FuzzMachine.base &+ (number(2) &<< 3) % FuzzMachine.size
  }

  /// A word as software might write it: a pointer to a page with flags, a small number, or noise.
  mutating func word() -> UInt64 {
    let kind = byte()
    switch kind & 7 {
    case 0, 1, 2: return place() & ~0xfff | number(2)
    case 3: return place() & ~0xfff | number(2) | UInt64(byte()) &<< 56
    case 4: return number(2)
    case 5: return 1 &<< UInt64(byte() & 63)
    default: return number(8)
    }
  }
}
