/// Where the guest learns of the doorbell that its device uses: from the firmware's tables.
public enum DoorbellAdvertisement: String, CaseIterable, Sendable {
  case nothing
  /// An IORT RMR without "remapping permitted": `IOMMU_RESV_DIRECT`.
  case rmrDirect = "rmr-direct"
  /// An IORT RMR with "remapping permitted": `IOMMU_RESV_DIRECT_RELAXABLE`.
  case rmrRelaxable = "rmr-relaxable"
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
