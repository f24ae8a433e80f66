internal import ArmFormats
public import Bits
public import GIC
public import Memory

// GICv4 in KVM's virtual ITS: events that the hardware injects (`vgic-v4.c`).
extension ITS {
  /// Hands a guest event over to the hardware, as `kvm_vgic_v4_set_forwarding` does; the caller
  /// maps the physical event with VMAPTI then.
  ///
  /// KVM finds the virtual ITS by the doorbell of the route. Whatever does not fit leaves the
  /// interrupt to software injection, without an error.
  ///
  /// - Parameters:
  ///   - address: the doorbell that the route names.
  ///   - base: base address of this virtual ITS.
  /// - Returns: `nil` when nothing is forwarded.
  public mutating func setForwarding(
    address: IPA, base: IPA, deviceID: UInt32, eventID: UInt32, to host: HostEvent,
    redistributors: inout Redistributors, memory: PhysicalMemory
  ) -> ForwardedInterrupt? {
    guard personality.keepsTablesInside, control[.enabled],
      isDoorbell(address.rawValue &- base.rawValue, width: 4),
      var event = lists.devices[deviceID]?.events[eventID],
      event.host == nil, event.hasCollection, let target = event.target,
      lists.collections[event.entry[.collectionID]] ?? nil != nil
    else { return nil }
    event.host = host
    lists.hasForwarded = true
    lists.devices[deviceID]?.events[eventID] = event
    // An interrupt of the hardware is not injected from the cache.
    routes.remove(RouteCache.key(deviceID, eventID))
    let pending = redistributors.clearPending(
      event.entry[.intid], at: Int(target), memory: memory)
    return ForwardedInterrupt(vINTID: event.entry[.intid], vCPU: target, wasPending: pending)
  }

  /// Takes a forwarded event back: software injects it again (`kvm_vgic_v4_unset_forwarding`).
  ///
  /// - Parameter wasPending: the pending state that the virtual pending table held.
  /// - Returns: `false` when no event is forwarded to `host`.
  @discardableResult
  public mutating func unsetForwarding(
    of host: HostEvent, wasPending: Bool, redistributors: inout Redistributors,
    memory: PhysicalMemory
  ) -> Bool {
    for key in lists.eventKeys {
      guard let event = lists.devices[key.device]?.events[key.event], event.host == host else {
        continue
      }
      lists.devices[key.device]?.events[key.event]?.host = nil
      if wasPending, let target = event.target {
        _ = redistributors.setPending(event.entry[.intid], at: Int(target), memory: memory)
      }
      return true
    }
    return false
  }

  /// The actions on the hardware that the guest's commands ask for since the last call, in order.
  public mutating func takeForwardingActions() -> [ForwardingAction] {
    defer { lists.actions.removeAll(keepingCapacity: true) }
    return lists.actions
  }
}
