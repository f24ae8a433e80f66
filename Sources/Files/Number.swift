extension UInt64 {
  /// The number that `text` writes: decimal digits, or hexadecimal ones after `0x`; nothing else,
  /// signs included.
  package init?(number text: some StringProtocol) {
    let isHex = text.hasPrefix("0x") || text.hasPrefix("0X")
    let digits = text.dropFirst(isHex ? 2 : 0)
    guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
      let number = UInt64(digits, radix: isHex ? 16 : 10)
    else { return nil }
    self = number
  }
}
