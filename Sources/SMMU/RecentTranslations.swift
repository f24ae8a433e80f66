internal import ArmFormats
internal import Bits

/// A micro-TLB in front of every other cache: whole answers, by StreamID, kind of access and page.
///
/// It holds nothing that the caches behind it could not still hold, and forgets all of it at every
/// register write, which is the only way to an invalidation.
struct RecentTranslations {
  struct Entry: BitwiseCopyable {
    /// Generation [63:48], StreamID [39:8], access [3:1], valid [0].
    var key: UInt64 = 0
    /// The input address's 4 KiB page.
    var page: UInt64 = 0
    /// The output address's 4 KiB page.
    var output: UInt64 = 0
    var pageShift: UInt8 = 0
    var permissions: TranslationPermissions = []
    var attributes = MemoryAttributes.writeBack
  }

  private var entries: ContiguousArray<Entry>
  private let mask: Int
  /// Counts the register writes; entries of another generation are dead.
  private var generation: UInt64 = 0

  /// - Parameter count: rounded up to a power of two; 0 turns it off.
  init(entries count: Int) {
    let total = roundedUpToPowerOfTwo(count)
    entries = ContiguousArray(repeating: Entry(), count: total)
    mask = total &- 1
  }

  /// Forgets everything.
  mutating func removeAll() {
    generation = (generation &+ 1) & 0xffff
    // A generation that comes round again must find nothing of its former self.
    if generation == 0 { for index in entries.indices { entries[index].key = 0 } }
  }

  /// Whether an access may be answered from here at all.
  @inline(__always)
  func covers(_ transaction: Transaction) -> Bool {
    mask >= 0 && transaction.kind == .untranslated && transaction.substreamID == nil
  }

  @inline(__always)
  private func key(_ transaction: Transaction) -> UInt64 {
    generation &<< 48 | UInt64(transaction.streamID) &<< 8 | transaction.isWrite.pattern &<< 1
      | transaction.isInstruction.pattern &<< 2 | transaction.isPrivileged.pattern &<< 3 | 1
  }

  @inline(__always)
  private func slot(_ page: UInt64, _ key: UInt64) -> Int {
    let hash = (page &>> 12) ^ (key &>> 8) ^ (key &<< 4)
    return Int(truncatingIfNeeded: hash) & mask
  }

  @inline(__always)
  func find(_ transaction: Transaction) -> Translation? {
    let address = transaction.address.rawValue
    let page = address & ~0xfff
    let key = self.key(transaction)
    let entry = entries[slot(page, key)]
    guard entry.key == key && entry.page == page else { return nil }
    return Translation(
      address: PA(entry.output | (address & 0xfff)), pageShift: entry.pageShift,
      permissions: entry.permissions, attributes: entry.attributes)
  }

  @inline(__always)
  mutating func insert(_ transaction: Transaction, _ translation: Translation) {
    let page = transaction.address.rawValue & ~0xfff
    let key = self.key(transaction)
    entries[slot(page, key)] = Entry(
      key: key, page: page, output: translation.address.rawValue & ~0xfff,
      pageShift: translation.pageShift, permissions: translation.permissions,
      attributes: translation.attributes)
  }
}
