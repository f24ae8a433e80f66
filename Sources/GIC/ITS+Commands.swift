internal import ArmFormats
internal import Bits
internal import Memory

// The commands of GICv3 (IHI 0069, 5.3). Each begins with the checks that its table of error
// codes lists.
extension ITS {
  mutating func execute<O: ITSObserver>(
    _ command: ITSCommand, memory: PhysicalMemory, redistributors: inout Redistributors,
    observer: inout O
  ) throws(ITSFault) {
    switch command[.opcode] {
    case .mapd: try mapDevice(command, memory: memory, &redistributors, &observer)
    case .mapc: try mapCollection(command, memory: memory, &redistributors)
    case .mapti:
      try mapInterrupt(command[.physicalINTID], command, memory, &redistributors, &observer)
    case .mapi: try mapInterrupt(command[.eventID], command, memory, &redistributors, &observer)
    case .movi: try moveInterrupt(command, memory: memory, &redistributors, &observer)
    case .movall: try moveAll(command, memory: memory, &redistributors)
    case .int, .clear, .discard, .inv:
      try changeInterrupt(command, memory: memory, &redistributors, &observer)
    case .invall:
      let target = try readCollection(command[.collectionID], memory: memory, observer: &observer)
      redistributors.invalidateAll(at: Int(target), memory: memory)
      if lists.hasForwarded {
        mirrorInvalidateAll(at: target, memory: memory, &redistributors)
      }
    case .sync:
      // Commands complete in order here, so that there is nothing to wait for.
      _ = try processor(command[.target], redistributors)
    default:
      guard profile.version >= .v4 else { throw .unknownCommand }
      try executeVirtual(
        command, memory: memory, redistributors: &redistributors, observer: &observer)
    }
  }

  /// The redistributor that an RDbase names.
  func processor(
    _ target: UInt64, _ redistributors: borrowing Redistributors
  ) throws(ITSFault) -> UInt16 {
    let target = personality.readsTargetsUnshifted ? target &<< 16 : target
    let index = redistributors.index(ofTarget: target, byAddress: profile.type[.physicalTargets])
    guard let index else { throw .processorOutOfRange }
    return UInt16(truncatingIfNeeded: index)
  }

  // MARK: MAPD

  private mutating func mapDevice<O: ITSObserver>(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors,
    _ observer: inout O
  ) throws(ITSFault) {
    let deviceID = command[.deviceID]
    let valid = command[.valid]
    let old = try readDevice(deviceID, memory: memory, observer: &observer)
    guard !valid || UInt64(command[.size]) < profile.eventBits else {
      throw .tableSizeOutOfRange
    }
    // An event of a device that is mapped anew is unmapped; what is cached of it must go.
    if old[.valid] { routes.removeAll() }
    if personality.keepsTablesInside {
      remapListedDevice(deviceID, command, memory: memory, &redistributors)
      return
    }
    guard valid || old[.valid] else { return }
    let entry =
      valid
      ? ITSDeviceEntry(eventBits: command[.size] &+ 1, table: command.tableAddress)
      : ITSDeviceEntry()
    try writeDevice(deviceID, entry, memory: memory)
  }

  /// KVM frees the device and its events first, whatever V says (`vgic_its_cmd_handle_mapd`).
  private mutating func remapListedDevice(
    _ deviceID: UInt32, _ command: ITSCommand, memory: PhysicalMemory,
    _ redistributors: inout Redistributors
  ) {
    for event in lists.devices[deviceID]?.eventsInOrder ?? [] {
      if let host = event.host {
        lists.actions.append(.unmap(host))
      } else if let target = event.target {
        redistributors.clearPending(event.entry[.intid], at: Int(target), memory: memory)
      }
    }
    lists.devices[deviceID] =
      command[.valid]
      ? HypervisorLists.Device(
        eventBits: command[.size] &+ 1, table: command.tableAddress.rawValue) : nil
  }

  // MARK: MAPC

  private mutating func mapCollection(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors
  ) throws(ITSFault) {
    let collection = command[.collectionID]
    let valid = command[.valid]
    if personality.keepsTablesInside {
      // KVM looks at the processor before the collection.
      let target = valid ? try processor(command[.target], redistributors) : nil
      if lists.collections[collection] == nil {
        _ = try collectionPlace(collection, memory: memory)
      }
      retargetListed(collection, to: target, memory: memory, &redistributors)
      return
    }
    _ = try collectionPlace(collection, memory: memory)
    let entry =
      valid
      ? ITSCollectionEntry(target: try processor(command[.target], redistributors))
      : ITSCollectionEntry()
    let old = try writeCollection(collection, entry, memory: memory)
    if old[.valid] && old != entry { routes.removeAll() }
  }

  private mutating func retargetListed(
    _ collection: UInt16, to target: UInt16?, memory: PhysicalMemory,
    _ redistributors: inout Redistributors
  ) {
    if let target {
      lists.collections[collection] = .some(target)
    } else if lists.collections.removeValue(forKey: collection) == nil {
      return
    }
    routes.removeAll()
    for key in lists.eventKeys {
      guard var event = lists.devices[key.device]?.events[key.event],
        event.hasCollection, event.entry[.collectionID] == collection
      else { continue }
      if target == nil { event.hasCollection = false }
      retarget(&event, to: target, memory: memory, &redistributors)
      lists.devices[key.device]?.events[key.event] = event
    }
  }

