/// A PCI function by domain and requester ID, as `lspci` and the kernel name it.
package struct PCIFunction: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The PCI domain, 0 to 0xffffffff; firmware calls it segment.
  package var domain: UInt32
  /// Bus in bits 15:8, device in 7:3, function in 2:0.
  package var requesterID: UInt16

  package init(domain: UInt32, requesterID: UInt16) {
    self.domain = domain
    self.requesterID = requesterID
  }

  /// `bb:dd.f`, or `dddd:bb:dd.f` with a domain of four digits or more; nothing before or behind.
  package init?(_ text: some StringProtocol) { self.init(bytes: text.utf8) }

  private init?(bytes: some Collection<UInt8>) {
    let parts = bytes.split(separator: 0x3a, omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), let last = parts.last else { return nil }
    let slot = last.split(separator: 0x2e, omittingEmptySubsequences: false)
    let hasDomain = parts.count == 3
    guard slot.count == 2, slot[0].count == 2, slot[1].count == 1,
      parts[parts.count - 2].count == 2, !hasDomain || (4...8).contains(parts[0].count),
      let domain = hasDomain ? Self.hexadecimal(parts[0]) : 0,
      let bus = Self.hexadecimal(parts[parts.count - 2]),
      let device = Self.hexadecimal(slot[0]), device < 32,
      let function = Self.hexadecimal(slot[1]), function < 8
    else { return nil }
    self.domain = domain
    requesterID = UInt16(bus << 8 | device << 3 | function)
  }

  private static func hexadecimal(_ digits: some Sequence<UInt8>) -> UInt32? {
    var value: UInt32 = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: value = value &<< 4 | UInt32(digit - 0x30)
      case 0x41...0x46: value = value &<< 4 | UInt32(digit - 0x37)
      case 0x61...0x66: value = value &<< 4 | UInt32(digit - 0x57)
      default: return nil
      }
    }
    return value
  }

  package var bus: UInt16 { requesterID >> 8 }
  package var slot: UInt16 { requesterID >> 3 & 31 }

  package var description: String {
    "\(Self.digits(domain, 4)):\(place)"
  }

  /// Without the domain.
  package var place: String {
    "\(Self.digits(UInt32(bus), 2)):\(Self.digits(UInt32(slot), 2)).\(requesterID & 7)"
  }

  private static func digits(_ value: UInt32, _ count: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.domain, left.requesterID) < (right.domain, right.requesterID)
  }

  /// The first function that a line names, among words that brackets, commas and the like end.
  package static func first(in text: some StringProtocol) -> PCIFunction? {
    guard text.utf8.contains(0x3a) else { return nil }
    for word in Array(text.utf8).split(whereSeparator: { !isPart($0) }) where word.count >= 7 {
      var word = word
      while let last = word.last, last == 0x3a || last == 0x2e { word.removeLast() }
      if word.contains(0x3a), let function = PCIFunction(bytes: word) { return function }
    }
    return nil
  }

  /// A hexadecimal digit, a colon or a point.
  private static func isPart(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x3a, 0x41...0x46, 0x61...0x66, 0x2e: true
    default: false
    }
  }
}
