internal import Bits

/// A set-associative cache of translations of both stages together: IOVA, or GPA where there is no
/// first stage, to SPA (RISC-V IOMMU 1.0, 2.8).
struct AddressTranslationCache {
  /// What tags a translation. Devices with an MSI page table share none, since their tables may
  /// differ although the GSCID is the same.
  struct Tag: BitwiseCopyable, Equatable {
    /// [15:0] GSCID, [35:16] PSCID, [59:36] device_id with bit 60, [61] PSCV, [62] GV, [63] valid.
    var rawValue: UInt64 = 0

    static let valid: UInt64 = 1 << 63
    static let guest: UInt64 = 1 << 62
    static let process: UInt64 = 1 << 61
    static let device: UInt64 = 1 << 60
    static let guestMask: UInt64 = 0xffff
    static let processMask: UInt64 = 0xf_ffff << 16

    init(rawValue: UInt64) { self.rawValue = rawValue }
    init() {}

    var isGuest: Bool { rawValue & Self.guest != 0 }
    var hasFirstStage: Bool { rawValue & Self.process != 0 }
  }

  struct Entry: BitwiseCopyable {
    /// The input address, with log2 of the page's size in its low 6 bits.
    var page: UInt64 = 0
    var tag = Tag()
    /// The output address.
    var output: UInt64 = 0
    /// The GPA of the page.
    var guestPage: UInt64 = 0
    var firstStage: StagePermissions = .all
    var secondStage: StagePermissions = .all
    var memoryType: UInt8 = 0
    var isGlobal = false
    var isMessage = false

    var shift: UInt64 { page & 0x3f }
  }

  private(set) var entries: ContiguousArray<Entry>
  private let ways: Int
  private let setMask: UInt64
  /// Bit n: a page of 2^n bytes may be present.
  private var sizes: UInt64 = 0
  private var victim = 0

  init(entries count: Int, ways: Int) {
    let total = roundedUpToPowerOfTwo(count)
    self.ways = max(1, min(roundedUpToPowerOfTwo(max(1, ways)), max(1, total)))
    setMask = total == 0 ? 0 : UInt64(total / self.ways) &- 1
    entries = ContiguousArray(repeating: Entry(), count: total)
  }

  @inline(__always)
  private func set(_ page: UInt64, _ tag: Tag) -> Int {
    let key = (page ^ tag.rawValue &<< 20) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: key &>> 40 & setMask) &* ways
  }

  /// The index of the entry that holds `address`; `nil` when none does.
  @inline(__always)
  func find(_ address: UInt64, _ tag: Tag) -> Int? {
    var left = sizes
    while left != 0 {
      let shift = UInt64(truncatingIfNeeded: left.trailingZeroBitCount)
      left &= left &- 1
      let page = address & ~lowBits(shift) | shift
      let first = set(page, tag)
      for index in first..<first &+ ways
      where entries[index].page == page && entries[index].tag == tag { return index }
    }
    return nil
  }

  mutating func insert(_ entry: Entry) {
    guard !entries.isEmpty else { return }
    let first = set(entry.page, entry.tag)
    var place = first &+ victim & (ways &- 1) | first
    for index in first..<first &+ ways {
      let other = entries[index]
      if other.tag.rawValue == 0 || (other.page == entry.page && other.tag == entry.tag) {
        place = index
        break
      }
    }
    victim = victim &+ 1
    entries[place] = entry
    sizes |= 1 &<< entry.shift
  }

  mutating func remove(at index: Int) { entries[index].tag.rawValue = 0 }

  mutating func removeAll(where matches: (borrowing Entry) -> Bool) {
    for index in entries.indices where entries[index].tag.rawValue != 0 {
      if matches(entries[index]) { entries[index].tag.rawValue = 0 }
    }
  }
}

extension AddressTranslationCache.Entry {
  /// Where `address`, inside the page, leads.
  @inline(__always)
  func output(of address: UInt64) -> UInt64 {
    output & ~lowBits(shift) | address & lowBits(shift)
  }

  /// Whether the page has an address of `range`.
  func covers(_ range: ClosedRange<UInt64>, guest: Bool) -> Bool {
    let base = (guest ? guestPage : page) & ~lowBits(shift)
    return base <= range.upperBound && base | lowBits(shift) >= range.lowerBound
  }
}
