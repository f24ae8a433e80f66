internal import ArmFormats
internal import Bits
public import GIC
public import Memory

/// Reason why tables could not be saved or restored, as KVM's `KVM_DEV_ARM_ITS_SAVE_TABLES` and
/// `KVM_DEV_ARM_ITS_RESTORE_TABLES` report it.
public enum SavedTableError: Error, Equatable, Sendable {
  /// -EINVAL: a table or the command queue is not set up, or an entry makes no sense.
  case invalid
  /// -ENOSPC: the collection table is too small.
  case noSpace
  /// -EFAULT: memory does not answer.
  case fault

  public var errno: Int {
    switch self {
    case .invalid: 22
    case .noSpace: 28
    case .fault: 14
    }
  }
}

// KVM's saved tables, ABI revision 0 (`vgic_its_save_tables_v0` and
// `vgic_its_restore_tables_v0` in Linux `vgic-its.c`).
extension ITS {
  /// Writes devices, events and collections to the guest's tables.
  ///
  /// - Throws: `SavedTableError`; what was written before stays.
  public mutating func saveTables(memory: PhysicalMemory) throws(SavedTableError) {
    try saveDevices(memory: memory)
    try saveCollections(memory: memory)
  }

  private func saveDevices(memory: PhysicalMemory) throws(SavedTableError) {
    let ids = lists.devices.keys.sorted()
    guard !ids.isEmpty else { return }
    guard let table = devices else { throw .invalid }
    for (index, id) in ids.enumerated() {
      guard let device = lists.devices[id] else { continue }
      try saveEvents(of: device, memory: memory)
      var entry = SavedDeviceEntry()
      entry[.valid] = true
      entry[.next] = Self.distance(from: index, in: ids, limit: 0x3fff)
      entry[.table] = device.table &>> 8
      entry[.size] = device.eventBits &- 1
      guard case .found(let place) = table.locate(UInt64(id), memory: memory) else {
        throw .invalid
      }
      guard memory.store64(place, entry.rawValue) else { throw .fault }
    }
  }

  private func saveEvents(
    of device: HypervisorLists.Device, memory: PhysicalMemory
  ) throws(SavedTableError) {
    // An event without a collection has no saved form, and can never fire again.
    let ids = device.events.keys.filter { device.events[$0]?.hasCollection == true }.sorted()
    for (index, id) in ids.enumerated() {
      guard let event = device.events[id] else { continue }
      var entry = SavedInterruptEntry()
      entry[.next] = Self.distance(from: index, in: ids, limit: 0xffff)
      entry[.intid] = event.entry[.intid]
      entry[.collectionID] = event.entry[.collectionID]
      guard memory.store64(PA(device.table) + UInt64(id) * 8, entry.rawValue) else {
        throw .fault
      }
    }
  }

  /// From one identifier to the next; 0 for the last.
  private static func distance(from index: Int, in ids: [UInt32], limit: UInt32) -> UInt16 {
    guard index + 1 < ids.count else { return 0 }
    return UInt16(min(ids[index + 1] - ids[index], limit))
  }

  private func saveCollections(memory: PhysicalMemory) throws(SavedTableError) {
    guard let table = collections else {
      guard lists.collections.isEmpty else { throw .invalid }
      return
    }
    var offset: UInt64 = 0
    for id in lists.collections.keys.sorted() {
      guard offset < table.byteCount else { throw .noSpace }
      var entry = SavedCollectionEntry()
      entry[.valid] = true
      entry[.collectionID] = id
      // All ones of 32 bits stand for a collection that is not mapped.
      let target = lists.collections[id] ?? nil
      entry[.target] = target.map(UInt64.init) ?? 0xffff_ffff
      guard memory.store64(table.base + offset, entry.rawValue) else { throw .fault }
      offset += 8
    }
    guard offset < table.byteCount else { return }
    guard memory.store64(table.base + offset, 0) else { throw .fault }
  }

  /// Reads devices, events and collections from the guest's tables, in place of what is held.
  ///
  /// - Throws: `SavedTableError`; then nothing is held.
  public mutating func restoreTables(
    memory: PhysicalMemory, redistributors: borrowing Redistributors
  ) throws(SavedTableError) {
    guard commandBase[.valid], devices != nil, collections != nil else { throw .invalid }
    lists = HypervisorLists()
    routes.removeAll()
    do throws(SavedTableError) {
      try restoreCollections(memory: memory, count: redistributors.count)
      try restoreDevices(memory: memory)
    } catch {
      lists = HypervisorLists()
      throw error
    }
  }

