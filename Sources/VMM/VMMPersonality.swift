internal import Bits
internal import IOMMU
public import Linux

/// A virtual machine monitor, as far as its address map goes.
public enum VMMPersonality: String, Choice {
  case qemuVirt = "qemu-virt"
  case openVMM = "openvmm"
  case openVMMLowRAM = "openvmm-low-ram"
  case cloudHypervisor = "cloud-hypervisor"

  public var meaning: String {
    switch self {
    case .qemuVirt: "QEMU's virt machine: RAM from 1 GiB, the GIC inside the window."
    case .openVMM:  // microsoft/openvmm #3559, May 2026
      "OpenVMM's direct boot: RAM from 1 GiB, the GIC below 4 GiB."
    case .openVMMLowRAM:  // #4372 is open
      "OpenVMM's UEFI boot, and all before May 2026: RAM from 0."
    case .cloudHypervisor: "Cloud Hypervisor: RAM from 2 GiB, the GIC below 144 MiB."
    }
  }

  /// Whether a device of a vSMMU is attached before the host knows its StreamID in the guest: QEMU's
  /// `smmuv3_accel_alloc_viommu` attaches, `smmuv3_accel_install_ste` tells.
  public var makesDevicesLate: Bool { self == .qemuVirt }

  /// What a guest with an SMMU of its own rests on; `nil` where the VMM has it.
  public var nestingInterface: ReleaseSwitch? {
    self == .cloudHypervisor ? .cloudHypervisorNesting : nil
  }

  /// Where it puts what the guest sees.
  public var map: AddressMap {
    switch self {
    case .qemuVirt: .qemuVirt
    case .openVMM: .openVMM(ramBase: 0x4000_0000)
    case .openVMMLowRAM: .openVMM(ramBase: 0)
    case .cloudHypervisor: .cloudHypervisor
    }
  }

  /// The same with a GICv2m frame instead of the ITS.
  public var mapWithMessageFrame: AddressMap {
    var map = map
    map.messageFrame =
      switch self {
      case .qemuVirt: 0x802_0000
      // The frame that OpenVMM has under MSHV (microsoft/openvmm #3900).
      case .openVMM, .openVMMLowRAM: 0xeff6_8000
      // It has none: assumed below where its ITS would be.
      case .cloudHypervisor: 0x8fa_0000
      }
    return map
  }
}

extension AddressMap {
  /// OpenVMM's (openvmm_defs/src/config.rs: DEFAULT_GIC_DISTRIBUTOR_BASE, DEFAULT_GIC_ITS_BASE,
  /// DEFAULT_GIC_REDISTRIBUTORS_BASE on Linux). SMMU and BARs are allocated at run time there;
  /// these two places are assumed.
  static func openVMM(ramBase: IPA) -> Self {
    Self(
      distributor: 0xffff_0000, itsBase: 0xeffc_0000, redistributors: 0xefff_0000,
      redistributorsSize: 0x2_0000, redistributorStride: 0x2_0000,
      smmuBase: 0xe000_0000, msixTable: 0xe100_2000, ramBase: ramBase, ramSize: 768 << 20)
  }

  /// Cloud Hypervisor's with one virtual CPU (arch/src/aarch64/layout.rs: GIC_V3_DIST_START,
  /// PCI_DEVICES_MAPPED_IO_START, RAM_64BIT_START; devices/src/gic.rs `create_default_config`:
  /// redistributors below the distributor, the ITS below them). From 119 virtual CPUs on the ITS would
  /// reach down into the software MSI window. It has no accelerated vSMMU: its place is assumed.
  static let cloudHypervisor = Self(
    distributor: 0x8ff_0000, itsBase: 0x8fb_0000, redistributors: 0x8fd_0000,
    redistributorsSize: 0x2_0000, redistributorStride: 0x2_0000,
    smmuBase: 0xa00_0000, msixTable: 0x1000_2000, ramBase: 0x8000_0000, ramSize: 768 << 20)

  /// The same map with the page of the virtual ITS's doorbell on the first page of the software MSI
  /// window, and the distributor moved where it would be in its way.
  public var withDoorbellAtWindow: Self {
    var map = self
    map.itsBase = IPA(SoftwareMSIWindow.base.rawValue) - 0x1_0000
    let taken = map.itsBase.rawValue..<map.itsBase.rawValue + 0x2_0000
    if taken.overlaps(distributor.rawValue..<distributor.rawValue + 0x1_0000) {
      map.distributor = 0x918_0000
    }
    return map
  }
}
