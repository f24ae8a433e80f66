import Bits
import Memory
import TestRandom

/// A stream table, a CD and translation tables with random geometry, that map one address; then
/// some of their bits are flipped.
struct RandomTables {
  static let ram = PhysicalMemory.Region(base: 0x8000_0000, size: 0x1000_0000)

  let memory: PhysicalMemory
  let stream: UInt64
  var address: UInt64 = 0
  /// Everything written, so that it can be flipped, told and cleared.
  private(set) var written: [(what: String, place: UInt64, flips: UInt64)] = []
  private(set) var streamTableConfig: UInt64 = 0
  let streamTableBase: UInt64
  /// What was chosen, for messages.
  private(set) var notes: [String] = []

  private var random: SplitMix
  private var nextFree: UInt64 = 0x8100_0000
  private var stage2: Geometry?
  private var stage2Tables: [[UInt64]: UInt64] = [:]
  /// IPA ranges of structures, none overlapping.
  private var taken: [Range<UInt64>] = []
  private var hasRoom = true

  /// The shape of one stage's tables.
  private struct Geometry {
    var granule: UInt64
    var inputBits: UInt64
    var level: Int
    var table: UInt64 = 0

    func shift(_ level: Int) -> UInt64 { granule + (granule - 3) * UInt64(3 - level) }
    func index(_ address: UInt64, _ level: Int) -> UInt64 {
      let top = level == self.level ? inputBits : shift(level - 1)
      return (address >> shift(level)) % (1 << (top - shift(level)))
    }
    var startSize: UInt64 { 8 << (inputBits - shift(level)) }
  }

  init(seed: UInt64, in memory: PhysicalMemory) {
    self.memory = memory
    random = SplitMix(state: seed)
    stream = random.next() % 64
    streamTableBase = 0x8000_0000
    build()
    // A small IPA space may have no room for all structures.
    while !hasRoom { rebuild() }
    flip()
  }

  private mutating func rebuild() {
    clear()
    written = []
    notes = []
    stage2 = nil
    stage2Tables = [:]
    taken = []
    hasRoom = true
    build()
  }

  /// Makes everything that was written zero again.
  func clear() { for word in written { memory.store64(PA(word.place), 0) } }

  private mutating func write(_ what: String, _ place: UInt64, _ value: UInt64, flips: UInt64) {
    memory.store64(PA(place), value)
    written.append((what, place, flips))
  }

  private mutating func allocate(_ size: UInt64) -> UInt64 {
    let alignment = max(size, 4096)
    nextFree = (nextFree + alignment - 1) / alignment * alignment
    defer { nextFree += alignment }
    return nextFree
  }

  // MARK: Building

  private mutating func build() {
    let config: UInt64 = random.pick([5, 5, 6, 6, 7, 7, 7, 7])
    notes.append("config \(config)")
    if config >= 6 { stage2 = makeStage2() }
    var words = [UInt64](repeating: 0, count: 8)
    words[0] = 1 | config << 1
    if let stage2 { words[2] = stage2Word(stage2) }
    words[3] = stage2?.table ?? 0
    var output = random.next() % (1 << 30) + 0x4000_0000
    if config != 6 {
      let context = makeContext(&output)
      words[0] |= context
    } else if let stage2 {
      address = random.next() % (1 << stage2.inputBits)
      output = address
    }
    if config >= 6 { mapStage2(output, to: random.next() % (1 << 40), isLeafRandom: true) }
    place(words)
  }

  private mutating func place(_ words: [UInt64]) {
    var entry = streamTableBase + stream * 64
    streamTableConfig = 6
    if random.oneIn(2) {
      streamTableConfig = 6 | 6 << 6 | 1 << 16
      let table = allocate(4096)
      write("L1STD", streamTableBase, table | 7, flips: 0x1f)
      entry = table + stream * 64
    }
    let flips: [UInt64] = [0xff_ffff_ffc0_000f, 0, 0x046f_c0ff_0000_0000, 0xffff_ffff_fff0]
    for (index, word) in words.enumerated() {
      write(
        "STE word \(index)", entry + UInt64(index) * 8, word, flips: index < 4 ? flips[index] : 0)
    }
  }

