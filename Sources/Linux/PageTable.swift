public import Bits
public import Software

/// Page tables in the format of Linux's `io-pgtable-arm.c`, either stage, 64-bit LPAE.
///
/// It computes the 64-bit words that the kernel would write, in its order, and leaves the writing
/// to the caller. What it has written so far it keeps, since no one else writes these tables.
public struct PageTable: Sendable {
  /// Which stage the tables describe.
  public enum Stage: Sendable {
    /// `ARM_64_LPAE_S1`, TTB0.
    case one
    /// `ARM_64_LPAE_S2`.
    case two
  }

  /// Thrown when a mapping cannot be made.
  public enum Failure: Error, Equatable, Sendable {
    /// The address, the size or the output is not a multiple of the page size, or out of range.
    case misalignedOrOutOfRange
    /// Something is mapped there already (`-EEXIST`).
    case alreadyMapped
    /// The frame allocator is exhausted (`-ENOMEM`).
    case noMemory
  }

  public let stage: Stage
  /// log2 of the page size: 12, 14 or 16.
  public let granule: UInt64
  /// Number of input address bits.
  public let inputBits: UInt64
  /// Number of output address bits.
  public let outputBits: UInt64
  /// The level at which walks start, and the address of that table.
  public let startLevel: Int
  public let root: PA

  private var words: [UInt64: UInt64] = [:]
  /// The last table of level 3 that a page went into, by the input addresses that it maps: pages
  /// come in runs.
  private var recent: (input: UInt64, table: UInt64)?

  /// An empty table; the root is allocated at once, as `arm_lpae_alloc_pgtable` does.
  ///
  /// - Parameters:
  ///   - granule: 12, 14 or 16.
  ///   - inputBits: more than `granule`, at most 48.
  ///   - outputBits: at most 48.
  /// - Throws: `noMemory`, or `misalignedOrOutOfRange` for sizes that the format does not have.
  public init(
    stage: Stage, granule: UInt64 = 12, inputBits: UInt64, outputBits: UInt64 = 48,
    frames: inout some FrameAllocator
  ) throws(Failure) {
    guard [12, 14, 16].contains(granule), inputBits > granule, inputBits <= 48, outputBits <= 48
    else { throw .misalignedOrOutOfRange }
    self.stage = stage
    self.granule = granule
    self.inputBits = inputBits
    self.outputBits = outputBits
    let perLevel = granule - 3
    let levels = (inputBits - granule + perLevel - 1) / perLevel
    var start = 4 - Int(levels)
    var rootBits = inputBits - granule - (levels - 1) * perLevel
    if stage == .two, Self.mustConcatenate(granule, start, inputBits, outputBits) {
      rootBits += perLevel
      start += 1
    }
    let size = max(UInt64(1) << (rootBits + 3), 1 << granule)
    startLevel = start
    guard let root = frames.allocate(table: TableSlot(level: start, base: 0), size: size) else {
      throw .noMemory
    }
    self.root = root
  }

  /// Whether stage 2 has to put several tables side by side at the next level instead of starting
  /// at `level`: Linux does so only where the architecture leaves no choice
  /// (`arm_lpae_concat_mandatory`; Arm DDI 0487, R_DXBSH and R_SRKBC).
  private static func mustConcatenate(
    _ granule: UInt64, _ level: Int, _ inputBits: UInt64, _ outputBits: UInt64
  ) -> Bool {
    switch (granule, level) {
    case (12, 0): outputBits == 40 || outputBits == 42
    case (14, 0): outputBits == 48 || inputBits == 48
    case (14, 1): outputBits == 40
    default: false
    }
  }

  /// log2 of the span of one entry at `level`.
  private func shift(_ level: Int) -> UInt64 { granule + UInt64(3 - level) * (granule - 3) }

  /// Whether the granule has block descriptors at `level`.
  private func hasBlocks(_ level: Int) -> Bool {
    level == 3 || level == 2 || (level == 1 && granule == 12)
  }

  /// Maps `[input, input + size)` to `output`, with the largest blocks that fit unless
  /// `pagesOnly`; the words written, in order.
  public mutating func map(
    _ input: UInt64, to output: UInt64, size: UInt64, _ attributes: MappingAttributes,
    pagesOnly: Bool = false, frames: inout some FrameAllocator
  ) throws(Failure) -> [MemoryWrite] {
    guard (input | output | size) & lowBits(granule) == 0, size > 0,
      fits(input, size, inputBits), fits(output, size, outputBits)
    else { throw .misalignedOrOutOfRange }
    var writes: [MemoryWrite] = []
    var done: UInt64 = 0
    do {
      while done < size {
        let level = blockLevel(input &+ done, output &+ done, size - done, pagesOnly)
        try insertLeaf(input &+ done, output &+ done, level, attributes, &frames, &writes)
        done += 1 << shift(level)
      }
    } catch {
      // Nothing of it reaches memory, so nothing of it may stay here.
      recent = nil
      for write in writes { words[write.address.rawValue] = nil }
      throw error
    }
    return writes
  }

