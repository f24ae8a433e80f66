internal import ArmFormats
internal import Bits

/// A set-associative cache of pages, or of tables, tagged by address space: a TLB.
///
/// A flat array; a lookup probes one set for each page size that is present.
struct TranslationCache {
  struct Entry: BitwiseCopyable {
    /// Input address, aligned to the page, with log2 of the page's size in its low 6 bits.
    var page: UInt64 = 0
    /// `AddressSpaceTag`; zero is no entry.
    var space: UInt64 = 0
    /// Output address, with the permissions, or a table's hierarchy bits, in its low 10 bits.
    var output: UInt64 = 0
    /// IPA of the page; in its low bits level [1:0], granule [3:2], clean [4].
    var ipa: UInt64 = 0
    var attributes = MemoryAttributes.writeBack

    @inline(__always)
    var shift: UInt64 { page & 0x3f }
    @inline(__always)
    var permissions: UInt16 { UInt16(truncatingIfNeeded: output & 0x3ff) }
    @inline(__always)
    var isClean: Bool { ipa & 0x10 != 0 }
    @inline(__always)
    var isGlobal: Bool { space & AddressSpaceTag.global != 0 }

    /// Returns the output address for `address`, which lies inside the page.
    @inline(__always)
    func output(of address: UInt64) -> UInt64 {
      (output & ~0xfff) | (address & lowBits(shift))
    }
    /// The IPA of `address`, inside the page.
    @inline(__always)
    func ipa(of address: UInt64) -> UInt64 { (ipa & ~0xfff) | (address & lowBits(shift)) }
  }

  private(set) var entries: ContiguousArray<Entry>
  private let ways: Int
  /// log2 of `ways`.
  private let wayBits: UInt64
  /// log2 of the number of sets.
  private let setBits: UInt64
  /// Bit n: a page of 2^n bytes may be present.
  private var sizes: UInt64 = 0
  /// A global entry may be present.
  private var hasGlobals = false
  private var victim = 0

  init(entries count: Int, ways: Int) {
    let ways = min(max(1, roundedUpToPowerOfTwo(ways)), max(1, roundedUpToPowerOfTwo(count)))
    let total = roundedUpToPowerOfTwo(count)
    self.ways = ways
    wayBits = UInt64(ways.trailingZeroBitCount)
    setBits = total == 0 ? 0 : UInt64((total / ways).trailingZeroBitCount)
    entries = ContiguousArray(repeating: Entry(), count: total)
  }

  /// The first entry of the set where a page of `address` lives.
  @inline(__always)
  private func set(_ page: UInt64, _ space: UInt64) -> Int {
    let key = (page ^ (space &<< 40)) &* 0x9e37_79b9_7f4a_7c15
    let index = setBits == 0 ? 0 : key &>> (64 &- setBits)
    return Int(truncatingIfNeeded: index &<< wayBits)
  }

  /// The entry that holds `address` in `space`, smallest page first; -1 when none does.
  @inline(__always)
  func probe(_ address: UInt64, _ space: UInt64) -> Int {
    var left = sizes
    while left != 0 {
      let shift = UInt64(truncatingIfNeeded: left.trailingZeroBitCount)
      left &= left &- 1
      let page = (address & (~0 &<< shift)) | shift
      let first = set(page, space)
      for index in first..<(first &+ ways)
      where entries[index].page == page && entries[index].space == space { return index }
      if hasGlobals {
        let found = probeGlobal(page, space)
        if found >= 0 { return found }
      }
    }
    return -1
  }

  @inline(never)
  private func probeGlobal(_ page: UInt64, _ space: UInt64) -> Int {
    let tag = (space & ~AddressSpaceTag.asidMask) | AddressSpaceTag.global
    let first = set(page, tag)
    for index in first..<(first &+ ways)
    where entries[index].page == page && entries[index].space == tag { return index }
    return -1
  }

  /// Fills `mapping` from the entry that holds `address`; `false` when none does.
  @inline(__always)
  func find(_ address: UInt64, _ space: UInt64, _ mapping: inout PageMapping) -> Bool {
    let index = probe(address, space)
    guard index >= 0 else { return false }
    let entry = entries[index]
    mapping.address = entry.output(of: address)
    mapping.ipa = entry.ipa(of: address)
    mapping.shift = entry.shift
    mapping.permissions = entry.permissions
    mapping.attributes = entry.attributes
    mapping.isClean = entry.isClean
    return true
  }

