internal import ArmFormats

// The register frame (IHI 0069, 12.9), with affinity routing and one security state. Registers of
// SGIs and PPIs read as zero here: with affinity routing they are the redistributors'.
extension Distributor {
  /// Reads a register.
  ///
  /// - Parameters:
  ///   - offset: from the distributor's base.
  ///   - width: 1 (priorities), 4, or 8 (`GICD_IROUTER`) bytes, naturally aligned.
  public func readRegister(_ offset: UInt64, width: Int) -> UInt64 {
    guard offset & UInt64(max(width, 1) &- 1) == 0 else { return 0 }
    switch offset {
    // ARE_NS, EnableGrp1A and, with one security state, DS.
    case 0x0: return 0x52
    case 0x4: return typeRegister
    case 0x8: return 0x43b
    case 0xffe8: return 0x3b
    case 0x100..<0x180, 0x180..<0x200: return mask(offset) { $0.enabled }
    case 0x200..<0x280, 0x280..<0x300: return mask(offset) { $0.isPending }
    case 0x300..<0x380, 0x380..<0x400: return mask(offset) { $0.active }
    case 0x80..<0x100: return mask(offset) { _ in true }
    case 0x400..<0x800 where width == 1 || width == 4:
      return (0..<width).reduce(0) { word, byte in
        let spi = interrupt(Int(offset &- 0x400) &+ byte)
        return word | UInt64(spi?.priority ?? 0) &<< UInt64(8 &* byte)
      }
    case 0xc00..<0xd00:
      return (0..<16).reduce(0) { word, field in
        let spi = interrupt(Int(offset &- 0xc00) &* 4 &+ field)
        return word | (spi?.isEdge ?? false ? 2 : 0) &<< UInt64(2 &* field)
      }
    case 0x6000..<0x8000 where width == 8:
      let target = interrupt(Int(offset &- 0x6000) / 8)?.target ?? 0
      return UInt64(target & 0xf) | UInt64(target &>> 4) &<< 8
    default: return 0
    }
  }

  /// Writes a register; read-only and unknown ones ignore it.
  public mutating func writeRegister(_ offset: UInt64, _ value: UInt64, width: Int) {
    guard offset & UInt64(max(width, 1) &- 1) == 0 else { return }
    let word = UInt32(truncatingIfNeeded: value)
    switch offset {
    case MessageBasedSPI.setOffset, MessageBasedSPI.clearOffset:
      MessageBasedSPI.receiveWrite(offset, word, distributor: &self)
    case 0x100..<0x180: update(offset, word) { $0.enabled = true }
    case 0x180..<0x200: update(offset, word) { $0.enabled = false }
    case 0x200..<0x280: update(offset, word) { $0.pending = true }
    case 0x280..<0x300: update(offset, word) { $0.pending = false }
    case 0x300..<0x380: update(offset, word) { $0.active = true }
    case 0x380..<0x400: update(offset, word) { $0.active = false }
    case 0x400..<0x800 where width == 1 || width == 4:
      for byte in 0..<width {
        let priority = UInt8(truncatingIfNeeded: value &>> UInt64(8 &* byte)) & 0xf8
        update(intid: Int(offset &- 0x400) &+ byte) { $0.priority = priority }
      }
    case 0xc00..<0xd00:
      for field in 0..<16 {
        let isEdge = (value &>> UInt64(2 &* field &+ 1)) & 1 != 0
        update(intid: Int(offset &- 0xc00) &* 4 &+ field) { $0.isEdge = isEdge }
      }
    case 0x6000..<0x8000 where width == 8:
      // Aff0 in [7:0], Aff1 in [15:8], 16 PEs in a cluster; IRM in bit 31.
      let number = Int(value & 0xf) &+ Int((value &>> 8) & 0xff) &* 16
      let anyone = (value &>> 31) & 1 != 0
      let target = anyone || number >= cpuCount ? 0 : number
      update(intid: Int(offset &- 0x6000) / 8) { $0.target = target }
    default: break
    }
  }

  /// `GICD_TYPER`: ITLinesNumber [4:0], MBIS bit 16, LPIS bit 17, IDbits [23:19] = 15.
  private var typeRegister: UInt64 {
    let lines = UInt64((interrupts.count + 31) / 32)
    return lines | 1 &<< 16 | 1 &<< 17 | 15 &<< 19
  }

  private func interrupt(_ intid: Int) -> SPI? {
    let slot = intid &- Int(INTID.firstSPI)
    return interrupts.indices.contains(slot) ? interrupts[slot] : nil
  }

  private mutating func update(intid: Int, _ body: (inout SPI) -> Void) {
    let slot = intid &- Int(INTID.firstSPI)
    if interrupts.indices.contains(slot) { body(&interrupts[slot]) }
  }

  /// One bit for each of the 32 interrupts that a register at `offset` covers.
  private func mask(_ offset: UInt64, _ test: (SPI) -> Bool) -> UInt64 {
    let first = Int(offset & 0x7c) &* 8
    return (0..<32).reduce(0) { word, bit in
      interrupt(first &+ bit).map(test) ?? false ? word | 1 &<< UInt64(bit) : word
    }
  }

  private mutating func update(_ offset: UInt64, _ word: UInt32, _ body: (inout SPI) -> Void) {
    let first = Int(offset & 0x7c) &* 8
    for bit in 0..<32 where word & (1 &<< UInt32(bit)) != 0 { update(intid: first &+ bit, body) }
  }
}
