/// A function's place on the PCI bus, as people write it.
package struct RequesterID: Equatable, Sendable {
  package let segment: UInt32
  /// Bus in bits 15:8, device in 7:3, function in 2:0.
  package let value: UInt32

  /// `BUS:DEV.FN` or `SEGMENT:BUS:DEV.FN`, all hexadecimal, or the 16-bit number after `0x`.
  package init?(_ text: String) {
    if text.hasPrefix("0x") {
      guard let value = UInt32(text.dropFirst(2), radix: 16), value <= 0xffff else { return nil }
      (segment, self.value) = (0, value)
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let last = (parts.last ?? "").split(separator: ".", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), last.count == 2,
      let segment = parts.count == 3 ? UInt32(parts[0], radix: 16) : 0, segment <= 0xffff,
      let bus = UInt32(parts[parts.count - 2], radix: 16), bus <= 0xff,
      let device = UInt32(last[0], radix: 16), device <= 0x1f,
      let function = UInt32(last[1], radix: 16), function <= 7
    else { return nil }
    self.segment = segment
    value = bus << 8 | device << 3 | function
  }
}
