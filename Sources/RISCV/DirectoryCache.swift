internal import ArmFormats
internal import Bits

/// A direct-mapped cache of device or process contexts.
struct DirectoryCache<Context: InlineRecord> {
  struct Entry: BitwiseCopyable {
    /// `DirectoryKey`; zero is no entry.
    var key: UInt64 = 0
    var context: Context
  }

  private(set) var entries: ContiguousArray<Entry>

  /// - Parameter empty: what fills unused entries.
  init(entries count: Int, empty: Context) {
    entries = ContiguousArray(
      repeating: Entry(context: empty), count: roundedUpToPowerOfTwo(count))
  }

  @inline(__always)
  private func place(_ key: UInt64) -> Int {
    let mixed = key ^ key &>> 20
    return Int(truncatingIfNeeded: mixed) & (entries.count &- 1)
  }

  @inline(__always)
  func find(_ key: UInt64) -> Context? {
    guard !entries.isEmpty else { return nil }
    let entry = entries[place(key)]
    return entry.key == key ? entry.context : nil
  }

  mutating func insert(_ key: UInt64, _ context: Context) {
    guard !entries.isEmpty else { return }
    entries[place(key)] = Entry(key: key, context: context)
  }

  /// Drops the entries whose key equals `key` where `mask` is set.
  mutating func remove(_ key: UInt64, mask: UInt64) {
    for index in entries.indices where (entries[index].key ^ key) & mask == 0 {
      entries[index].key = 0
    }
  }

  mutating func removeAll() {
    for index in entries.indices { entries[index].key = 0 }
  }
}

/// What identifies a cached context: device_id, and process_id for process contexts.
enum DirectoryKey {
  private static let valid: UInt64 = 1 << 63
  /// The bits that device_id takes.
  static let deviceMask: UInt64 = valid | 0xff_ffff << 20

  @inline(__always)
  static func make(_ device: UInt32, _ process: UInt32 = 0) -> UInt64 {
    valid | UInt64(device & 0xff_ffff) &<< 20 | UInt64(process & 0xf_ffff)
  }
}

/// The smallest power of two that is not less than `count`; 0 for none.
func roundedUpToPowerOfTwo(_ count: Int) -> Int {
  guard count > 1 else { return max(0, count) }
  let bits = Int.bitWidth - (count - 1).leadingZeroBitCount
  return bits < Int.bitWidth - 2 ? 1 << bits : 1 << (Int.bitWidth - 3)
}
