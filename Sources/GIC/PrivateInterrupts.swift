// The SGI and PPI frame: IHI 0069, 12.11 (GICR_IGROUPR0 and following).
extension PrivateInterrupts {
  /// Reads a register; `offset` is from the base of the frame.
  func readRegister(_ offset: UInt64, width: Int) -> UInt64 {
    if offset >= 0x400 && offset < 0x420 { return readPriorities(offset, width: width) }
    guard width == 4 else { return 0 }
    let value: UInt32
    switch offset {
    case 0x080: value = group
    case 0x100, 0x180: value = enabled
    case 0x200, 0x280: value = effectivePending
    case 0x300, 0x380: value = active
    case 0xc00: value = configurationBits(from: 0)
    case 0xc04: value = configurationBits(from: 16)
    default: value = 0
    }
    return UInt64(value)
  }

  /// Writes a register; read-only and unknown ones ignore it.
  mutating func writeRegister(_ offset: UInt64, _ value: UInt64, width: Int) {
    if offset >= 0x400 && offset < 0x420 {
      writePriorities(offset, value, width: width)
      return
    }
    guard width == 4 else { return }
    let word = UInt32(truncatingIfNeeded: value)
    switch offset {
    case 0x080: group = word
    case 0x100: enabled |= word
    case 0x180: enabled &= ~word
    case 0x200: pending |= word
    case 0x280: pending &= ~word
    case 0x300: active |= word
    case 0x380: active &= ~word
    case 0xc04: edge = 0xffff | edgeBits(word) &<< 16
    default: break
    }
  }

  private func readPriorities(_ offset: UInt64, width: Int) -> UInt64 {
    guard width == 1 || (width == 4 && offset & 3 == 0) else { return 0 }
    let first = Int(offset &- 0x400)
    return (0..<width).reduce(0) { $0 | UInt64(priorities[first + $1]) &<< UInt64(8 * $1) }
  }

  private mutating func writePriorities(_ offset: UInt64, _ value: UInt64, width: Int) {
    guard width == 1 || (width == 4 && offset & 3 == 0) else { return }
    let first = Int(offset &- 0x400)
    for byte in 0..<width {
      // Five priority bits, the fewest that a system with LPIs and two security states has.
      priorities[first + byte] = UInt8(truncatingIfNeeded: value &>> UInt64(8 * byte)) & 0xf8
    }
  }

  private func configurationBits(from first: UInt32) -> UInt32 {
    (0..<16).reduce(0) { (edge &>> (first &+ $1)) & 1 == 0 ? $0 : $0 | 2 &<< (2 &* $1) }
  }

  private func edgeBits(_ word: UInt32) -> UInt32 {
    (0..<16).reduce(0) { (word &>> (2 &* $1 &+ 1)) & 1 == 0 ? $0 : $0 | 1 &<< $1 }
  }
}
