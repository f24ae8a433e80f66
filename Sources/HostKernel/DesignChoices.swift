public import Linux

/// What the host's stage 2 maps to the physical doorbell.
public enum StageTwoDoorbell: String, CaseIterable, Sendable {
  /// The host kernel's software MSI window, page by page from 0x8000000.
  case softwareWindow = "software-window"
  /// The same window, moved by the VMM to the guest's doorbell page
  /// (`IOMMU_OPTION_SW_MSI_START`, proposed).
  case movedWindow = "moved-window"
  /// The guest's own doorbell page, to the doorbell of one physical ITS.
  case guestDoorbell = "guest-doorbell"
  /// The guest's own doorbell page in a stage 2 table for each physical ITS, to that ITS's.
  case guestDoorbellPerITS = "guest-doorbell-per-its"
}

/// Where the host's kernel takes a guest's address into the message of a trapped entry.
public enum AddressOverride: String, CaseIterable, Sendable {
  /// In the MSI domain, or its DMA cookie: nothing else is mapped (RFCv2 of January 2025).
  case msiDomain = "msi-domain"
  /// In VFIO, over the message that the layers below have made, which map their own page (as
  /// proposed in the review of RFCv1, November 2024).
  case vfio
}

/// Whose EventID stands in the message, and so who drives the physical ITT.
public enum EventIDOwnership: String, CaseIterable, Sendable { case host, guest }

/// How the interrupt reaches the virtual CPU.
public enum InterruptDelivery: String, CaseIterable, Sendable {
  /// A physical LPI, the host's handler, an eventfd and KVM's software injection.
  case irqfd
  /// GICv4.0: KVM hands the interrupt to the hardware, which injects a virtual LPI; each event
  /// names the doorbell that calls the host while the virtual CPU is away.
  case gicv4
  /// GICv4.1: the same, with one default doorbell for each virtual CPU.
  case gicv4Point1 = "gicv4.1"

  /// What the host's interrupt controllers do about virtual LPIs; `nil` for nothing.
  public var virtualLPIs: VirtualLPISupport? {
    switch self {
    case .irqfd: nil
    case .gicv4: .v4
    case .gicv4Point1: .v4Point1
    }
  }
}
