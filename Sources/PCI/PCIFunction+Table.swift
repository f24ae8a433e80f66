public import ArmFormats
internal import Bits

// The MSI-X table and the pending bit array behind the BAR (PCI Express base specification,
// 7.7.2). Accesses are 32 or 64 bits wide and naturally aligned.
extension PCIFunction {
  /// Reads `width` (4 or 8) bytes at `offset` in the BAR; zero where there is no register.
  public func readTable(_ offset: UInt64, width: Int) -> UInt64 {
    guard let msix = profile.msix, msix.store == .table, Self.isAccess(offset, width) else {
      return 0
    }
    let word: UInt64
    if let place = entryWord(offset, msix) {
      word = table[place.vector][word: place.word]
    } else if let place = pendingWord(offset, msix) {
      word = pendingBits[place]
    } else {
      return 0
    }
    return width == 8 ? word : (word &>> ((offset & 4) &* 8)) & 0xffff_ffff
  }

  /// Writes `width` (4 or 8) bytes at `offset` in the BAR. The pending bits are read-only.
  ///
  /// - Returns: the messages that the write released, in order of vector.
  @discardableResult
  public mutating func writeTable(_ offset: UInt64, _ value: UInt64, width: Int) -> [Emission] {
    guard let msix = profile.msix, msix.store == .table, Self.isAccess(offset, width),
      let place = entryWord(offset, msix)
    else { return [] }
    let old = table[place.vector][word: place.word]
    var new = value
    if width == 4 {
      let shift = (offset & 4) &* 8
      new = (old & ~(0xffff_ffff &<< shift)) | (value & 0xffff_ffff) &<< shift
    }
    store(new, vector: place.vector, word: place.word)
    return old == new ? [] : takeUnmasked()
  }

  /// Writes an entry through the device's own channel, when it keeps its messages inside; `nil`
  /// when there is no such vector or the store is the table.
  ///
  /// - Returns: the messages that the write released.
  @discardableResult
  public mutating func writeInternalStore(_ vector: Int, _ entry: MSIXTableEntry) -> [Emission]? {
    guard let msix = profile.msix, msix.store == .device, table.indices.contains(vector) else {
      return nil
    }
    store(entry.address, vector: vector, word: 0)
    store(entry.dataAndControl, vector: vector, word: 1)
    return takeUnmasked()
  }

  private mutating func store(_ value: UInt64, vector: Int, word: Int) {
    // Address bits [1:0] are zero, vector control has its mask bit only.
    table[vector][word: word] = value & (word == 0 ? ~3 : 0x1_ffff_ffff)
  }

  private static func isAccess(_ offset: UInt64, _ width: Int) -> Bool {
    (width == 4 || width == 8) && offset & UInt64(width - 1) == 0
  }

  private func entryWord(
    _ offset: UInt64, _ msix: PCIFunctionProfile.MSIX
  ) -> (vector: Int, word: Int)? {
    let place = offset &- UInt64(msix.tableOffset)
    guard place < UInt64(table.count) &* MSIXTableEntry.byteCount else { return nil }
    return (Int(place / MSIXTableEntry.byteCount), Int((place &>> 3) & 1))
  }

  private func pendingWord(_ offset: UInt64, _ msix: PCIFunctionProfile.MSIX) -> Int? {
    let place = (offset &- UInt64(msix.pendingOffset)) &>> 3
    return place < UInt64(pendingBits.count) ? Int(place) : nil
  }
}
