internal import ArmFormats
internal import Bits
internal import Memory

// The vPE table, and what arrives for vPEs without an event.
extension ITS {
  /// Returns the address of a vPE's entry.
  mutating func virtualPEPlace(
    _ number: UInt16, memory: PhysicalMemory
  ) throws(ITSFault) -> PA {
    guard let virtualPEs else { throw .virtualPEOutOfRange }
    switch virtualPEs.locate(UInt64(number), memory: memory) {
    case .found(let place): return place
    case .outOfRange: throw .virtualPEOutOfRange
    case .absent: throw .virtualPEUnmapped
    case .abort: throw .tableAbort
    }
  }

  /// The entry at `place`, valid or not.
  mutating func virtualPEEntry(
    at place: PA, memory: PhysicalMemory
  ) throws(ITSFault) -> ITSVirtualPEEntry {
    guard profile.version != .v4Point1 else {
      guard let entry = memory.load(ITSVirtualPEEntry.self, at: place) else { throw .tableAbort }
      return entry
    }
    guard let word = memory.load64(place) else { throw .tableAbort }
    var entry = ITSVirtualPEEntry()
    entry[word: 0] = word
    return entry
  }

  mutating func storeVirtualPE(
    _ entry: ITSVirtualPEEntry, at place: PA, memory: PhysicalMemory
  ) throws(ITSFault) {
    let stored =
      profile.version == .v4Point1
      ? memory.store(entry, at: place) : memory.store64(place, entry[word: 0])
    guard stored else { throw .tableAbort }
  }

  /// A mapped vPE; `fault` says what it means that it is not mapped.
  mutating func readVirtualPE<O: ITSObserver>(
    _ number: UInt16, orElse fault: ITSFault = .virtualPEUnmapped, memory: PhysicalMemory,
    observer: inout O
  ) throws(ITSFault) -> VirtualPE {
    let place = try virtualPEPlace(number, memory: memory)
    let entry = try virtualPEEntry(at: place, memory: memory)
    if O.isOn, let virtualPEs {
      observeLevelOne(
        virtualPEs, UInt64(number), ITSTableBase.Kind.virtualPEs, memory: memory, &observer)
      observer.didRead(
        ITSTableRead(
          address: place, raw: entry[word: 0],
          meaning: .virtualPE(
            number, valid: entry[.valid], redistributor: entry[.target], table: entry.table)))
    }
    guard entry[.valid] else { throw fault }
    return Self.virtualPE(number, entry)
  }

  static func virtualPE(_ number: UInt16, _ entry: ITSVirtualPEEntry) -> VirtualPE {
    VirtualPE(
      number: number, table: entry.table, tableBits: UInt64(entry[.tableSize]) + 1,
      redistributor: Int(entry[.target]), configuration: entry.configuration,
      defaultDoorbell: entry[.defaultDoorbell])
  }

  /// `GITS_SGIR` (v4.1): vINTID in bits [3:0], vPEID in bits [47:32].
  mutating func receiveVirtualSGI(
    _ value: UInt64, width: Int, memory: PhysicalMemory, redistributors: inout Redistributors
  ) {
    guard width == 8, profile.version == .v4Point1, control[.enabled] else { return }
    var none = NoITSObserver()
    let number = UInt16(truncatingIfNeeded: value &>> 32)
    let vPE = try? readVirtualPE(number, memory: memory, observer: &none)
    guard let vPE else { return }
    redistributors.setVirtualSGIPending(
      UInt32(truncatingIfNeeded: value & 0xf), of: vPE, memory: memory)
  }
}
