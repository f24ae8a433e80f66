/// What the VMM's firmware tables leave out, as tables in the field do.
public enum FirmwareVariant: String, CaseIterable, Sendable {
  /// Nothing.
  case complete
  /// The host bridge's _DSM function 5: Linux ignores RMRs for PCI devices
  /// (`iort_rmr_has_dev`).
  case noPreservedBoot = "no-dsm5"
  /// An IORT before revision 5 (DEN 0049E.d): Linux ignores its RMRs (`iort_find_rmrs`).
  case oldIORT = "iort-revision-3"
  /// The RMR's ID mappings: Linux skips the node (`iort_node_get_rmr_info`).
  case rmrWithoutIDs = "rmr-without-ids"
  /// ACPI: a device tree, which has no RMRs.
  case deviceTree = "device-tree"
  /// ACPI: a device tree with `iommu-addresses` for the host bridge, which Linux does not take for
  /// its functions (`of_iommu_get_resv_regions`).
  case deviceTreeReserved = "device-tree-iommu-addresses"

  /// Whether the guest boots with a device tree.
  public var isDeviceTree: Bool { self == .deviceTree || self == .deviceTreeReserved }
}
