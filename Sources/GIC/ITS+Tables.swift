internal import ArmFormats
internal import Bits
internal import Memory

// Reading and writing table entries. Every failure says which rule it broke.
extension ITS {
  /// The device table entry of `deviceID`, valid or not.
  mutating func readDevice<O: ITSObserver>(
    _ deviceID: UInt32, memory: PhysicalMemory, observer: inout O
  ) throws(ITSFault) -> ITSDeviceEntry {
    guard UInt64(deviceID) &>> profile.deviceBits == 0, let devices else {
      throw .deviceOutOfRange
    }
    let place = devices.locate(UInt64(deviceID), memory: memory)
    if O.isOn {
      observeLevelOne(
        devices, UInt64(deviceID), ITSTableBase.Kind.devices, memory: memory, &observer)
    }
    if personality.keepsTablesInside { return try listedDevice(deviceID, at: place) }
    guard let address = try Self.address(place, .deviceOutOfRange) else {
      return ITSDeviceEntry()
    }
    guard let raw = memory.load64(address) else { throw .tableAbort }
    let entry = ITSDeviceEntry(rawValue: raw)
    if O.isOn {
      observer.didRead(
        ITSTableRead(
          address: address, raw: raw,
          meaning: .device(
            deviceID: deviceID, valid: entry[.valid], eventBits: entry.eventBits,
            table: entry.table)))
    }
    return entry
  }

  /// The entry that the hypervisor's list stands for. KVM checks that the table could hold it
  /// (`vgic_its_check_id`).
  private mutating func listedDevice(
    _ deviceID: UInt32, at place: FlatOrTwoLevelTable.Place
  ) throws(ITSFault) -> ITSDeviceEntry {
    guard case .found = place else { throw .deviceOutOfRange }
    guard let device = lists.devices[deviceID] else { return ITSDeviceEntry() }
    return ITSDeviceEntry(eventBits: device.eventBits, table: PA(device.table))
  }

  /// The address of a place; `nil` where an entry would stand if level 1 were valid.
  @inline(__always)
  private static func address(
    _ place: FlatOrTwoLevelTable.Place, _ reason: ITSFault
  ) throws(ITSFault) -> PA? {
    switch place {
    case .found(let address): return address
    case .outOfRange: throw reason
    case .absent: return nil
    case .abort: throw .tableAbort
    }
  }

  mutating func writeDevice(
    _ deviceID: UInt32, _ entry: ITSDeviceEntry, memory: PhysicalMemory
  ) throws(ITSFault) {
    guard UInt64(deviceID) &>> profile.deviceBits == 0, let devices else {
      throw .deviceOutOfRange
    }
    let place = devices.locate(UInt64(deviceID), memory: memory)
    // Without a level 2 table there is nowhere to write.
    guard let address = try Self.address(place, .deviceOutOfRange) else {
      throw .deviceOutOfRange
    }
    guard memory.store64(address, entry.rawValue) else { throw .tableAbort }
  }

  /// The entry of an event in its device's translation table, valid or not.
  mutating func readInterrupt<O: ITSObserver>(
    _ eventID: UInt32, of deviceID: UInt32, _ device: ITSDeviceEntry, memory: PhysicalMemory,
    observer: inout O
  ) throws(ITSFault) -> ITSInterruptEntry {
    guard device[.valid] else { throw .deviceUnmapped }
    guard UInt64(eventID) &>> device.eventBits == 0 else { throw .eventOutOfRange }
    if personality.keepsTablesInside {
      return lists.devices[deviceID]?.events[eventID]?.entry ?? ITSInterruptEntry()
    }
    let place = device.table + UInt64(eventID) &* ITSInterruptEntry.byteCount
    // 12-byte entries: three aligned words.
    guard let word0 = memory.load32(place), let word1 = memory.load32(place + 4),
      let word2 = memory.load32(place + 8)
    else { throw .tableAbort }
    let entry = ITSInterruptEntry(
      low: UInt64(word0) | UInt64(word1) &<< 32, high: UInt64(word2))
    if O.isOn { observe(entry, eventID, at: place, &observer) }
    return entry
  }

