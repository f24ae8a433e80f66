internal import Bits
internal import IOMMU
public import Linux
public import Machine

/// A virtual machine monitor, as far as its address map goes.
public enum VMMPersonality: String, Choice {
  case qemuVirt = "qemu-virt"
  case openVMM = "openvmm"
  case openVMMLowRAM = "openvmm-low-ram"
  case cloudHypervisor = "cloud-hypervisor"
  case crosvm
  case kvmtool

  public var meaning: String {
    switch self {
    case .qemuVirt: "QEMU's virt machine: RAM from 1 GiB, the GIC inside the window."
    case .openVMM:  // microsoft/openvmm #3559, May 2026
      "OpenVMM's direct boot: RAM from 1 GiB, the GIC below 4 GiB."
    case .openVMMLowRAM:  // #4372 is open
      "OpenVMM's UEFI boot, and all before May 2026: RAM from 0."
    case .cloudHypervisor: "Cloud Hypervisor: RAM from 2 GiB, the GIC below 144 MiB."
    case .crosvm: "crosvm: RAM from 2 GiB, the GIC around 1 GiB."
    case .kvmtool: "kvmtool: RAM from 2 GiB, the GIC below 1 GiB."
    }
  }

  /// Whether a device of a vSMMU is attached before the host knows its StreamID in the guest: QEMU's
  /// `smmuv3_accel_alloc_viommu` attaches, `smmuv3_accel_install_ste` tells.
  public var makesDevicesLate: Bool { self == .qemuVirt }

  /// What a guest with an SMMU of its own rests on; `nil` where the VMM has it.
  public var nestingInterface: ReleaseSwitch? {
    self == .cloudHypervisor ? .cloudHypervisorNesting : nil
  }

  /// Where it puts what a guest of one virtual CPU sees.
  public var map: AddressMap { map(virtualCPUs: 1) }

  /// Where it puts what a guest of so many virtual CPUs sees.
  public func map(virtualCPUs: Int) -> AddressMap {
    switch self {
    case .qemuVirt: .qemuVirt
    case .openVMM: .openVMM(ramBase: 0x4000_0000, virtualCPUs: virtualCPUs)
    case .openVMMLowRAM: .openVMM(ramBase: 0, virtualCPUs: virtualCPUs)
    case .cloudHypervisor: .cloudHypervisor(virtualCPUs: virtualCPUs)
    case .crosvm: .crosvm(virtualCPUs: virtualCPUs)
    case .kvmtool: .kvmtool(virtualCPUs: virtualCPUs)
    }
  }
}

extension AddressMap {
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
