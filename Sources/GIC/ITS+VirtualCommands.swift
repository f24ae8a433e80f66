public import ArmFormats
internal import Bits
public import Memory

// The commands of GICv4.0 and GICv4.1 (IHI 0069, 5.3 and chapter 9).
extension ITS {
  mutating func executeVirtual<O: ITSObserver>(
    _ command: ITSCommand, memory: PhysicalMemory, redistributors: inout Redistributors,
    observer: inout O
  ) throws(ITSFault) {
    let number = command[.virtualPE]
    switch command[.opcode] {
    case .vmapp: try mapVirtualPE(command, memory: memory, &redistributors)
    case .vmapti:
      try mapVirtual(command[.virtualINTID], command, memory: memory, &observer)
    case .vmapi: try mapVirtual(command[.eventID], command, memory: memory, &observer)
    case .vmovi: try moveVirtual(command, memory: memory, &redistributors, &observer)
    case .vmovp: try moveVirtualPE(command, memory: memory, redistributors)
    case .vsync: _ = try readVirtualPE(number, memory: memory, observer: &observer)
    case .vinvall:
      let vPE = try readVirtualPE(number, memory: memory, observer: &observer)
      redistributors.invalidateVirtual(of: vPE, memory: memory)
    case .invdb where profile.version == .v4Point1:
      let vPE = try readVirtualPE(number, memory: memory, observer: &observer)
      redistributors.invalidate(vPE.defaultDoorbell, at: vPE.redistributor, memory: memory)
    case .vsgi where profile.version == .v4Point1:
      let vPE = try readVirtualPE(number, memory: memory, observer: &observer)
      redistributors.configureVirtualSGI(command, of: vPE, memory: memory)
    default: throw .unknownCommand
    }
  }

  private mutating func mapVirtualPE(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors
  ) throws(ITSFault) {
    let place = try virtualPEPlace(command[.virtualPE], memory: memory)
    var entry = ITSVirtualPEEntry()
    if command[.valid] {
      entry[.valid] = true
      entry[.target] = try processor(command[.target], redistributors)
      entry[.tableSize] = command[.virtualTableSize]
      entry[.table] = command[.virtualTableAddress]
      if profile.version == .v4Point1 {
        entry[.defaultDoorbell] = command[.defaultDoorbell]
        entry[.configuration] = command[.virtualConfigAddress]
      }
    }
    try storeVirtualPE(entry, at: place, memory: memory)
  }

  private mutating func mapVirtual<O: ITSObserver>(
    _ vINTID: UInt32, _ command: ITSCommand, memory: PhysicalMemory, _ observer: inout O
  ) throws(ITSFault) {
    let (deviceID, eventID) = (command[.deviceID], command[.eventID])
    let device = try readDevice(deviceID, memory: memory, observer: &observer)
    guard device[.valid] else { throw .deviceUnmapped }
    guard UInt64(eventID) &>> device.eventBits == 0 else { throw .eventOutOfRange }
    let limit: UInt64 = 1 &<< profile.intidBits
    guard vINTID >= INTID.firstLPI, UInt64(vINTID) < limit else {
      throw .virtualInterruptOutOfRange
    }
    guard isDoorbellLPI(command[.doorbell]) else { throw .interruptOutOfRange }
    _ = try virtualPEPlace(command[.virtualPE], memory: memory)
    let entry = ITSInterruptEntry(
      virtualLPI: vINTID, virtualPE: command[.virtualPE], doorbell: command[.doorbell])
    try writeInterrupt(eventID, device, entry, memory: memory)
    routes.remove(RouteCache.key(deviceID, eventID))
  }

  /// A physical LPI, or 1023 for no doorbell.
  private func isDoorbellLPI(_ intid: UInt32) -> Bool {
    intid == INTID.spurious
      || (intid >= INTID.firstLPI && UInt64(intid) < 1 &<< profile.intidBits)
  }

  private mutating func moveVirtual<O: ITSObserver>(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors,
    _ observer: inout O
  ) throws(ITSFault) {
    let (deviceID, eventID) = (command[.deviceID], command[.eventID])
    let device = try readDevice(deviceID, memory: memory, observer: &observer)
    var entry = try readInterrupt(
      eventID, of: deviceID, device, memory: memory, observer: &observer)
    guard entry[.valid] else { throw .interruptUnmapped }
    guard !entry[.physical] else { throw .eventIsPhysical }
    guard !command[.doorbellValid] || isDoorbellLPI(command[.doorbell]) else {
      throw .interruptOutOfRange
    }
    let old = try readVirtualPE(
      entry[.virtualPE], orElse: .sourceVirtualPEUnmapped, memory: memory, observer: &observer)
    let new = try readVirtualPE(
      command[.virtualPE], orElse: .destinationVirtualPEUnmapped, memory: memory,
      observer: &observer)
    entry[.virtualPE] = command[.virtualPE]
    if command[.doorbellValid] { entry[.doorbell] = command[.doorbell] }
    try writeInterrupt(eventID, device, entry, memory: memory)
    routes.remove(RouteCache.key(deviceID, eventID))
    guard old.table != new.table else { return }
    let vINTID = entry[.intid]
    guard redistributors.clearVirtualPending(vINTID, of: old, memory: memory) else { return }
    let doorbell = personality.movedInterruptRingsDoorbell ? entry[.doorbell] : INTID.spurious
    _ = redistributors.setVirtualPending(vINTID, of: new, doorbell: doorbell, memory: memory)
  }

  /// Carries out a VMOVP that another ITS was given, where one suffices for all; an ITS that has no
  /// such vPE has nothing to do.
  public mutating func follow(
    _ move: ITSCommand, memory: PhysicalMemory, redistributors: borrowing Redistributors
  ) {
    try? moveVirtualPE(move, memory: memory, redistributors)
  }

  /// VMOVP: what is pending stays in the vPE's table, so that only the redistributor changes.
  private mutating func moveVirtualPE(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: borrowing Redistributors
  ) throws(ITSFault) {
    let place = try virtualPEPlace(command[.virtualPE], memory: memory)
    var entry = try virtualPEEntry(at: place, memory: memory)
    guard entry[.valid] else { throw .virtualPEUnmapped }
    entry[.target] = try processor(command[.target], redistributors)
    if profile.version == .v4Point1 && command[.defaultDoorbellValid] {
      entry[.defaultDoorbell] = command[.movedDefaultDoorbell]
    }
    try storeVirtualPE(entry, at: place, memory: memory)
  }
}