  mutating func writeInterrupt(
    _ eventID: UInt32, _ device: ITSDeviceEntry, _ entry: ITSInterruptEntry,
    memory: PhysicalMemory
  ) throws(ITSFault) {
    let place = device.table + UInt64(eventID) &* ITSInterruptEntry.byteCount
    guard memory.store32(place, UInt32(truncatingIfNeeded: entry.low)),
      memory.store32(place + 4, UInt32(truncatingIfNeeded: entry.low &>> 32)),
      memory.store32(place + 8, UInt32(truncatingIfNeeded: entry.high))
    else { throw .tableAbort }
  }

  /// The redistributor of a mapped collection.
  mutating func readCollection<O: ITSObserver>(
    _ collection: UInt16, memory: PhysicalMemory, observer: inout O
  ) throws(ITSFault) -> UInt16 {
    if personality.keepsTablesInside {
      guard let target = lists.collections[collection] ?? nil else { throw .collectionUnmapped }
      return target
    }
    let place = try collectionPlace(collection, memory: memory)
    let raw: UInt64
    if let place {
      guard let word = memory.load64(place) else { throw .tableAbort }
      raw = word
    } else {
      raw = internalCollections[Int(collection)].rawValue
    }
    let entry = ITSCollectionEntry(rawValue: raw)
    if O.isOn {
      observer.didRead(
        ITSTableRead(
          address: place ?? 0, raw: raw,
          meaning: .collection(
            collection, valid: entry[.valid], redistributor: entry[.target])))
    }
    guard entry[.valid] else { throw .collectionUnmapped }
    return entry[.target]
  }

  /// Returns the address of a collection's entry; `nil` if the ITS holds it itself.
  mutating func collectionPlace(
    _ collection: UInt16, memory: PhysicalMemory
  ) throws(ITSFault) -> PA? {
    let number = UInt64(collection)
    if number < UInt64(internalCollections.count) { return nil }
    guard number &>> profile.collectionBits == 0, let collections else {
      throw .collectionOutOfRange
    }
    // Collections held inside come first; the table holds the others (CCT = 1).
    let index = number &- UInt64(internalCollections.count)
    guard
      let place = try Self.address(
        collections.locate(index, memory: memory), .collectionOutOfRange)
    else { throw .collectionUnmapped }
    return place
  }

  mutating func writeCollection(
    _ collection: UInt16, _ entry: ITSCollectionEntry, memory: PhysicalMemory
  ) throws(ITSFault) -> ITSCollectionEntry {
    guard let place = try collectionPlace(collection, memory: memory) else {
      let old = internalCollections[Int(collection)]
      internalCollections[Int(collection)] = entry
      return old
    }
    guard let old = memory.load64(place), memory.store64(place, entry.rawValue) else {
      throw .tableAbort
    }
    return ITSCollectionEntry(rawValue: old)
  }

  private func observe(
    _ entry: ITSInterruptEntry, _ eventID: UInt32, at place: PA, _ observer: inout some ITSObserver
  ) {
    let meaning: ITSTableRead.Meaning
    if !entry[.valid] {
      meaning = .interruptInvalid(eventID: eventID)
    } else if entry[.physical] {
      meaning = .interrupt(
        eventID: eventID, lpi: entry[.intid], collection: entry[.collectionID])
    } else {
      meaning = .virtualInterrupt(
        eventID: eventID, vINTID: entry[.intid], virtualPE: entry[.virtualPE],
        doorbell: entry[.doorbell])
    }
    observer.didRead(ITSTableRead(address: place, raw: entry.low, meaning: meaning))
  }

  func observeLevelOne(
    _ table: FlatOrTwoLevelTable, _ index: UInt64, _ kind: UInt8, memory: PhysicalMemory,
    _ observer: inout some ITSObserver
  ) {
    guard let place = table.levelOnePlace(of: index), let raw = memory.load64(place) else {
      return
    }
    let entry = ITSLevelOneEntry(rawValue: raw)
    let meaning = ITSTableRead.Meaning.levelOne(
      kind: kind, valid: entry[.valid], table: entry.table(pageShift: table.pageShift))
    observer.didRead(ITSTableRead(address: place, raw: raw, meaning: meaning))
  }
}
