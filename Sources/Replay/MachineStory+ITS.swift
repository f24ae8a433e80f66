internal import ArmFormats
internal import Bits

extension MachineStory {
  /// Follows what the ITS maps to what (IHI 0069, 5.3).
  mutating func carriedOut(_ command: ITSCommand) {
    let opcode = command[.opcode]
    itsCommands[opcode.rawValue, default: 0] += 1
    let event = command[.eventID]
    let collection = command[.collectionID]
    switch opcode {
    case .mapd: mapDevice(command)
    case .mapc: mapCollection(command)
    case .mapti: map(command, to: command[.physicalINTID], collection)
    case .mapi: map(command, to: event, collection)
    case .movi:
      let cpu = cpu(of: collection)
      update(command[.deviceID]) { device in
        guard let lpi = device.vectors[event]?.spans.last?.lpi else { return }
        device.vectors[event]?.map(to: lpi, collection: collection, cpu: cpu)
      }
    case .vmapti, .vmapi:
      update(command[.deviceID]) { device in
        let lpi = command[.opcode] == .vmapi ? event : command[.virtualINTID]
        device.vectors[event, default: .init()].mapVirtually(to: lpi, of: command[.virtualPE])
      }
    case .vmovi:
      update(command[.deviceID]) { device in
        guard let lpi = device.vectors[event]?.virtualLPI else { return }
        device.vectors[event]?.mapVirtually(to: lpi, of: command[.virtualPE])
      }
    case .discard:
      update(command[.deviceID]) { device in
        device.vectors[event]?.isMapped = false
        device.vectors[event]?.virtualLPI = nil
        device.vectors[event]?.discards += 1
        device.vectors[event]?.waiting = 0
      }
    default: break
    }
  }

  private mutating func mapDevice(_ command: ITSCommand) {
    update(command[.deviceID]) { device in
      device.mapCommands += 1
      device.table = command[.valid] ? command.tableAddress.rawValue : nil
      // A new table has no valid entries, and an unmapped device has none.
      for event in device.vectors.keys {
        device.vectors[event]?.isMapped = false
        device.vectors[event]?.virtualLPI = nil
      }
    }
  }

  private mutating func mapCollection(_ command: ITSCommand) {
    let collection = command[.collectionID]
    let target = command[.valid] ? command[.target] : nil
    collections[collection] = target
    for id in devices.keys {
      for (event, vector) in devices[id]?.vectors ?? [:] {
        guard vector.isMapped, let span = vector.spans.last, span.collection == collection
        else { continue }
        devices[id]?.vectors[event]?.map(to: span.lpi, collection: collection, cpu: target)
      }
    }
  }

  private mutating func map(_ command: ITSCommand, to lpi: UInt32, _ collection: UInt16) {
    let cpu = cpu(of: collection)
    let event = command[.eventID]
    let id = command[.deviceID]
    lpis.insert(lpi)
    sources[lpi] = (id, event)
    update(id) { device in
      device.vectors[event, default: .init()].map(to: lpi, collection: collection, cpu: cpu)
    }
  }

  /// A message reached the ITS.
  mutating func arrived(_ offset: UInt64, _ event: UInt32, _ id: UInt32, _ time: Int?) {
    var found: DeviceStory.MessageAddress?
    update(id) { device in
      device.messages += 1
      if let last = device.last, last.output & 0xfff == offset & 0xfff { found = last }
      device.last = nil
      guard device.vectors[event]?.isMapped == true else {
        device.lostMessages += 1
        if device.vectors[event] != nil { device.afterUnmap += 1 }
        return
      }
      device.vectors[event]?.send(at: time, stage: found?.stage)
    }
    // The first message at a doorbell that was not known to be one.
    if let found, doorbells.insert(found.output).inserted { update(id) { $0.note(found) } }
  }

  mutating func acknowledged(_ lpi: UInt32, _ cpu: UInt64) {
    guard let source = sources[lpi] else {
      strayAcknowledges += 1
      return
    }
    update(source.device) { $0.vectors[source.event]?.acknowledge(at: cpu) }
  }
}