  /// Gives an event of the list a new target; what is pending goes along.
  mutating func retarget(
    _ event: inout HypervisorLists.Event, to target: UInt16?, memory: PhysicalMemory,
    _ redistributors: inout Redistributors
  ) {
    if let host = event.host {
      if let target { lists.actions.append(.move(host, vCPU: target)) }
    } else if let old = event.target, let target {
      redistributors.movePending(
        event.entry[.intid], from: Int(old), to: Int(target), memory: memory)
    }
    // The LPI keeps its last vCPU while its collection is unmapped.
    if let target { event.target = target }
  }

  // MARK: MAPTI, MAPI

  private mutating func mapInterrupt<O: ITSObserver>(
    _ intid: UInt32, _ command: ITSCommand, _ memory: PhysicalMemory,
    _ redistributors: inout Redistributors, _ observer: inout O
  ) throws(ITSFault) {
    let (deviceID, eventID) = (command[.deviceID], command[.eventID])
    let collection = command[.collectionID]
    let device = try readDevice(deviceID, memory: memory, observer: &observer)
    guard device[.valid] else { throw .deviceUnmapped }
    guard UInt64(eventID) &>> device.eventBits == 0 else { throw .eventOutOfRange }
    guard intid >= INTID.firstLPI, UInt64(intid) < interruptLimit(redistributors) else {
      throw .interruptOutOfRange
    }
    if personality.keepsTablesInside {
      try mapListed(command, intid, memory: memory, &redistributors)
      return
    }
    // The collection may be mapped later, but its number must fit.
    do throws(ITSFault) {
      _ = try collectionPlace(collection, memory: memory)
    } catch {
      if error != .collectionUnmapped { throw error }
    }
    let entry = ITSInterruptEntry(lpi: intid, collection: collection)
    try writeInterrupt(eventID, device, entry, memory: memory)
    routes.remove(RouteCache.key(deviceID, eventID))
  }

  /// One more than the highest LPI that MAPTI accepts.
  private func interruptLimit(_ redistributors: borrowing Redistributors) -> UInt64 {
    personality.boundsInterruptsByTable
      ? redistributors.sharedINTIDLimit : 1 &<< profile.intidBits
  }

  private mutating func mapListed(
    _ command: ITSCommand, _ intid: UInt32, memory: PhysicalMemory,
    _ redistributors: inout Redistributors
  ) throws(ITSFault) {
    let (deviceID, eventID) = (command[.deviceID], command[.eventID])
    let collection = command[.collectionID]
    if personality.keepsMappedEvents, lists.devices[deviceID]?.events[eventID] != nil { return }
    if lists.collections[collection] == nil {
      _ = try collectionPlace(collection, memory: memory)
      lists.collections[collection] = .some(nil)
    }
    let target = lists.collections[collection] ?? nil
    lists.devices[deviceID]?.events[eventID] = HypervisorLists.Event(
      entry: ITSInterruptEntry(lpi: intid, collection: collection), target: target)
    routes.remove(RouteCache.key(deviceID, eventID))
    // KVM copies the configuration byte now (`update_lpi_config`).
    if let target { redistributors.invalidate(intid, at: Int(target), memory: memory) }
  }

  // MARK: MOVI, MOVALL

  private mutating func moveInterrupt<O: ITSObserver>(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors,
    _ observer: inout O
  ) throws(ITSFault) {
    let (deviceID, eventID) = (command[.deviceID], command[.eventID])
    let device = try readDevice(deviceID, memory: memory, observer: &observer)
    var entry = try readInterrupt(
      eventID, of: deviceID, device, memory: memory, observer: &observer)
    guard entry[.valid], entry[.physical] else { throw .interruptUnmapped }
    _ = try readCollection(entry[.collectionID], memory: memory, observer: &observer)
    let old = try target(of: entry, deviceID, eventID, memory: memory, observer: &observer)
    let new = try readCollection(command[.collectionID], memory: memory, observer: &observer)
    entry[.collectionID] = command[.collectionID]
    if personality.keepsTablesInside {
      moveListed(deviceID, eventID, entry, to: new, memory: memory, &redistributors)
      return
    } else {
      try writeInterrupt(eventID, device, entry, memory: memory)
    }
    routes.remove(RouteCache.key(deviceID, eventID))
    redistributors.movePending(entry[.intid], from: Int(old), to: Int(new), memory: memory)
  }

  private mutating func moveListed(
    _ deviceID: UInt32, _ eventID: UInt32, _ entry: ITSInterruptEntry, to target: UInt16,
    memory: PhysicalMemory, _ redistributors: inout Redistributors
  ) {
    guard var event = lists.devices[deviceID]?.events[eventID] else { return }
    event.entry = entry
    retarget(&event, to: target, memory: memory, &redistributors)
    lists.devices[deviceID]?.events[eventID] = event
    routes.remove(RouteCache.key(deviceID, eventID))
  }

  private mutating func moveAll(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors
  ) throws(ITSFault) {
    let source = try processor(command[.target], redistributors)
    let destination = try processor(command[.secondTarget], redistributors)
    guard source != destination else { return }
    guard personality.movallTakesEveryLPI else {
      redistributors.moveAllPending(from: Int(source), to: Int(destination), memory: memory)
      return
    }
    routes.removeAll()
    for key in lists.eventKeys {
      guard var event = lists.devices[key.device]?.events[key.event] else { continue }
      retarget(&event, to: destination, memory: memory, &redistributors)
      lists.devices[key.device]?.events[key.event] = event
    }
  }
}