  private mutating func makeStage2() -> Geometry {
    while true {
      let granule: UInt64 = random.pick([12, 14, 16])
      let bits = 25 + random.next() % 24
      let level = Int(random.next() % 4)
      let encodable = granule == 12 ? level <= 2 : level >= 1
      var shape = Geometry(granule: granule, inputBits: bits, level: level)
      guard encodable, bits > shape.shift(level), bits - shape.shift(level) <= granule + 1 else {
        continue
      }
      shape.table = allocate(max(shape.startSize, 1 << granule))
      notes.append("S2 granule \(granule) level \(level) bits \(bits)")
      return shape
    }
  }

  private mutating func stage2Word(_ shape: Geometry) -> UInt64 {
    let granule: UInt64 = [12: 0, 14: 2, 16: 1][shape.granule] ?? 0
    let level = shape.granule == 12 ? 2 - UInt64(shape.level) : 3 - UInt64(shape.level)
    let low = (64 - shape.inputBits) << 32 | level << 38 | granule << 46
    let faults: UInt64 = (random.oneIn(4) ? 1 << 53 : 0) | (random.oneIn(3) ? 1 << 54 : 0)
    return low | 5 << 48 | 1 << 51 | 1 << 58 | faults
  }

  /// Maps `ipa` at stage 2, unless it is mapped; the offset in the page must be that of `pa`.
  private mutating func mapStage2(_ ipa: UInt64, to pa: UInt64, isLeafRandom: Bool) {
    guard let shape = stage2 else { return }
    var level = shape.level
    var table = shape.table
    var path: [UInt64] = []
    while true {
      let index = shape.index(ipa, level)
      let entry = table + index * 8
      path.append(index)
      let blockLevel = shape.granule == 12 ? 1 : 2
      let mayBlock = isLeafRandom && level >= blockLevel && stage2Tables[path] == nil
      if level == 3 || (mayBlock && random.oneIn(4)) {
        guard memory.load64(PA(entry)) == 0 else { return }
        let low = 1 << 10 | (random.oneIn(12) ? random.next() % 4 : 3) << 6
        let type: UInt64 = random.oneIn(8) ? 0x4 : 0x3c
        let address = (pa >> shape.shift(level)) << shape.shift(level)
        let value = address & 0xffff_ffff_f000 | low | type | (level == 3 ? 3 : 1)
        write("S2 level \(level) leaf of \(hex(ipa))", entry, value, flips: Self.flips)
        return
      }
      if stage2Tables[path] == nil {
        if memory.load64(PA(entry)) != 0 { return }
        let next = allocate(1 << shape.granule)
        stage2Tables[path] = next
        write("S2 level \(level) table of \(hex(ipa))", entry, next | 3, flips: Self.flips)
      }
      table = stage2Tables[path] ?? 0
      level += 1
    }
  }

  /// Descriptor bits to flip: those that mean something to a data access.
  private static let flips: UInt64 = 0x6000_ffff_ffff_f7ff

  /// A structure of `size` bytes: where it is, and where stage 1 sees it.
  private mutating func structure(_ size: UInt64) -> (pa: UInt64, seen: UInt64) {
    guard let shape = stage2 else {
      let place = allocate(size)
      return (place, place)
    }
    let page: UInt64 = 1 << shape.granule
    let whole = max(size, page)
    let place = allocate(whole)
    let room = min(shape.inputBits, 46)
    let seen = freeRange(of: whole, below: 1 << room)
    for offset in stride(from: 0, to: min(whole, page * 64), by: Int(page)) {
      mapStage2(seen + offset, to: place + offset, isLeafRandom: false)
    }
    return (place, seen)
  }

  private mutating func freeRange(of size: UInt64, below limit: UInt64) -> UInt64 {
    for _ in 0..<50 {
      let start = random.next() % limit / size * size
      let range = start..<start + size
      guard range.upperBound <= limit, !taken.contains(where: range.overlaps) else { continue }
      taken.append(range)
      return start
    }
    hasRoom = false
    return 0
  }

