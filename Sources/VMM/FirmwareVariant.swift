public import Linux

/// What the VMM's firmware tables leave out, as tables in the field do.
public enum FirmwareVariant: String, Choice {
  case complete
  case noPreservedBoot = "no-dsm5"
  case oldIORT = "iort-revision-3"
  case rmrWithoutIDs = "rmr-without-ids"
  case deviceTree = "device-tree"
  case deviceTreeReserved = "device-tree-iommu-addresses"

  public var meaning: String {
    switch self {
    case .complete: "Nothing is left out."
    case .noPreservedBoot:  // iort_rmr_has_dev
      "No _DSM 5: RMRs say nothing about PCI devices."
    case .oldIORT:  // iort_find_rmrs; DEN 0049E.d
      "An IORT before revision 5, whose RMRs Linux ignores."
    case .rmrWithoutIDs:  // iort_node_get_rmr_info
      "An RMR without ID mappings, which Linux skips."
    case .deviceTree: "ACPI: a device tree, which has nothing like an RMR."
    case .deviceTreeReserved:  // of_iommu_get_resv_regions
      "ACPI: a device tree with iommu-addresses for the host bridge, not for its functions."
    }
  }

  /// Whether the guest boots with a device tree.
  public var isDeviceTree: Bool { self == .deviceTree || self == .deviceTreeReserved }
}
