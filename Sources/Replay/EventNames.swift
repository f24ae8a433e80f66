/// The names of the events seen, each with its count.
///
/// An open-addressed table of fixed size: what a log names beyond its room is counted together,
/// so that memory does not depend on the log.
struct EventNames<Kind: RawRepresentable<String> & CaseIterable> {
  /// One name.
  struct Entry {
    let name: [UInt8]
    let kind: Kind?
    var count = 0
  }

  private(set) var entries: [Entry] = []
  /// Lines whose event had no room.
  private(set) var withoutRoom = 0
  /// Index in `entries`, -1 for a free slot.
  private var slots: [Int32]
  private static var slotBits: Int { 12 }
  private static var room: Int { 1 << 11 }
  private static var longestName: Int { 64 }

  init() {
    slots = [Int32](repeating: -1, count: 1 << Self.slotBits)
    for kind in Kind.allCases {
      let name = Array(kind.rawValue.utf8)
      let slot = slot(of: 0..<name.count, in: name.span)
      slots[slot] = Int32(entries.count)
      entries.append(Entry(name: name, kind: kind))
    }
  }

  /// Those that occurred, in order.
  var counts: [TraceCounts.EventCount] {
    entries.filter { $0.count > 0 }.map {
      TraceCounts.EventCount(
        name: String(decoding: $0.name, as: UTF8.self), count: $0.count, isKnown: $0.kind != nil)
    }.sorted { $0.name < $1.name }
  }

  /// Counts the event whose name is `range` of `line`, and says which it is.
  mutating func count(_ range: Range<Int>, of line: borrowing Span<UInt8>) -> Kind? {
    guard range.count <= Self.longestName else {
      withoutRoom += 1
      return nil
    }
    let slot = slot(of: range, in: line)
    let found = Int(slots[slot])
    if found >= 0 {
      entries[found].count += 1
      return entries[found].kind
    }
    guard entries.count < Self.room else {
      withoutRoom += 1
      return nil
    }
    slots[slot] = Int32(entries.count)
    var name: [UInt8] = []
    for place in range { name.append(line[place]) }
    entries.append(Entry(name: name, kind: nil, count: 1))
    return nil
  }

  /// The slot that holds the name, or where it goes. The table is never more than half full.
  private func slot(of range: Range<Int>, in line: borrowing Span<UInt8>) -> Int {
    // FNV-1a.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for place in range { hash = (hash ^ UInt64(line[place])) &* 0x100_0000_01b3 }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash ^ (hash &>> 32)) & mask
    while slots[slot] >= 0 {
      let name = entries[Int(slots[slot])].name
      if name.count == range.count, line.matches(name, at: range.lowerBound) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }
}
