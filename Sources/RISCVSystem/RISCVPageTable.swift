internal import Bits
internal import RISCVFormats
internal import Software

/// A page table of four levels as Linux builds it: Sv48 for the first stage, Sv48x4, whose root has
/// four pages, for the second.
struct RISCVPageTable {
  let root: PA
  private var tables: [Table: PA] = [:]

  private struct Table: Hashable {
    let level: UInt64
    let index: UInt64
  }

  init(root: PA) { self.root = root }

  /// The words that map a page of 4 KiB, 2 MiB or 1 GiB, from the leaf up, so that nothing is
  /// reached half made.
  ///
  /// - Parameters:
  ///   - level: of the leaf: 0, 1 or 2.
  ///   - allocate: a page for a table.
  mutating func map(
    _ address: UInt64, to target: UInt64, level leaf: UInt64 = 0, allocate: () -> PA
  ) -> [MemoryWrite] {
    var entry = PageTableEntry(rawValue: 0)
    for bit: BitField<PageTableEntry, Bool> in [
      .valid, .readable, .writable, .user, .accessed, .dirty,
    ] { entry[bit] = true }
    entry[.page] = target >> 12
    var words: [MemoryWrite] = []
    var level = leaf
    while level < 3 {
      let place = Table(level: level, index: address >> (12 + 9 * (level + 1)))
      let offset = 8 * (address >> (12 + 9 * level) & 0x1ff)
      if let table = tables[place] {
        return words + [MemoryWrite(table + offset, entry.rawValue)]
      }
      let table = allocate()
      tables[place] = table
      words.append(MemoryWrite(table + offset, entry.rawValue))
      entry = PageTableEntry(rawValue: 0)
      entry[.valid] = true
      entry[.page] = table.rawValue >> 12
      level += 1
    }
    return words + [MemoryWrite(root + 8 * (address >> 39 & 0x7ff), entry.rawValue)]
  }
}
