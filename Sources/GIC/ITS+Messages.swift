internal import ArmFormats
internal import Bits
public import Memory

// The doorbell (IHI 0069, GITS_TRANSLATER).
extension ITS {
  /// A message: an EventID written at `GITS_TRANSLATER`, with the DeviceID beside it.
  ///
  /// Nothing that happens here is visible to the device. No allocation, except to remember more
  /// pending interrupts or translations than ever before.
  @inlinable
  public mutating func receiveMessage<O: ITSObserver>(
    deviceID: UInt32, eventID: UInt32, memory: PhysicalMemory,
    redistributors: inout Redistributors, observer: inout O
  ) -> MessageOutcome {
    if O.isOn {
      return receive(
        deviceID, eventID, memory: memory, redistributors: &redistributors, observer: &observer)
    }
    return receiveUnobserved(deviceID, eventID, memory: memory, redistributors: &redistributors)
  }

  /// A write at `offset` from the ITS base that a device, or a CPU, made.
  ///
  /// - Parameters:
  ///   - width: bytes written; the doorbell takes 4, or 2 (IHI 0069, GITS_TRANSLATER).
  ///   - deviceID: `nil` for a write that carries none, such as one of a CPU.
  @inlinable
  public mutating func receiveWrite(
    _ offset: UInt64, _ value: UInt64, width: Int, deviceID: UInt32?, memory: PhysicalMemory,
    redistributors: inout Redistributors, observer: inout some ITSObserver
  ) -> MessageOutcome {
    guard isDoorbell(offset, width: width) else { return .dropped(.notADoorbell) }
    guard let deviceID else { return .dropped(.noDeviceID) }
    let eventID = UInt32(truncatingIfNeeded: value & (width == 2 ? 0xffff : 0xffff_ffff))
    return receiveMessage(
      deviceID: deviceID, eventID: eventID, memory: memory, redistributors: &redistributors,
      observer: &observer)
  }

  /// Whether a write of `width` bytes at `offset` from the ITS base is a message.
  public func isDoorbell(_ offset: UInt64, width: Int) -> Bool {
    if personality.acceptsMessagesAnywhere { return offset < ITSRegister.frameSize }
    return offset == ITSRegister.translater && (width == 4 || width == 2)
  }

  @usableFromInline
  mutating func receiveUnobserved(
    _ deviceID: UInt32, _ eventID: UInt32, memory: PhysicalMemory,
    redistributors: inout Redistributors
  ) -> MessageOutcome {
    var none = NoITSObserver()
    return receive(
      deviceID, eventID, memory: memory, redistributors: &redistributors, observer: &none)
  }

  @usableFromInline
  mutating func receive<O: ITSObserver>(
    _ deviceID: UInt32, _ eventID: UInt32, memory: PhysicalMemory,
    redistributors: inout Redistributors, observer: inout O
  ) -> MessageOutcome {
    guard control[.enabled] else { return .dropped(.itsDisabled) }
    let key = RouteCache.key(deviceID, eventID)
    if let route = routes.lookup(key) {
      if O.isOn {
        observer.didRead(
          ITSTableRead(
            address: 0, raw: 0,
            meaning: .cached(intid: route.intid, redistributor: route.target)))
      }
      return deliver(route, memory: memory, redistributors: &redistributors, observer: &observer)
    }
    do {
      let route = try resolve(deviceID, eventID, memory: memory, observer: &observer)
      let outcome = deliver(
        route, memory: memory, redistributors: &redistributors, observer: &observer)
      // KVM caches what it could inject (`vgic_its_resolve_lpi`); hardware may do the same.
      if case .dropped = outcome {} else { routes.insert(key, route) }
      return outcome
    } catch {
      recordUnmapped(deviceID, eventID, error)
      return .dropped(DropReason(error))
    }
  }

  /// Walks the tables: device, event, collection (IHI 0069, 5.2).
  mutating func resolve<O: ITSObserver>(
    _ deviceID: UInt32, _ eventID: UInt32, memory: PhysicalMemory, observer: inout O
  ) throws(ITSFault) -> Route {
    let device = try readDevice(deviceID, memory: memory, observer: &observer)
    let entry = try readInterrupt(
      eventID, of: deviceID, device, memory: memory, observer: &observer)
    guard entry[.valid] else { throw .interruptUnmapped }
    guard entry[.physical] else {
      return Route(
        intid: entry[.intid], target: entry[.virtualPE], isVirtual: true,
        doorbell: entry[.doorbell])
    }
    let target = try target(
      of: entry, deviceID, eventID, memory: memory, observer: &observer)
    return Route(
      intid: entry[.intid], target: target, isVirtual: false, doorbell: INTID.spurious)
  }

  /// The redistributor that a physical event goes to.
  mutating func target<O: ITSObserver>(
    of entry: ITSInterruptEntry, _ deviceID: UInt32, _ eventID: UInt32, memory: PhysicalMemory,
    observer: inout O
  ) throws(ITSFault) -> UInt16 {
    if personality.keepsTablesInside {
      // KVM asks whether the collection is mapped, but injects at the LPI's own vCPU.
      guard let event = lists.devices[deviceID]?.events[eventID], event.hasCollection else {
        throw .collectionUnmapped
      }
      let mapped = try readCollection(entry[.collectionID], memory: memory, observer: &observer)
      return event.target ?? mapped
    }
    return try readCollection(entry[.collectionID], memory: memory, observer: &observer)
  }

