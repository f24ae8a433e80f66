public import ArmFormats
public import Bits

/// Update of an STE or a CD that the SMMU may be reading, as Linux makes it: one 64-bit word at a
/// time, so that hardware sees the old entry or the new one wherever that is possible
/// (`arm_smmu_write_entry`).
public struct EntryUpdate<Entry: WordRecord>: Sendable {
  /// The entry's contents after each batch of words; the driver invalidates the SMMU's copy after
  /// every batch.
  public let batches: [Entry]

  /// Whether every intermediate state behaves as the old or as the new entry.
  public let isHitless: Bool

  /// - Parameters:
  ///   - used: the bits that hardware reads in an entry, given its configuration.
  ///   - safe: the bits that may change at any time although both entries use them
  ///     (`get_update_safe`, switch `hitless-mev-eats`).
  public init(
    from old: Entry, to new: Entry, used: (Entry) -> Entry,
    safe: (_ old: Entry, _ new: Entry) -> Entry = { _, _ in Entry() }
  ) {
    let safe = safe(old, new)
    let newUsed = used(new)
    var oldUsed = used(old)
    for word in 0..<Entry.wordCount {
      oldUsed[word: word] &= ~(safe[word: word] & newUsed[word: word])
    }
    var unusedUpdate = old
    var critical: [Int] = []
    for word in 0..<Entry.wordCount {
      // Bits that the old configuration does not read may already take their new value.
      unusedUpdate[word: word] =
        (old[word: word] & oldUsed[word: word]) | (new[word: word] & ~oldUsed[word: word])
      if unusedUpdate[word: word] & newUsed[word: word] != new[word: word] & newUsed[word: word] {
        critical.append(word)
      }
    }
    isHitless = critical.count <= 1
    batches = Self.changes(
      from: old, through: Self.stages(unusedUpdate, old, new, critical))
  }

  private static func stages(
    _ unusedUpdate: Entry, _ old: Entry, _ new: Entry, _ critical: [Int]
  ) -> [Entry] {
    guard let word = critical.first else { return [new] }
    var first = unusedUpdate
    if critical.count == 1 {
      first[word: word] = old[word: word]
      var second = first
      second[word: word] = new[word: word]
      return [first, second, new]
    }
    // Invalid while more than one word changes: V is in word 0 of both records.
    var invalid = old
    invalid[word: 0] = 0
    var rest = new
    rest[word: 0] = 0
    return [invalid, rest, new]
  }

  private static func changes(from old: Entry, through stages: [Entry]) -> [Entry] {
    var current = old
    return stages.filter { stage in
      defer { current = stage }
      return stage != current
    }
  }
}

extension StreamTableEntry {
  /// The bits that hardware reads in this entry (`arm_smmu_get_ste_used`).
  public var used: StreamTableEntry {
    var used = StreamTableEntry()
    used[.valid] = true
    guard self[.valid] else { return used }
    used[.config] = StreamConfig(rawValue: 7)
    if self[.config].rawValue & 1 != 0 {
      used[word: 0] |= BitField<Self, UInt8>.contextTableFormat.mask
      used[word: 0] |= BitField<Self, UInt64>.contextPointer.mask
      used[word: 0] |= BitField<Self, UInt8>.substreamBits.mask
      used[word: 1] |= lowBits(8) | BitField<Self, Bool>.stage1StallDisabled.mask
      used[word: 1] |= BitField<Self, StreamWorldField>.streamWorld.mask
      used[word: 1] |= BitField<Self, ATSMode>.ats.mask
      used[.mergeEvents] = true
      used[word: 2] |= BitField<Self, UInt16>.vmid.mask
      if self[.defaultSubstream] == .bypassStage1 { used[.shareabilityConfig] = 3 }
    }
    if self[.config].rawValue & 2 != 0 {
      used[word: 1] |= BitField<Self, Bool>.stage2ForceWriteBack.mask
      used[word: 1] |= BitField<Self, ATSMode>.ats.mask
      used[.mergeEvents] = true
      used[.shareabilityConfig] = 3
      used[word: 2] |= BitField<Self, UInt16>.vmid.mask | (lowBits(51) & ~lowBits(32))
      for bit: UInt64 in [51, 52, 54, 57, 58] { used[word: 2] |= 1 << bit }
      used[word: 3] |= BitField<Self, UInt64>.stage2Table.mask
    }
    if self[.config] == .bypass { used[.shareabilityConfig] = 3 }
    return used
  }
}

extension StreamTableEntry {
  /// The bits that may change between two entries in any order (`arm_smmu_get_ste_update_safe`):
  /// MEV, which only counts events, and EATS while the device's ATS is off anyway, unless the
  /// change could pass through a value that is reserved or illegal with S2S.
  public static func updateSafe(_ old: Self, _ new: Self) -> Self {
    var safe = Self()
    safe[.mergeEvents] = true
    let ats = old[.ats].rawValue | new[.ats].rawValue
    if ats & ATSMode.split.rawValue == 0 && !old[.stage2Stall] && !new[.stage2Stall] {
      safe[.ats] = .full
    }
    return safe
  }
}

extension ContextDescriptor {
  /// The bits that hardware reads in this descriptor (`arm_smmu_get_cd_used`).
  public var used: ContextDescriptor {
    var used = ContextDescriptor()
    used[.valid] = true
    guard self[.valid] else { return used }
    used = ContextDescriptor(words: repeatElement(~0, count: Self.wordCount))
    if self[.walkDisabled0] {
      // T0SZ, TG0, IR0, OR0 and SH0, and TTB0.
      used[word: 0] &= ~lowBits(14)
      used[word: 1] &= ~BitField<Self, UInt64>.table0.mask
    }
    return used
  }
}