  /// A CD and stage 1 tables for one address, whose output is `output`; returns S1ContextPtr.
  private mutating func makeContext(_ output: inout UInt64) -> UInt64 {
    let granule: UInt64 = random.pick([12, 14, 16])
    let bits = 25 + random.next() % 24
    let level = 3 - Int((bits - granule - 1) / (granule - 3))
    var shape = Geometry(granule: granule, inputBits: bits, level: level)
    notes.append("S1 granule \(granule) level \(level) bits \(bits)")
    let half = random.next() % 2
    let start = structure(max(shape.startSize, 64))
    shape.table = start.pa
    let topByte = random.oneIn(2)
    address = random.next() % (1 << bits)
    if half == 1 { address |= ~0 << bits } else { address &= ~(1 << 55) }
    if topByte, random.oneIn(2) { address = address & ~(0xff << 56) | random.next() << 56 }
    let context = structure(64)
    writeContext(context.pa, shape, half: half, table: start.seen, ignoresTop: topByte)
    mapStage1(shape, &output)
    return context.seen
  }

  private mutating func writeContext(
    _ place: UInt64, _ shape: Geometry, half: UInt64, table: UInt64, ignoresTop: Bool
  ) {
    let granules: [UInt64: UInt64] = half == 0 ? [12: 0, 16: 1, 14: 2] : [14: 1, 12: 2, 16: 3]
    let encoded = (64 - shape.inputBits) | (granules[shape.granule] ?? 0) << 6
    let other: UInt64 = half == 0 ? 1 << 30 : 1 << 14
    let flags: UInt64 = (random.oneIn(5) ? 1 << 35 : 0) | (ignoresTop ? 3 << 38 : 0)
    let word = encoded << (16 * half) | other | 1 << 31 | 5 << 32 | 1 << 41 | 1 << 45 | 1 << 46
    write("CD word 0", place, word | flags, flips: 0x62cf_80ff_40ff)
    let hierarchy: UInt64 = random.oneIn(3) ? 2 : 0
    let words: [UInt64] = half == 0 ? [table | hierarchy, 0] : [0, table | hierarchy]
    for (index, word) in words.enumerated() {
      write("CD word \(index + 1)", place + 8 + UInt64(index) * 8, word, flips: 0xffff_ffff_fff2)
    }
    write("CD word 3", place + 24, 0xff, flips: 0)
  }

  private mutating func mapStage1(_ shape: Geometry, _ output: inout UInt64) {
    var table = shape.table
    var level = shape.level
    while true {
      let entry = table + shape.index(address, level) * 8
      let hierarchical: UInt64 = random.oneIn(6) ? (random.next() % 4) << 61 : 0
      let blockLevel = shape.granule == 12 ? 1 : 2
      if level == 3 || (level >= blockLevel && random.oneIn(4)) {
        let permissions: UInt64 = random.oneIn(4) ? random.next() % 4 : 1
        if let stage2 { output %= 1 << stage2.inputBits }
        let base = (output >> shape.shift(level)) << shape.shift(level)
        let value = base & 0xffff_ffff_f000 | 1 << 10 | permissions << 6 | (level == 3 ? 3 : 1)
        write("S1 level \(level) leaf", entry, value, flips: Self.flips)
        output = base & 0xffff_ffff_f000 | address % (1 << shape.shift(level))
        return
      }
      let next = structure(1 << shape.granule)
      write("S1 level \(level) table", entry, next.seen | 3 | hierarchical, flips: Self.flips)
      table = next.pa
      level += 1
    }
  }

  // MARK: Faults

  /// Flips up to two bits of what was written, or of the address.
  private mutating func flip() {
    for _ in 0..<[0, 1, 1, 2][Int(random.next() % 4)] {
      if random.oneIn(12) {
        let bit = random.next() % 64
        address ^= 1 << bit
        notes.append("address bit \(bit) flipped")
        continue
      }
      let word = random.pick(written)
      let bits = (0..<64).filter { word.flips >> UInt64($0) & 1 == 1 }
      guard !bits.isEmpty, let value = memory.load64(PA(word.place)) else { continue }
      let bit = random.pick(bits)
      memory.store64(PA(word.place), value ^ 1 << UInt64(bit))
      notes.append("\(word.what) bit \(bit) flipped")
    }
  }

  /// Everything in memory, for a message.
  var dump: String {
    let words = written.map { word in
      let value = memory.load64(PA(word.place)) ?? 0
      return "  \(word.what) at \(hex(word.place)): \(hex(value))"
    }
    return (notes + words).joined(separator: "\n")
  }
}
