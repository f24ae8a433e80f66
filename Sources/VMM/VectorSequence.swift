/// By which calls a VMM has the host set the vectors of a trapped MSI-X table up.
public enum VectorSequence: Equatable, Sendable {
  /// QEMU (hw/vfio/pci.c): MSI-X is turned on without an eventfd (`vfio_enable_msix_no_vec`), each
  /// vector gets one when the guest unmasks it (`vfio_msix_vector_do_use`) and QEMU's own while it is
  /// masked (`vfio_msix_vector_release`).
  ///
  /// - addsVectors: whether the host's VFIO can add a vector to running ones. Where it cannot
  ///   (VFIO_IRQ_INFO_NORESIZE), all are ended and set up again for each new one.
  case asUnmasked(addsVectors: Bool)
  /// Cloud Hypervisor (pci/src/vfio.rs `enable_msix`, pci/src/msix.rs `set_msg_ctl`): every entry of
  /// the table gets an eventfd when the guest turns MSI-X on. KVM reads them while the function is not
  /// masked; the mask of an entry changes nothing.
  case atEnable
  /// OpenVMM (vfio_assigned_device/src/lib.rs `msix_enable`): the same, but KVM reads a vector's
  /// eventfd only while its entry is not masked either.
  case atEnableByEntry

  /// Whether every entry gets an eventfd at once.
  var enablesAll: Bool { self == .atEnable || self == .atEnableByEntry }
}

extension VMMPersonality {
  /// - Parameter addsVectors: whether the host's VFIO can add a vector to running ones.
  public func vectorSequence(addsVectors: Bool) -> VectorSequence {
    switch self {
    case .qemuVirt: .asUnmasked(addsVectors: addsVectors)
    case .openVMM, .openVMMLowRAM: .atEnableByEntry
    // crosvm and kvmtool: assumed.
    case .cloudHypervisor, .crosvm, .kvmtool: .atEnable
    }
  }
}
