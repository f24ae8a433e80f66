/// What the host's stage 2 maps to the physical doorbell.
public enum StageTwoDoorbell: String, CaseIterable, Sendable {
  /// The host kernel's software MSI window, page by page from 0x8000000.
  case softwareWindow = "software-window"
  /// The guest's own doorbell page.
  case guestDoorbell = "guest-doorbell"
}

/// Whose EventID stands in the message, and so who drives the physical ITT.
public enum EventIDOwnership: String, CaseIterable, Sendable { case host, guest }

/// How the interrupt reaches the virtual CPU.
public enum InterruptDelivery: String, CaseIterable, Sendable {
  /// A physical LPI, the host's handler, an eventfd and KVM's software injection.
  case irqfd
}
