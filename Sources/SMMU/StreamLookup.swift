internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// The STE of `stream`, from the cache or from the stream table (IHI 0070, 5.1 and 3.3.2).
  mutating func streamEntry<Observer: TranslationObserver>(
    _ stream: UInt32, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> StreamTableEntry {
    let key = ConfigurationKey.make(stream, nil)
    if let entry = streamEntries.find(key) {
      lastEntry = entry
      if Observer.isOn {
        observer.didRead(
          .init(.cachedStreamEntry, .none, at: 0, words: entry.storage, of: UInt64(stream)))
      }
      return entry
    }
    let place = try streamEntryAddress(UInt64(stream), memory, &observer)
    guard place &>> profile.outputBits == 0,
      let entry = memory.load(StreamTableEntry.self, at: PA(place))
    else { throw .configuration(.streamEntryFetch, at: place) }
    if Observer.isOn {
      observer.didRead(
        .init(.streamEntry, .none, at: place, words: entry.storage, of: UInt64(stream)))
    }
    // A fetched STE may be cached in any state, also an invalid one (5.2.1).
    streamEntries.insert(key, entry)
    lastEntry = entry
    return entry
  }

  private mutating func streamEntryAddress<Observer: TranslationObserver>(
    _ stream: UInt64, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> UInt64 {
    let config = registers.streamTable
    let size = min(config.sizeBits, UInt64(profile.idr1[.streamBits]))
    guard stream &>> size == 0 else { throw .configuration(.badStreamID) }
    let halving: UInt64 = personality.contains(.halvesStreamTableAlignment) ? 1 : 0
    guard config.isTwoLevel else {
      let base = registers.streamTableAddress & ~lowBits(config.sizeBits + 6 - halving)
      return base &+ stream &* 64
    }
    let split = config.split
    let levelBits = config.sizeBits > split ? config.sizeBits - split + 3 : 3
    let base = registers.streamTableAddress & ~lowBits(max(levelBits, 6) - halving)
    let place = base &+ (stream &>> split) &* 8
    let descriptor = try streamTableDescriptor(
      stream, split: split, at: place, memory, &observer)
    let span = UInt64(descriptor[.span])
    let index = stream & lowBits(split)
    if personality.contains(.doublesStreamTableSpan) {
      guard span != 0 else { throw .configuration(.badStreamID) }
      guard index &>> span == 0 else { throw .configuration(.badStreamEntry) }
      return (descriptor[.secondLevelPointer] &<< 6 & ~lowBits(max(span + 5, 6))) &+ index &* 64
    }
    // 7.3.3: reserved, larger than the split, or short of the index.
    guard span != 0, span <= 11, span <= split + 1, index &>> (span - 1) == 0 else {
      throw .configuration(.badStreamID)
    }
    return descriptor.tableAddress &+ index &* 64
  }

  private mutating func streamTableDescriptor<Observer: TranslationObserver>(
    _ stream: UInt64, split: UInt64, at place: UInt64, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) throws(WalkFault) -> StreamTableDescriptor {
    // Streams of one second-level table share its descriptor.
    let key = ConfigurationKey.make(UInt32(truncatingIfNeeded: stream &>> split), nil)
    if let word = streamTables.find(key) { return StreamTableDescriptor(rawValue: word) }
    guard place &>> profile.outputBits == 0, let word = memory.load64(PA(place)) else {
      throw .configuration(.streamEntryFetch, at: place)
    }
    if Observer.isOn {
      observer.didRead(.init(.streamTable, .none, at: place, word, of: stream))
    }
    streamTables.insert(key, word)
    return StreamTableDescriptor(rawValue: word)
  }
}
