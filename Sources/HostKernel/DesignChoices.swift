public import Linux

/// What the host's stage 2 maps to the physical doorbell.
public enum StageTwoDoorbell: String, Choice {
  case softwareWindow = "software-window"
  case movedWindow = "moved-window"
  case guestDoorbell = "guest-doorbell"
  case guestDoorbellPerITS = "guest-doorbell-per-its"

  public var meaning: String {
    switch self {
    case .softwareWindow: "The host kernel's software MSI window, from IPA 0x8000000."
    case .movedWindow:
      "The same window, moved to the guest's doorbell (IOMMU_OPTION_SW_MSI_START, proposed)."
    case .guestDoorbell: "The guest's own doorbell page, to the doorbell of one physical ITS."
    case .guestDoorbellPerITS:
      "The guest's own doorbell page in a stage 2 for each physical ITS, to that ITS's doorbell."
    }
  }

  public var interface: ReleaseSwitch? {
    switch self {
    case .softwareWindow: nil
    case .movedWindow: .softwareMSIStart
    case .guestDoorbell, .guestDoorbellPerITS: .doorbellMapping
    }
  }
}

/// Where the host's kernel takes a guest's address into the message of a trapped entry.
public enum AddressOverride: String, Choice {
  case msiDomain = "msi-domain"
  case vfio

  public var meaning: String {
    switch self {
    case .msiDomain:  // RFCv2 of January 2025
      "In the MSI domain or its DMA cookie: nothing else is mapped."
    case .vfio:  // the review of RFCv1, November 2024
      "In VFIO, over the message that the layers below made with a page of their own."
    }
  }
}

/// Whose EventID stands in the message, and so who drives the physical ITT.
public enum EventIDOwnership: String, Choice {
  case host
  case guest

  public var meaning: String {
    switch self {
    case .host: "The host's EventID: the host alone fills the physical ITT."
    case .guest: "The guest's EventID: the vITS drives the physical ITT."
    }
  }

  public var interface: ReleaseSwitch? { self == .guest ? .tableMirror : nil }
}

/// How the interrupt reaches the virtual CPU.
public enum InterruptDelivery: String, Choice {
  case irqfd
  case gicv4
  case gicv4Point1 = "gicv4.1"

  public var meaning: String {
    switch self {
    case .irqfd: "A physical LPI, the host's handler, an eventfd and KVM's software injection."
    case .gicv4: "KVM hands the interrupt to the hardware as a virtual LPI (GICv4.0)."
    case .gicv4Point1:
      "KVM hands the interrupt to the hardware as a virtual LPI (GICv4.1, which has one doorbell for "
        + "each virtual CPU)."
    }
  }

  /// What the host's interrupt controllers do about virtual LPIs; `nil` for nothing.
  public var virtualLPIs: VirtualLPISupport? {
    switch self {
    case .irqfd: nil
    case .gicv4: .v4
    case .gicv4Point1: .v4Point1
    }
  }
}
