public import ArmFormats
internal import Bits

extension StreamTableEntry {
  /// The event that a bare SMMU would record for an access under this entry of a guest, where the
  /// physical SMMU, which has an aborting entry instead, records none: the VMM makes it.
  ///
  /// - Returns: `nil` for an entry that the physical SMMU judges, and for Config 0, which aborts
  ///   without an event (IHI 0070, 5.2).
  public func eventInstead(of stream: UInt32, wasRefused: Bool) -> EventRecord? {
    guard !self[.valid] || wasRefused else { return nil }
    var event = EventRecord()
    event[.kind] = .badStreamEntry
    event[.stream] = stream
    return event
  }
}
