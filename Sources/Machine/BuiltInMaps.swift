public import Bits

// The address maps of VMMs, as their sources have them. RAM is 768 MiB each.
extension AddressMap {
  /// QEMU's `virt` machine with a device SMMU and an NVMe behind a root port (hw/arm/virt.c
  /// `base_memmap`, `extended_memmap`; the SMMU stands on the platform bus).
  public static let qemuVirt: Self = {
    var map = Self(
      distributor: 0x800_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000,
      redistributorsSize: 0xf6_0000, smmuBase: 0xc00_0000, msixTable: 0x1000_2000,
      ramBase: 0x4000_0000, messageFramePlace: 0x802_0000,
      ecam: AddressRange(from: 0x40_1000_0000, length: 0x1000_0000),
      windows: [
        AddressRange(from: 0x1000_0000, length: 0x2eff_0000),
        AddressRange(from: 0x80_0000_0000, length: 0x80_0000_0000),
      ])
    map.furtherRedistributors = AddressRange(from: 0x40_0000_0000, length: 0x400_0000)
    return map
  }()

  /// OpenVMM's (openvmm_defs/src/config.rs: DEFAULT_GIC_DISTRIBUTOR_BASE, DEFAULT_GIC_ITS_BASE,
  /// DEFAULT_GIC_REDISTRIBUTORS_BASE on Linux). SMMU, ECAM and BARs are allocated at run time there;
  /// the places of SMMU and BARs are assumed. The GICv2m frame is the one under MSHV
  /// (microsoft/openvmm #3900).
  public static func openVMM(ramBase: IPA, virtualCPUs: Int = 1) -> Self {
    Self(
      distributor: 0xffff_0000, itsBase: 0xeffc_0000, redistributors: 0xefff_0000,
      redistributorsSize: frames(virtualCPUs), smmuBase: 0xe000_0000, msixTable: 0xe100_2000,
      ramBase: ramBase, messageFramePlace: 0xeff6_8000)
  }

  /// Cloud Hypervisor's (arch/src/aarch64/layout.rs: MAPPED_IO_START, PCI_DEVICES_MAPPED_IO_START,
  /// PCI_MMCONFIG_START, RAM_64BIT_START; devices/src/gic.rs `create_default_config`:
  /// redistributors below the distributor, the ITS below them). From 119 virtual CPUs on the ITS
  /// reaches down into the software MSI window. It has no accelerated vSMMU and no GICv2m frame:
  /// their places are assumed.
  public static func cloudHypervisor(virtualCPUs: Int = 1) -> Self {
    belowDistributor(
      0x8ff_0000, virtualCPUs, smmuBase: 0xa00_0000, bars: 0x1000_2000,
      ecam: AddressRange(from: 0x4000_0000, length: 0x1000_0000),
      windows: [AddressRange(from: 0x1000_0000, length: 0x3000_0000)])
  }

  /// kvmtool's (arm/include/arm-common/kvm-arch.h: ARM_AXI_AREA, ARM_GIC_DIST_BASE,
  /// KVM_PCI_CFG_AREA, KVM_PCI_MMIO_AREA, ARM_MEMORY_AREA; arm/gic.c `gic__create`: redistributors
  /// below the distributor, the ITS below them). It has no SMMU: its place is assumed, in the unused
  /// part of the platform's MMIO. Its own GICv2m frame needs a GICv2; the place here is that one's.
  public static func kvmtool(virtualCPUs: Int = 1) -> Self {
    var map = belowDistributor(
      0x3fff_0000, virtualCPUs, smmuBase: 0x180_0000, bars: 0x5000_2000,
      ecam: AddressRange(from: 0x4000_0000, length: 0x1000_0000),
      windows: [AddressRange(from: 0x5000_0000, length: 0x3000_0000)])
    // ARM_GIC_CPUI_BASE - KVM_VGIC_V2M_SIZE, moved below the redistributors that a GICv3 has there.
    map.messageFramePlace = map.redistributors - 0x1000
    return map
  }

  /// crosvm's (aarch64/src/lib.rs: AARCH64_GIC_DIST_BASE, AARCH64_GIC_ITS_BASE,
  /// AARCH64_PCI_MEM_BASE_DEFAULT, AARCH64_PHYS_MEM_START; devices/src/irqchip/kvm/aarch64.rs
  /// `KvmKernelIrqChip::new`: redistributors below the distributor, the ITS above it). Its
  /// configuration space is no ECAM but a CAM, 64 KiB a bus, from 0x10000 on. It has neither SMMU nor
  /// GICv2m frame: the SMMU is assumed first in the platform's MMIO, right behind RAM
  /// (`get_system_allocator_config`), the frame below the redistributors.
  public static func crosvm(virtualCPUs: Int = 1) -> Self {
    var map = belowDistributor(
      0x3fff_0000, virtualCPUs, smmuBase: 0xb000_0000, bars: 0x200_2000, ecam: nil,
      windows: [
        AddressRange(from: 0x200_0000, length: 0x200_0000),
        AddressRange(from: 0xf000_0000, length: 0xff_1000_0000),
      ])
    map.itsBase = 0x4000_0000
    map.messageFramePlace = map.redistributors - 0x1_0000
    return map
  }

  /// Redistributors right below the distributor, and the ITS right below them; RAM from 2 GiB.
  private static func belowDistributor(
    _ distributor: IPA, _ virtualCPUs: Int, smmuBase: IPA, bars: IPA, ecam: AddressRange?,
    windows: [AddressRange]
  ) -> Self {
    let redistributors = distributor - frames(virtualCPUs)
    return Self(
      distributor: distributor, itsBase: redistributors - 0x2_0000,
      redistributors: redistributors, redistributorsSize: frames(virtualCPUs),
      smmuBase: smmuBase, msixTable: bars, ramBase: 0x8000_0000,
      messageFramePlace: redistributors - 0x3_0000, ecam: ecam, windows: windows)
  }

  private static func frames(_ virtualCPUs: Int) -> UInt64 {
    UInt64(max(1, virtualCPUs)) &* 0x2_0000
  }
}

extension MachineDescription.Host {
  /// QEMU's `virt` with two CPUs, on which the shipped recordings were made, and a second bank of
  /// RAM for what no recording places; its PCIe windows are QEMU's.
  public static let qemuVirt: Self = {
    let bridge = MachineDescription.Bridge(
      buses: 0...255, ecam: AddressRange(from: 0x40_1000_0000, length: 0x1000_0000),
      windows: [
        AddressRange(from: 0x1000_0000, length: 0x2eff_0000),
        AddressRange(from: 0x80_0000_0000, length: 0x80_0000_0000),
      ])
    return Self(
      ram: [
        AddressRange(from: 0x4000_0000, length: 0xc000_0000),
        AddressRange(from: 0x1_0000_0000, length: 0x8000_0000),
      ],
      cpus: 2, distributor: 0x800_0000, redistributors: 0x80a_0000, itses: [0x808_0000],
      messageFrame: 0x802_0000, messageSPIs: 80..<144, smmus: [0x905_0000], bridges: [bridge])
  }()
}
