internal import Bits
public import Firmware
public import IOMMU
internal import Linux

extension GuestFirmware {
  /// The reserved regions of a PCI device, in sysfs's order.
  public func reservedRegions(of stream: UInt32) -> [ReservedRegion] {
    regionSources(of: stream).compactMap { $0.region(for: .other) }
  }

  /// What makes the reserved regions of a PCI device (`iort_iommu_rmr_get_resv_regions`,
  /// `arm_smmu_get_resv_regions`).
  func regionSources(of stream: UInt32) -> [RegionSource] {
    // Without "preserve boot configuration" an RMR says nothing about a PCI device.
    let named = preservesBootConfiguration ? reserved.filter { $0.streams.contains(stream) } : []
    let sources = named.map { range in
      range.isMessageAlias
        ? RegionSource.msiDirect(base: IOVA(range.base.rawValue), length: range.length)
        : .armRMR(
          base: IOVA(range.base.rawValue), length: range.length,
          flags: range.flags)
    }
    return sources + [.softwareMSI]
  }

  /// What a kernel makes of the tables: before 6.0 Linux has no code that reads
  /// RMR nodes.
  func asRead(by kernel: Kernel) -> GuestFirmware {
    guard !kernel.has(.readRMRs) else { return self }
    return GuestFirmware(
      itsBase: itsBase, redistributors: redistributors, smmus: smmus, reserved: [],
      preservesBootConfiguration: preservesBootConfiguration, messageFrame: messageFrame)
  }
}

extension ReservedMemoryRange {
  /// The flags of its node.
  fileprivate var flags: RegionSource.RMRFlags {
    RegionSource.RMRFlags(
      rawValue: (remapPermitted ? 1 : 0) | (isPrivileged ? 1 << 1 : 0) | UInt32(attributes) << 2)
  }
}
