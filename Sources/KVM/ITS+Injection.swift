public import Bits
public import GIC
public import Memory

/// The return value of `KVM_SIGNAL_MSI`, which an irqfd ignores.
public enum InjectionResult: Equatable, Sendable {
  /// 1: made pending, or was pending already.
  case delivered(MessageOutcome)
  /// 0: the guest has not mapped it, so that nobody will ever see it.
  case blocked(DropReason)
  /// -EINVAL: no DeviceID, or no ITS at that address.
  case invalid
  /// -EBUSY: the ITS, or LPIs at the target, are off.
  case busy
  /// -ENODEV: the VM has no ITS at all.
  case noDevice

  /// The return value of the ioctl.
  public var value: Int {
    switch self {
    case .delivered: 1
    case .blocked: 0
    case .invalid: -22
    case .busy: -16
    case .noDevice: -19
    }
  }
}

extension ITS {
  /// Injects a message as KVM does for `KVM_SIGNAL_MSI` (Linux `vgic-its.c`:
  /// `vgic_its_inject_msi`, `vgic_msi_to_its`).
  ///
  /// - Parameters:
  ///   - address: the doorbell of the message.
  ///   - base: base address of this ITS.
  ///   - deviceID: `nil` without `KVM_MSI_VALID_DEVID`.
  public mutating func inject(
    address: IPA, base: IPA, deviceID: UInt32?, eventID: UInt32, memory: PhysicalMemory,
    redistributors: inout Redistributors, observer: inout some ITSObserver
  ) -> InjectionResult {
    guard let deviceID, isDoorbell(address.rawValue &- base.rawValue, width: 4) else {
      return .invalid
    }
    let outcome = receiveMessage(
      deviceID: deviceID, eventID: eventID, memory: memory, redistributors: &redistributors,
      observer: &observer)
    return injectionResult(outcome)
  }

  private func injectionResult(_ outcome: MessageOutcome) -> InjectionResult {
    switch outcome {
    case .delivered, .deliveredVirtual: .delivered(outcome)
    case .dropped(.itsDisabled) where personality.refusesMessagesWhileDisabled: .busy
    case .dropped(.lpisDisabled) where personality.refusesMessagesWhileDisabled: .busy
    case .dropped(let reason): .blocked(reason)
    }
  }
}