  /// The deepest table known for `address`.
  @inline(__always)
  func findTable(_ address: UInt64, _ space: UInt64)
    -> (table: UInt64, level: Int8, hierarchy: UInt16)?
  {
    let index = probe(address, space)
    guard index >= 0 else { return nil }
    let entry = entries[index]
    return (entry.output & ~0xfff, Int8(truncatingIfNeeded: entry.ipa & 3), entry.permissions)
  }

  @inline(__always)
  mutating func insert(_ address: UInt64, _ space: UInt64, _ mapping: PageMapping) {
    guard !entries.isEmpty else { return }
    let low = lowBits(mapping.shift)
    let details =
      UInt64(truncatingIfNeeded: mapping.level & 3) | granuleCode(mapping.granule) &<< 2
      | (mapping.isClean ? 0x10 : 0)
    insert(
      Entry(
        page: (address & ~low) | mapping.shift,
        space: mapping.isGlobal
          ? (space & ~AddressSpaceTag.asidMask) | AddressSpaceTag.global : space,
        output: (mapping.address & ~low) | UInt64(mapping.permissions),
        ipa: (mapping.ipa & ~low) | details, attributes: mapping.attributes))
  }

  /// Remembers that the walk of `address` reaches `table` at `level`.
  ///
  /// - Parameter shift: log2 of the input range that the table covers.
  @inline(__always)
  mutating func insertTable(
    _ address: UInt64, _ space: UInt64, _ table: UInt64, shift: UInt64, level: Int8,
    _ granule: TranslationGranule, hierarchy: UInt16 = 0
  ) {
    guard !entries.isEmpty else { return }
    insert(
      Entry(
        page: (address & ~lowBits(shift)) | shift, space: space,
        output: table | UInt64(hierarchy),
        ipa: UInt64(truncatingIfNeeded: level & 3) | granuleCode(granule) &<< 2))
  }

  private mutating func insert(_ entry: Entry) {
    let first = set(entry.page, entry.space)
    var place = first &+ (victim & (ways &- 1))
    for index in first..<(first &+ ways) {
      let other = entries[index]
      if other.space == 0 || (other.page == entry.page && other.space == entry.space) {
        place = index
        break
      }
    }
    victim = victim &+ 1
    entries[place] = entry
    sizes |= 1 &<< entry.shift
    hasGlobals = hasGlobals || entry.isGlobal
  }

  @inline(__always)
  private func granuleCode(_ granule: TranslationGranule) -> UInt64 {
    switch granule {
    case .kib4: 1
    case .kib16: 2
    case .kib64: 3
    }
  }
}

// MARK: Invalidation

extension TranslationCache {
  /// Which entries an address invalidation may touch (IHI 0070, 4.4.1.1).
  struct Scope: BitwiseCopyable {
    /// First and last input address.
    var first: UInt64
    var last: UInt64
    /// Encoded as `TG`; 0 is any.
    var granule: UInt64 = 0
    /// Leaf level; 0 is any.
    var level: UInt64 = 0

    @inline(__always)
    func contains(_ entry: Entry) -> Bool {
      let base = entry.page & ~0x3f
      guard base <= last, base | lowBits(entry.shift) >= first else { return false }
      if granule != 0 && (entry.ipa &>> 2) & 3 != granule { return false }
      return level == 0 || entry.ipa & 3 == level
    }
  }

  mutating func removeAll() {
    for index in entries.indices { entries[index].space = 0 }
    sizes = 0
    hasGlobals = false
  }

  /// Drops the entries whose tag, where `mask` is set, equals `space`.
  mutating func removeAll(in space: UInt64, mask: UInt64) {
    for index in entries.indices where (entries[index].space ^ space) & mask == 0 {
      entries[index].space = 0
    }
  }

  /// Drops the entries of `scope` in `space`.
  ///
  /// - Parameter globals: whether global entries of the space are dropped whatever their ASID.
  mutating func removeAll(in space: UInt64, mask: UInt64, globals: Bool, _ scope: Scope) {
    for index in entries.indices {
      removeEntry(index, in: space, mask: mask, globals: globals, scope)
    }
  }

  @inline(__always)
  private mutating func removeEntry(
    _ index: Int, in space: UInt64, mask: UInt64, globals: Bool, _ scope: Scope
  ) {
    let entry = entries[index]
    guard entry.space != 0, scope.contains(entry) else { return }
    let ignored = globals && entry.isGlobal ? AddressSpaceTag.asidMask | AddressSpaceTag.global : 0
    guard (entry.space ^ space) & mask & ~ignored == 0 else { return }
    entries[index].space = 0
  }
}
