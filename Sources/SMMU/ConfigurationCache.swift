internal import ArmFormats

/// Key of a decoded configuration: a StreamID with or without a SubstreamID.
enum ConfigurationKey {
  private static let valid: UInt64 = 1 << 63
  private static let hasSubstream: UInt64 = 1 << 62
  static let streamMask: UInt64 = valid | 0xffff_ffff

  @inline(__always)
  static func make(_ stream: UInt32, _ substream: UInt32?) -> UInt64 {
    let base = valid | UInt64(stream)
    guard let substream else { return base }
    return base | hasSubstream | UInt64(substream & 0xfffff) &<< 32
  }
}

/// A direct-mapped cache of words or records by a 64-bit key: configuration that was fetched.
struct ConfigurationCache<Value: BitwiseCopyable> {
  struct Entry: BitwiseCopyable {
    /// Zero is no entry.
    var key: UInt64 = 0
    var value: Value
  }

  private(set) var entries: ContiguousArray<Entry>
  private let indexBits: UInt64

  /// - Parameter empty: value of unused entries.
  init(entries count: Int, empty: Value) {
    let total = roundedUpToPowerOfTwo(count)
    entries = ContiguousArray(repeating: Entry(value: empty), count: total)
    indexBits = total == 0 ? 0 : UInt64(total.trailingZeroBitCount)
  }

  /// Returns the index of the entry for `key`; 0 for a cache that is off, which has no such entry.
  @inline(__always)
  func index(of key: UInt64) -> Int {
    // Streams in a row take entries in a row.
    let mixed = key ^ (key &>> 32) &* 0x9e37_79b9
    return Int(truncatingIfNeeded: mixed & ((1 &<< indexBits) &- 1))
  }

  @inline(__always)
  func find(_ key: UInt64) -> Value? {
    guard !entries.isEmpty else { return nil }
    let place = index(of: key)
    return entries[place].key == key ? entries[place].value : nil
  }

  mutating func insert(_ key: UInt64, _ value: Value) {
    guard !entries.isEmpty else { return }
    entries[index(of: key)] = Entry(key: key, value: value)
  }

  mutating func remove(_ key: UInt64) { removeAll { $0 == key } }

  mutating func removeAll(where matches: (UInt64) -> Bool) {
    for place in entries.indices where entries[place].key != 0 && matches(entries[place].key) {
      entries[place].key = 0
    }
  }
}
