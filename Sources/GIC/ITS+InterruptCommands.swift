internal import ArmFormats
internal import Bits
public import Memory

// The commands that change the state of a mapped event: INT, CLEAR, DISCARD and INV
// (IHI 0069, 5.3).
extension ITS {
  mutating func changeInterrupt<O: ITSObserver>(
    _ command: ITSCommand, memory: PhysicalMemory, _ redistributors: inout Redistributors,
    _ observer: inout O
  ) throws(ITSFault) {
    let (deviceID, eventID) = (command[.deviceID], command[.eventID])
    let device = try readDevice(deviceID, memory: memory, observer: &observer)
    let entry = try readInterrupt(
      eventID, of: deviceID, device, memory: memory, observer: &observer)
    guard entry[.valid] else { throw .interruptUnmapped }
    let intid = entry[.intid]
    if !entry[.physical] {
      let vPE = try readVirtualPE(entry[.virtualPE], memory: memory, observer: &observer)
      changeVirtual(command[.opcode], entry, vPE, memory: memory, &redistributors)
    } else {
      let index = Int(
        try target(of: entry, deviceID, eventID, memory: memory, observer: &observer))
      if let host = forwarding(deviceID: deviceID, eventID: eventID) {
        mirror(command[.opcode], intid, host, at: index, memory: memory, &redistributors)
      }
      switch command[.opcode] {
      case .int where forwarding(deviceID: deviceID, eventID: eventID) != nil: break
      case .int: _ = redistributors.setPending(intid, at: index, memory: memory)
      case .inv: redistributors.invalidate(intid, at: index, memory: memory)
      default: redistributors.clearPending(intid, at: index, memory: memory)
      }
    }
    guard command[.opcode] == .discard else { return }
    routes.remove(RouteCache.key(deviceID, eventID))
    if personality.keepsTablesInside {
      lists.devices[deviceID]?.events[eventID] = nil
    } else {
      try writeInterrupt(eventID, device, ITSInterruptEntry(), memory: memory)
    }
  }

  /// A virtual CPU's `GICR_INVLPIR` of one LPI, or its `GICR_INVALLR`: what the hardware injects
  /// changes with it (`vgic_its_inv_lpi`, `vgic_its_invall`).
  ///
  /// - Parameter intid: `nil` for every LPI.
  public mutating func invalidateForwarded(
    _ intid: UInt32?, at target: UInt16, memory: PhysicalMemory,
    redistributors: inout Redistributors
  ) {
    guard lists.hasForwarded else { return }
    mirrorInvalidateAll(at: target, only: intid, memory: memory, &redistributors)
  }

  mutating func mirrorInvalidateAll(
    at target: UInt16, only intid: UInt32? = nil, memory: PhysicalMemory,
    _ redistributors: inout Redistributors
  ) {
    for key in lists.eventKeys {
      guard let event = lists.devices[key.device]?.events[key.event], event.target == target,
        let host = event.host, intid == nil || intid == event.entry[.intid]
      else { continue }
      mirror(
        .inv, event.entry[.intid], host, at: Int(target), memory: memory, &redistributors)
    }
  }

  /// A command on an interrupt that the hardware injects.
  private mutating func mirror(
    _ opcode: ITSOpcode, _ intid: UInt32, _ host: HostEvent, at index: Int,
    memory: PhysicalMemory, _ redistributors: inout Redistributors
  ) {
    switch opcode {
    case .int: lists.actions.append(.setPending(host, true))
    case .clear: lists.actions.append(.setPending(host, false))
    case .discard: lists.actions.append(.unmap(host))
    default:
      redistributors.invalidate(intid, at: index, memory: memory)
      let byte = redistributors.currentConfiguration(of: intid, at: index, memory: memory)
      lists.actions.append(.configure(host, UInt8(truncatingIfNeeded: byte?.rawValue ?? 0)))
    }
  }

  private func changeVirtual(
    _ opcode: ITSOpcode, _ entry: ITSInterruptEntry, _ vPE: VirtualPE, memory: PhysicalMemory,
    _ redistributors: inout Redistributors
  ) {
    switch opcode {
    case .int:
      _ = redistributors.setVirtualPending(
        entry[.intid], of: vPE, doorbell: entry[.doorbell], memory: memory)
    case .inv: redistributors.invalidateVirtual(of: vPE, memory: memory)
    default: redistributors.clearVirtualPending(entry[.intid], of: vPE, memory: memory)
    }
  }
}