  private mutating func restoreCollections(
    memory: PhysicalMemory, count: Int
  ) throws(SavedTableError) {
    guard let table = collections else { throw .invalid }
    for offset in stride(from: 0, to: table.byteCount, by: 8) {
      guard let raw = memory.load64(table.base + offset) else { throw .fault }
      let entry = SavedCollectionEntry(rawValue: raw)
      guard entry[.valid] else { return }
      let target = entry[.target]
      guard target == 0xffff_ffff || target < UInt64(count),
        UInt64(entry[.collectionID]) &>> profile.collectionBits == 0,
        lists.collections[entry[.collectionID]] == nil
      else { throw .invalid }
      lists.collections[entry[.collectionID]] = .some(
        target == 0xffff_ffff ? nil : UInt16(truncatingIfNeeded: target))
    }
  }

  private mutating func restoreDevices(memory: PhysicalMemory) throws(SavedTableError) {
    guard let table = devices else { throw .invalid }
    let limit = UInt64(1) &<< profile.deviceBits
    let perPage = UInt64(1) &<< (table.pageShift &- table.entryShift)
    var id: UInt64 = 0
    while id < limit {
      switch table.locate(id, memory: memory) {
      case .outOfRange: return
      case .abort: throw .fault
      case .absent: id = (id / perPage &+ 1) &* perPage
      case .found(let place):
        guard let raw = memory.load64(place) else { throw .fault }
        let entry = SavedDeviceEntry(rawValue: raw)
        guard entry[.valid] else {
          id &+= 1
          continue
        }
        try restoreDevice(UInt32(id), entry, memory: memory)
        guard entry[.next] != 0 else { return }
        id &+= UInt64(entry[.next])
        guard id < limit else { throw .invalid }
      }
    }
  }

  private mutating func restoreDevice(
    _ id: UInt32, _ entry: SavedDeviceEntry, memory: PhysicalMemory
  ) throws(SavedTableError) {
    let bits = UInt64(entry[.size]) + 1
    guard bits <= profile.eventBits else { throw .invalid }
    var device = HypervisorLists.Device(
      eventBits: UInt8(bits), table: entry[.table] &<< 8)
    var event: UInt64 = 0
    while event >> bits == 0 {
      guard let raw = memory.load64(PA(device.table) + event &* 8) else { throw .fault }
      let saved = SavedInterruptEntry(rawValue: raw)
      guard saved[.intid] != 0 else {
        event &+= 1
        continue
      }
      let collection = lists.collections[saved[.collectionID]]
      guard saved[.intid] >= INTID.firstLPI, let target = collection else { throw .invalid }
      device.events[UInt32(event)] = HypervisorLists.Event(
        entry: ITSInterruptEntry(lpi: saved[.intid], collection: saved[.collectionID]),
        target: target)
      guard saved[.next] != 0 else { break }
      event &+= UInt64(saved[.next])
      guard event >> bits == 0 else { throw .invalid }
    }
    lists.devices[id] = device
  }

  /// Writes a register as the hypervisor's user space does on restore: `GITS_CREADR` is writable
  /// and no command runs. `GITS_CTLR` comes last, in the ordinary way.
  ///
  /// - Returns: `false` for a value that KVM refuses with -EINVAL: an identification register of
  ///   another ABI revision.
  public mutating func restoreRegister(_ offset: UInt64, _ value: UInt64) -> Bool {
    switch offset {
    case ITSRegister.identification:
      // Bits [15:12]: the ABI revision; 0 is the only one.
      return bits(value, 15, 12) == 0
    case ITSRegister.commandRead:
      guard commandBase[.valid], value & 0xf_ffe0 < commandBase.byteCount else { return false }
      readOffset = value & 0xf_ffe0
      isStalled = value & 1 != 0
      return true
    case ITSRegister.commandWrite:
      writeOffset = value & 0xf_ffe0
      return true
    default:
      restoreBase(offset, value)
      return true
    }
  }
}
