/// Kind of machine that firmware tables describe. A host's mappings around a guest's MSIs concern a
/// guest's tables alone; a board's own tables are judged by whether its devices' MSIs arrive.
public enum MachineView: String, CaseIterable, Sendable {
  /// A board or a server.
  case host
  /// A virtual machine.
  case guest
  /// The tables do not tell.
  case unknown

  /// OEM IDs that VMMs write: QEMU's (and those that took it over), Cloud Hypervisor's, crosvm's,
  /// Hyper-V's and OpenVMM's, Firecracker's, and this program's.
  private static let virtualOEMs: Set = [
    "BOCHS", "CLOUDH", "CROSVM", "VRTUAL", "MSFTVM", "HVLITE", "FIRECK", "DRBELL", "XEN",
  ]

  /// By an ACPI table's header; firmware images for virtual machines keep the VMM's OEM ID.
  init(of origin: TableOrigin) {
    self =
      origin.oemID.isEmpty ? .unknown : Self.virtualOEMs.contains(origin.oemID) ? .guest : .host
  }

  /// `compatible` of the root node of a VMM's device tree: QEMU, kvmtool, crosvm, Cloud Hypervisor
  /// and Firecracker share the first, Xen has its own.
  private static let virtualMachines: Set = ["linux,dummy-virt", "xen,xenvm"]

  /// By a device tree's root node; a board names itself there.
  init(of root: DeviceTreeBlob.Node?) {
    let names = root?.strings("compatible") ?? []
    self =
      names.isEmpty
      ? .unknown : names.contains(where: Self.virtualMachines.contains) ? .guest : .host
  }
}
