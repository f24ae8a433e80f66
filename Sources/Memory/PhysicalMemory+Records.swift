public import Bits

extension PhysicalMemory {
  /// The record stored at `address`, 8-byte aligned; `nil` when any of its words aborts.
  @inlinable
  public func load<Record: WordRecord>(_: Record.Type, at address: PA) -> Record? {
    var record = Record()
    for index in 0..<Record.wordCount {
      let place = address + UInt64(truncatingIfNeeded: index &* 8)
      guard let word = load64(place) else { return nil }
      record[word: index] = word
    }
    return record
  }

  /// Stores a record, word 0 first; `false` when any of its words aborts, in which case the
  /// words before that one are written, as on a bus.
  @inlinable
  @discardableResult
  public func store(_ record: some WordRecord, at address: PA) -> Bool {
    for index in 0..<type(of: record).wordCount {
      let place = address + UInt64(truncatingIfNeeded: index &* 8)
      guard store64(place, record[word: index]) else { return false }
    }
    return true
  }
}