  private func fits(_ start: UInt64, _ size: UInt64, _ bits: UInt64) -> Bool {
    let end = start.addingReportingOverflow(size)
    return !end.overflow && end.partialValue <= 1 << bits
  }

  private func blockLevel(
    _ input: UInt64, _ output: UInt64, _ left: UInt64, _ pagesOnly: Bool
  ) -> Int {
    for level in max(startLevel, 1)..<3 where hasBlocks(level) && !pagesOnly {
      let span = UInt64(1) << shift(level)
      if (input | output) & (span - 1) == 0 && left >= span { return level }
    }
    return 3
  }

  private mutating func insertLeaf(
    _ input: UInt64, _ output: UInt64, _ leafLevel: Int, _ attributes: MappingAttributes,
    _ frames: inout some FrameAllocator, _ writes: inout [MemoryWrite]
  ) throws(Failure) {
    var table = root.rawValue
    var first = startLevel
    let block = input >> shift(2)
    if leafLevel == 3, startLevel < 3, let recent, recent.input == block {
      table = recent.table
      first = 3
    }
    for level in first...leafLevel {
      let place = table &+ index(input, level) * 8
      let word = words[place] ?? 0
      if level == leafLevel {
        guard word & 1 == 0 else { throw .alreadyMapped }
        writes.append(store(place, output | leafBits(attributes, level)))
        if level == 3 { recent = (block, table) }
      } else if word & 1 == 0 {
        let slot = TableSlot(level: level + 1, base: input & ~lowBits(shift(level)))
        guard let next = frames.allocate(table: slot, size: 1 << granule) else { throw .noMemory }
        writes.append(store(place, next.rawValue | 3))
        table = next.rawValue
      } else {
        guard word & 2 != 0 else { throw .alreadyMapped }
        table = word & tableAddressMask
      }
    }
  }

  /// Unmaps the page or block that starts at `input`; the word written, or `nil` when nothing is
  /// mapped there.
  public mutating func unmap(_ input: UInt64) -> MemoryWrite? {
    guard let leaf = leaf(of: input) else { return nil }
    return store(leaf.place, 0)
  }

  /// The leaf that maps `input`: where its descriptor stands, its value and its level.
  public func leaf(of input: UInt64) -> (place: UInt64, word: UInt64, level: Int)? {
    var table = root.rawValue
    guard input >> inputBits == 0 else { return nil }
    for level in startLevel...3 {
      let place = table &+ index(input, level) * 8
      let word = words[place] ?? 0
      guard word & 1 != 0 else { return nil }
      if level == 3 || word & 2 == 0 { return (place, word, level) }
      table = word & tableAddressMask
    }
    return nil
  }

  /// The output address that software would compute for `input`; `nil` when it is unmapped.
  public func output(of input: UInt64) -> UInt64? {
    guard let leaf = leaf(of: input) else { return nil }
    let span = lowBits(shift(leaf.level))
    return (leaf.word & tableAddressMask & ~span) | (input & span)
  }

  private var tableAddressMask: UInt64 { lowBits(48) & ~lowBits(granule) }

  private func index(_ input: UInt64, _ level: Int) -> UInt64 {
    let position = input >> shift(level)
    return level == startLevel ? position : position & lowBits(granule - 3)
  }

  private mutating func store(_ place: UInt64, _ word: UInt64) -> MemoryWrite {
    words[place] = word == 0 ? nil : word
    return MemoryWrite(PA(place), word)
  }

  /// The attribute bits of a leaf: `arm_lpae_prot_to_pte` and `arm_lpae_init_pte`.
  private func leafBits(_ attributes: MappingAttributes, _ level: Int) -> UInt64 {
    var word: UInt64 = level == 3 ? 3 : 1
    word |= 1 << 10  // AF
    // Inner shareable for cacheable memory, outer shareable for the rest.
    word |= attributes.contains(.cache) ? 3 << 8 : 2 << 8
    if attributes.contains(.noExecute) { word |= 1 << 54 }
    switch stage {
    case .one:
      word |= 1 << 11  // nG
      if !attributes.contains(.privileged) { word |= 1 << 6 }
      if attributes.contains(.read) && !attributes.contains(.write) { word |= 1 << 7 }
      // AttrIndx: 2 device, 1 write-back, 0 non-cacheable in the driver's MAIR.
      word |= attributes.contains(.mmio) ? 2 << 2 : attributes.contains(.cache) ? 1 << 2 : 0
    case .two:
      if attributes.contains(.read) { word |= 1 << 6 }
      if attributes.contains(.write) { word |= 1 << 7 }
      // MemAttr: device nGnRE, write-back or non-cacheable.
      word |= attributes.contains(.mmio) ? 1 << 2 : attributes.contains(.cache) ? 0xf << 2 : 5 << 2
    }
    return word
  }
}
