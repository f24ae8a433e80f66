/// Bounds-checked looks at AML (ACPI 6.5, chapter 20), for the few patterns that are searched.
struct AMLPackage {
  /// The package's contents: after its length, to its end.
  let contents: Range<Int>

  /// The package whose PkgLength stands at an offset (20.2.4): one to four bytes, of which the
  /// first says how many follow. `nil` where it does not fit below `end`.
  init?(_ code: [UInt8], lengthAt offset: Int, end: Int) {
    guard offset < end, end <= code.count else { return nil }
    let following = Int(code[offset] >> 6)
    guard offset + following < end else { return nil }
    var length = following == 0 ? Int(code[offset] & 0x3f) : Int(code[offset] & 0xf)
    for index in 0..<following { length |= Int(code[offset + 1 + index]) << (4 + 8 * index) }
    guard length > following, offset + length <= end else { return nil }
    contents = offset + 1 + following..<offset + length
  }

  /// The package of an operator that starts with `opcode`.
  init?(_ code: [UInt8], opcode: [UInt8], at offset: Int, end: Int) {
    guard offset + opcode.count <= min(end, code.count), code[offset] == opcode[0],
      code[offset..<offset + opcode.count].elementsEqual(opcode)
    else { return nil }
    self.init(code, lengthAt: offset + opcode.count, end: end)
  }
}

/// Returns the first offset of `pattern` in a part of the code.
func firstOffset(of pattern: [UInt8], in code: [UInt8], _ range: Range<Int>) -> Int? {
  guard range.count >= pattern.count else { return nil }
  for start in range.lowerBound...range.upperBound - pattern.count
  where code[start] == pattern[0] && code[start..<start + pattern.count].elementsEqual(pattern) {
    return start
  }
  return nil
}
