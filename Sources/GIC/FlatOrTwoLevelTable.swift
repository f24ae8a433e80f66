internal import ArmFormats
package import Bits
package import Memory

/// A table of fixed-size entries, in one level or two (IHI 0069, 5.2.1).
package struct FlatOrTwoLevelTable {
  package let base: PA
  /// 12, 14 or 16.
  package let pageShift: UInt64
  /// Bytes of the table, or of its level 1.
  package let byteCount: UInt64
  /// Entries are 2^`entryShift` bytes.
  package let entryShift: UInt64
  let isIndirect: Bool

  package enum Place: Equatable {
    case found(PA)
    /// Beyond the table.
    case outOfRange
    /// The level 1 entry that covers it is not valid.
    case absent(levelOne: PA, raw: UInt64)
    case abort
  }

  /// Returns the place of entry `index`.
  @inline(__always)
  package func locate(_ index: UInt64, memory: PhysicalMemory) -> Place {
    guard isIndirect else {
      let offset = index &<< entryShift
      return offset < byteCount ? .found(base + offset) : .outOfRange
    }
    guard let place = levelOnePlace(of: index) else { return .outOfRange }
    guard let raw = memory.load64(place) else { return .abort }
    let entry = ITSLevelOneEntry(rawValue: raw)
    guard entry[.valid] else { return .absent(levelOne: place, raw: raw) }
    let perPage: UInt64 = 1 &<< (pageShift &- entryShift)
    return .found(entry.table(pageShift: pageShift) + (index & (perPage &- 1)) &<< entryShift)
  }

  /// Returns the address of the level 1 entry that covers entry `index`; `nil` beyond the table or
  /// if there is one level only.
  func levelOnePlace(of index: UInt64) -> PA? {
    guard isIndirect else { return nil }
    let offset = (index &>> (pageShift &- entryShift)) &* 8
    return offset < byteCount ? base + offset : nil
  }
}