  @inline(__always)
  mutating func deliver<O: ITSObserver>(
    _ route: Route, memory: PhysicalMemory, redistributors: inout Redistributors,
    observer: inout O
  ) -> MessageOutcome {
    if route.isVirtual {
      return deliverVirtual(
        route, memory: memory, redistributors: &redistributors, observer: &observer)
    }
    let index = Int(route.target)
    if O.isOn {
      observe(route.intid, at: index, memory: memory, &redistributors, &observer)
    }
    let effect = redistributors.setPending(route.intid, at: index, memory: memory)
    switch effect {
    case .newlyPending, .alreadyPending, .disabledButPending:
      return .delivered(intid: route.intid, redistributor: index, effect: effect)
    case .lpisDisabled: return .dropped(.lpisDisabled)
    case .intidOutOfRange: return .dropped(.intidOutOfRange)
    case .tableAbort: return .dropped(.tableAbort)
    }
  }

  private mutating func deliverVirtual<O: ITSObserver>(
    _ route: Route, memory: PhysicalMemory, redistributors: inout Redistributors,
    observer: inout O
  ) -> MessageOutcome {
    do {
      let vPE = try readVirtualPE(route.target, memory: memory, observer: &observer)
      if O.isOn { observeVirtual(route.intid, of: vPE, memory: memory, redistributors, &observer) }
      let effect = redistributors.setVirtualPending(
        route.intid, of: vPE, doorbell: route.doorbell, memory: memory)
      guard let effect else { return .dropped(.intidOutOfRange) }
      return .deliveredVirtual(
        virtualPE: route.target, vINTID: route.intid, redistributor: vPE.redistributor, effect)
    } catch {
      return .dropped(DropReason(error))
    }
  }

  private func observe(
    _ intid: UInt32, at index: Int, memory: PhysicalMemory,
    _ redistributors: inout Redistributors, _ observer: inout some ITSObserver
  ) {
    guard redistributors.lpisEnabled(at: index),
      let place = redistributors.configurationAddress(of: intid, at: index),
      let pendingPlace = redistributors.pendingAddress(of: intid, at: index)
    else { return }
    if let configuration = redistributors.currentConfiguration(
      of: intid, at: index, memory: memory)
    {
      observer.didRead(
        ITSTableRead(
          address: place, raw: configuration.rawValue,
          meaning: .configuration(
            intid: intid, priority: configuration.priority, enabled: configuration[.enable])))
    }
    observer.didRead(
      ITSTableRead(
        address: pendingPlace, raw: UInt64(memory.load8(pendingPlace) ?? 0),
        meaning: .pending(
          intid: intid,
          wasPending: redistributors.isPending(intid, at: index, memory: memory))))
  }

  /// The configuration byte of a virtual LPI, where the redistributor knows its table, and the byte
  /// of the virtual pending table.
  private func observeVirtual(
    _ intid: UInt32, of vPE: VirtualPE, memory: PhysicalMemory,
    _ redistributors: borrowing Redistributors, _ observer: inout some ITSObserver
  ) {
    if let table = redistributors.virtualConfigurationTable(of: vPE),
      let configuration = redistributors.virtualConfiguration(
        intid, configuration: table, memory: memory)
    {
      observer.didRead(
        ITSTableRead(
          address: PA(table &+ UInt64(intid &- INTID.firstLPI)), raw: configuration.rawValue,
          meaning: .virtualConfiguration(
            intid: intid, priority: configuration.priority, enabled: configuration[.enable])))
    }
    let place = vPE.table + UInt64(intid &>> 3)
    let byte = memory.load8(place) ?? 0
    observer.didRead(
      ITSTableRead(
        address: place, raw: UInt64(byte),
        meaning: .virtualPending(
          intid: intid, wasPending: isSet(UInt64(byte), bit: UInt64(intid & 7)))))
  }

  /// `GITS_STATUSR` and `GITS_UMSIR`, where implemented: the first message that was not mapped
  /// stays until software clears the status.
  private mutating func recordUnmapped(
    _ deviceID: UInt32, _ eventID: UInt32, _ reason: ITSFault
  ) {
    guard profile.type[.unmappedMSI], reason != .tableAbort else { return }
    if status & Self.unmappedMSIStatus == 0 {
      unmappedMessage = UInt64(deviceID) &<< 32 | UInt64(eventID)
    } else {
      status |= Self.overflowStatus
    }
    status |= Self.unmappedMSIStatus
  }

  /// `GITS_STATUSR.UMSI`, bit 4.
  static var unmappedMSIStatus: UInt32 { 1 &<< 4 }
  /// `GITS_STATUSR.Overflow`, bit 5.
  static var overflowStatus: UInt32 { 1 &<< 5 }
}
