/// Whether the guest has an SMMU of its own in front of the device.
public enum VirtualIOMMU: String, CaseIterable, Sendable {
  /// An accelerated vSMMU: the guest's stage 1 over the host's stage 2.
  case nested
  /// None: the host's one stage alone.
  case none
}

/// Where the guest learns of the doorbell that its device uses: from the firmware's tables.
public enum DoorbellAdvertisement: String, CaseIterable, Sendable {
  case nothing
  /// An IORT RMR without "remapping permitted": `IOMMU_RESV_DIRECT`.
  case rmrDirect = "rmr-direct"
  /// An IORT RMR with "remapping permitted": `IOMMU_RESV_DIRECT_RELAXABLE`.
  case rmrRelaxable = "rmr-relaxable"
  /// A range that every domain maps one to one and that the guest uses as its own doorbell:
  /// `IOMMU_RESV_MSI_DIRECT`, proposed and never merged.
  case msiDirect = "msi-direct"
}

/// What takes the guest's MSIs.
public enum GuestMSIController: String, CaseIterable, Sendable {
  /// A virtual ITS.
  case its
  /// A GICv2m frame: a message is the number of an SPI, and no DeviceID stands beside it.
  case gicv2m
}

/// Where the VMM puts the doorbell page of its virtual ITS.
public enum VirtualITSPlacement: String, CaseIterable, Sendable {
  /// Where QEMU has it: beside the first pages of the software MSI window.
  case besideWindow = "beside-window"
  /// On the first page of the window, so that both have one number.
  case atWindow = "at-window"
}

/// Who writes the MSI-X entry that the device uses.
public enum MSIXEntryPolicy: String, CaseIterable, Sendable {
  /// The guest's write traps; the host writes its own address and EventID.
  case replaced = "trapped-replaced"
  /// The guest's write traps; the host writes the guest's address and its own EventID.
  case forwarded = "trapped-forwarded"
  /// The guest writes the table itself.
  case untrapped
}

/// Which address the VMM puts in KVM's route of a vector (`kvm_arch_fixup_msi_route`).
public enum RouteAddress: String, CaseIterable, Sendable {
  /// The machine's fixed doorbell, QEMU's `msi-gpa`.
  case machineDoorbell = "machine-doorbell"
  /// The guest's address, walked through the guest's stage 1 in software.
  case walk = "stage1-walk"
  /// The guest's address as it is, which KVM takes for an IPA.
  case guestAddress = "guest-address"
}
