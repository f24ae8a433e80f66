/// The physical event behind a guest's LPI: what the host's ITS sees.
public struct HostEvent: Hashable, Sendable {
  public var deviceID: UInt32
  public var eventID: UInt32
  /// The ITS, in the order in which the host finds them: two may have devices with one DeviceID.
  public var its: Int
  public init(deviceID: UInt32, eventID: UInt32, its: Int = 0) {
    self.deviceID = deviceID
    self.eventID = eventID
    self.its = its
  }
}

/// Action on a forwarded interrupt that a command of the guest requires of the host (Linux
/// `vgic-its.c`, the `irq->hw` branches, and `vgic-v4.c`).
public enum ForwardingAction: Equatable, Sendable {
  /// INV, INVALL, MAPTI: write this configuration byte to the virtual table and invalidate.
  case configure(HostEvent, UInt8)
  /// INT, CLEAR: change the pending state of the virtual LPI.
  case setPending(HostEvent, Bool)
  /// DISCARD, MAPD: the physical event is a physical LPI again.
  case unmap(HostEvent)
  /// MOVI, MAPC, MOVALL: VMOVI to the vPE of this vCPU.
  case move(HostEvent, vCPU: UInt16)
}

/// Forwarded interrupt as the route found it.
public struct ForwardedInterrupt: Equatable, Sendable {
  /// The guest's LPI.
  public let vINTID: UInt32
  /// The vCPU that it goes to.
  public let vCPU: UInt16
  /// It was pending in software: the pending state moves to the virtual pending table, once.
  public let wasPending: Bool

  public init(vINTID: UInt32, vCPU: UInt16, wasPending: Bool) {
    self.vINTID = vINTID
    self.vCPU = vCPU
    self.wasPending = wasPending
  }
}

extension ITS {
  /// The physical event that a guest event is forwarded to.
  public func forwarding(deviceID: UInt32, eventID: UInt32) -> HostEvent? {
    lists.devices[deviceID]?.events[eventID]?.host
  }
}
