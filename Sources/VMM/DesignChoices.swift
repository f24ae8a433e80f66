public import Linux

/// Whether the guest has an SMMU of its own in front of the device.
public enum VirtualIOMMU: String, Choice {
  case nested
  case none

  public var meaning: String {
    switch self {
    case .nested: "An accelerated vSMMU: the guest's stage 1 over the host's stage 2."
    case .none: "None: the host's one stage alone."
    }
  }
}

/// Where the guest learns of the doorbell that its device uses: from the firmware's tables.
public enum DoorbellAdvertisement: String, Choice {
  case nothing
  case rmrDirect = "rmr-direct"
  case rmrRelaxable = "rmr-relaxable"
  case msiDirect = "msi-direct"

  public var meaning: String {
    switch self {
    case .nothing: "The firmware says nothing: the guest maps the doorbell by itself."
    case .rmrDirect: "An IORT RMR that must stay mapped one to one (IOMMU_RESV_DIRECT)."
    case .rmrRelaxable:
      "An IORT RMR with 'remapping permitted' (IOMMU_RESV_DIRECT_RELAXABLE)."
    case .msiDirect:
      "A range that every domain maps one to one and that the guest uses as its doorbell "
        + "(IOMMU_RESV_MSI_DIRECT, proposed)."
    }
  }

  public var interface: ReleaseSwitch? { self == .msiDirect ? .directMSIRegion : nil }
}

/// What takes the guest's MSIs.
public enum GuestMSIController: String, Choice {
  case its
  case gicv2m

  public var meaning: String {
    switch self {
    case .its: "A virtual ITS."
    case .gicv2m: "A GICv2m frame: a message is the number of an SPI, without a DeviceID."
    }
  }
}

/// Where the VMM puts the doorbell page of its virtual ITS.
public enum VirtualITSPlacement: String, Choice {
  case besideWindow = "beside-window"
  case atWindow = "at-window"

  public var meaning: String {
    switch self {
    case .besideWindow: "IPA 0x8090000, as in QEMU's virt machine."
    case .atWindow: "IPA 0x8000000: the guest's doorbell and the host's window have one number."
    }
  }
}

/// Who writes the MSI-X entry that the device uses.
public enum MSIXEntryPolicy: String, Choice {
  case replaced = "trapped-replaced"
  case forwarded = "trapped-forwarded"
  case untrapped

  public var meaning: String {
    switch self {
    case .replaced: "The guest's write traps; the host writes its own address and EventID."
    case .forwarded:
      "The guest's write traps; the host writes the guest's address and its own EventID."
    case .untrapped: "The guest writes the table itself."
    }
  }

  public var interface: ReleaseSwitch? { self == .forwarded ? .vectorAddress : nil }
}

/// Which address the VMM puts in KVM's route of a vector (`kvm_arch_fixup_msi_route`).
public enum RouteAddress: String, Choice {
  case machineDoorbell = "machine-doorbell"
  case walk = "stage1-walk"
  case guestAddress = "guest-address"

  public var meaning: String {
    switch self {
    case .machineDoorbell: "The machine's fixed doorbell (QEMU's msi-gpa)."
    case .walk: "The guest's address, walked through the guest's stage 1 in software."
    case .guestAddress: "The guest's address as it is, which KVM reads as an IPA."
    }
  }
}
