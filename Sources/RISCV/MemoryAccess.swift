internal import ArmFormats
internal import Bits
internal import Memory

/// Why an access of the IOMMU to memory failed.
enum MemoryFailure: Error {
  /// Nothing answers, or the address is wider than `capabilities.PAS`: a PMA or PMP violation.
  case refused
  /// The data is corrupt.
  case corrupt
}

extension RISCVIOMMU {
  /// A 64-bit word of a structure in memory.
  @inline(__always)
  func read(_ address: UInt64, bigEndian: Bool, _ memory: PhysicalMemory) throws(MemoryFailure)
    -> UInt64
  {
    guard address & ~addressMask == 0, let word = memory.load64(PA(address)) else {
      throw .refused
    }
    if !corruptPages.isEmpty && isCorrupt(address) { throw .corrupt }
    return bigEndian ? word.byteSwapped : word
  }

  /// The first `count` words of a record.
  @inline(__always)
  func read<Record: WordRecord>(
    _: Record.Type, at address: UInt64, words count: Int = Record.wordCount, bigEndian: Bool,
    _ memory: PhysicalMemory
  ) throws(MemoryFailure) -> Record {
    var record = Record()
    for index in 0..<count {
      record[word: index] = try read(
        address &+ UInt64(truncatingIfNeeded: index &* 8), bigEndian: bigEndian, memory)
    }
    return record
  }

  /// Writes a word; `false` when nothing answers.
  @inline(__always)
  func write(_ address: UInt64, _ word: UInt64, bigEndian: Bool, _ memory: PhysicalMemory)
    -> Bool
  {
    guard address & ~addressMask == 0 else { return false }
    return memory.store64(PA(address), bigEndian ? word.byteSwapped : word)
  }

  @inline(never)
  func isCorrupt(_ address: UInt64) -> Bool { corruptPages.contains(address & ~0xfff) }
}
