import ArmFormats
import Bits
import Linux
import TestRandom
import Testing

/// Linux's own test of the rule (`arm-smmu-v3-test.c`): its entries, whether each update is
/// hitless, and how often the SMMU's copy is invalidated on the way.
@Suite("EntryUpdate")
struct EntryUpdateTests {
  enum Entry: String, CaseIterable {
    case abort, bypass, s1, s1Bypass, s1Other, s1Stalling, s2, s2Stalling, s2WithoutATS, nested

    var words: [UInt64] {
      switch self {
      case .abort: [1, 0, 0, 0]
      case .bypass: [9, 0x1000_0000_0000, 0, 0]
      case .s1: [0xf800_f0f0_f0f0_f0eb, 0x1800_00d6, 0, 0]
      case .s1Bypass: [0xf800_f0f0_f0f0_f0eb, 0x1000_1800_00d5, 0, 0]
      case .s1Other: [0xf800_004b_4b4b_4b6b, 0x1000_1800_00d5, 0, 0]
      case .s1Stalling: [0xf800_f0f0_f0f0_f0eb, 0xd6, 0, 0]
      case .s2: [0xd, 0x1000_1000_0000, 0x0449_b6c4_0000_0000, 0x000d_beef_dead_bee0]
      case .s2Stalling: [0xd, 0x1000_0000_0000, 0x0649_b6c4_0000_0000, 0x000d_beef_dead_bee0]
      case .s2WithoutATS: [0xd, 0x1000_0000_0000, 0x0449_b6c4_0000_0000, 0x000d_beef_dead_bee0]
      case .nested:
        [
          0xf800_f0f0_f0f0_f0ef, 0x1000_1808_00d5, 0x0449_b6c4_0000_0000, 0x000d_beef_dead_bee0,
        ]
      }
    }

    var entry: StreamTableEntry { StreamTableEntry(words: words) }
  }

  static func update(_ old: StreamTableEntry, _ new: StreamTableEntry)
    -> EntryUpdate<StreamTableEntry>
  {
    EntryUpdate(from: old, to: new, used: { $0.used }, safe: StreamTableEntry.updateSafe)
  }

  @Test(
    "an STE is rewritten in so many steps, hitlessly or not",
    arguments: [
      (.bypass, .abort, 2, true), (.abort, .bypass, 2, true),
      (.s1, .abort, 2, true), (.abort, .s1, 2, true),
      (.s1, .bypass, 3, true), (.bypass, .s1, 3, true),
      (.s1, .s1Bypass, 1, true), (.s1Bypass, .s1, 1, true),
      (.s2, .abort, 2, true), (.abort, .s2, 2, true),
      (.s2, .bypass, 2, true), (.bypass, .s2, 2, true),
      (.s1, .s1Other, 3, false), (.s1, .s1, 0, true),
    ] as [(Entry, Entry, Int, Bool)])
  func steps(old: Entry, new: Entry, count: Int, isHitless: Bool) {
    let update = Self.update(old.entry, new.entry)
    #expect(update.batches.count == count)
    #expect(update.isHitless == isHitless)
    #expect((update.batches.last ?? new.entry) == new.entry)
  }

  @Test("BYPASS to ABORT drops V's configuration first, and then what nothing reads any more")
  func bypassToAbort() {
    let batches = Self.update(Entry.bypass.entry, Entry.abort.entry).batches
    #expect(batches.map { words($0) } == [[1, 0x1000_0000_0000, 0, 0], [1, 0, 0, 0]])
  }

  @Test("stage 1 to BYPASS sets SHCFG, flips Config, and clears what nothing reads any more")
  func stage1ToBypass() {
    let batches = Self.update(Entry.s1.entry, Entry.bypass.entry).batches
    #expect(
      batches.map { words($0) } == [
        [0xf800_f0f0_f0f0_f0eb, 0x1000_1800_00d6, 0, 0],
        [9, 0x1000_1800_00d6, 0, 0], [9, 0x1000_0000_0000, 0, 0],
      ])
  }

  @Test("a breaking update is invalid while more than one word changes")
  func breaking() {
    let batches = Self.update(Entry.s1.entry, Entry.s1Other.entry).batches
    #expect(batches.map { $0[word: 0] == 0 } == [true, true, false])
  }

  @Test(
    "MEV and EATS change with their word, without a breaking update",
    arguments: [(.s2, .nested), (.nested, .s2), (.s2, .s2WithoutATS), (.nested, .s2WithoutATS)]
      as [(Entry, Entry)])
  func safeBits(old: Entry, new: Entry) {
    #expect(Self.update(old.entry, new.entry).isHitless)
  }

  @Test("EATS does not change early where stage 2 may stall: EATS and S2S together are illegal")
  func stalling() {
    var ats = Entry.s2Stalling.entry
    ats[.ats] = .full
    #expect(StreamTableEntry.updateSafe(Entry.s2.entry, Entry.s2Stalling.entry)[.ats] == .disabled)
    #expect(StreamTableEntry.updateSafe(ats, Entry.s2.entry)[.ats] == .disabled)
    var split = Entry.nested.entry
    split[.ats] = .split
    #expect(StreamTableEntry.updateSafe(split, Entry.nested.entry)[.ats] == .disabled)
  }

  @Test("every state on the way behaves as the old entry, the new one, or none at all")
  func everyPair() {
    for old in Entry.allCases {
      for new in Entry.allCases {
        let update = Self.update(old.entry, new.entry)
        let both = masked(old.entry.used, new.entry.used)
        let safe = masked(StreamTableEntry.updateSafe(old.entry, new.entry), both)
        for state in update.batches {
          let used = state.used
          let behaves = [old.entry, new.entry].contains { other in
            (0..<8).allSatisfy {
              (state[word: $0] ^ other[word: $0]) & used[word: $0] & ~safe[word: $0] == 0
            }
          }
          let isNone = !update.isHitless && state[word: 0] == 0
          #expect(behaves || isNone, "\(old) to \(new): \(words(state).map { hex($0) })")
        }
      }
    }
  }

  @Test("random entries end as the new one, and change hitlessly or through V=0")
  func randomEntries() {
    var random = SplitMix(state: 7)
    for _ in 0..<500 {
      var pair = [StreamTableEntry(), StreamTableEntry()]
      for index in pair.indices {
        var entry = StreamTableEntry(words: (0..<8).map { _ in random.next() })
        entry[.valid] = random.below(4) != 0
        // Linux writes no bit that the entry's configuration does not use.
        pair[index] = masked(entry, entry.used)
      }
      let update = Self.update(pair[0], pair[1])
      #expect((update.batches.last ?? pair[0]) == pair[1])
      #expect(update.isHitless || update.batches.contains { !$0[.valid] })
    }
  }

  @Test(
    "a CD is rewritten in so many steps, and is invalid on the way only where it begins or ends so",
    arguments: [
      (0, 0x07cd_e201_c000_3684, 2, false), (0x07cd_e201_c000_3684, 0, 2, false),
      (0x030a_e201_c000_3684, 0x07cd_e201_c000_3684, 1, true),
      (0x07cd_e201_c000_3684, 0x030a_e201_c000_3684, 1, true),
    ] as [(UInt64, UInt64, Int, Bool)])
  func contexts(old: UInt64, new: UInt64, count: Int, staysValid: Bool) {
    let descriptor = { (word: UInt64) in
      word == 0
        ? ContextDescriptor()
        : ContextDescriptor(words: [word, 0x000d_beef_dead_bee0, 0, 0x0abc_def0_1234_5678])
    }
    let update = EntryUpdate(
      from: descriptor(old), to: descriptor(new), used: { $0.used })
    #expect(update.batches.count == count)
    #expect(update.batches.allSatisfy { $0[.valid] } == staysValid)
    #expect(update.batches.last == descriptor(new))
  }

  private func words(_ entry: StreamTableEntry) -> [UInt64] { (0..<4).map { entry[word: $0] } }

  private func masked(_ entry: StreamTableEntry, _ mask: StreamTableEntry) -> StreamTableEntry {
    StreamTableEntry(words: (0..<8).map { entry[word: $0] & mask[word: $0] })
  }
}
