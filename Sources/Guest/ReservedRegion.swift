public import Bits
public import Firmware
internal import Linux

/// A range of a device's IOVAs that its kernel treats apart (`struct iommu_resv_region`).
public struct ReservedRegion: Equatable, Sendable {
  /// `enum iommu_resv_type`; the raw values are what sysfs prints.
  public enum Kind: String, Sendable {
    /// Must be mapped one to one at all times.
    case direct
    /// Is mapped one to one until the device is assigned.
    case directRelaxable = "direct-relaxable"
    /// An alias of the doorbell that every domain maps one to one (`IOMMU_RESV_MSI_DIRECT`,
    /// proposed).
    case messageAlias = "msi-direct"
    /// The software MSI window.
    case softwareMSI = "msi"
  }

  public let base: IOVA
  public let length: UInt64
  public let kind: Kind

  public init(base: IOVA, length: UInt64, kind: Kind) {
    self.base = base
    self.length = length
    self.kind = kind
  }
}

extension GuestFirmware {
  /// The reserved regions of a PCI device (`iort_iommu_rmr_get_resv_regions`,
  /// `arm_smmu_get_resv_regions`), in sysfs's order.
  public func reservedRegions(of stream: UInt32) -> [ReservedRegion] {
    // Without "preserve boot configuration" an RMR says nothing about a PCI device.
    let named = preservesBootConfiguration ? reserved.filter { $0.streams.contains(stream) } : []
    return named.map {
      ReservedRegion(
        base: IOVA($0.base.rawValue), length: $0.length,
        kind: $0.isMessageAlias ? .messageAlias : $0.remapPermitted ? .directRelaxable : .direct)
    } + [ReservedRegion(base: Self.msiWindow, length: 0x10_0000, kind: .softwareMSI)]
  }

  /// What a kernel of that version makes of the tables: before 6.0 Linux has no code that reads
  /// RMR nodes.
  func asRead(by version: KernelVersion) -> GuestFirmware {
    guard version < .readsReservedMemoryRanges else { return self }
    return GuestFirmware(
      itsBase: itsBase, redistributors: redistributors, smmuBase: smmuBase, reserved: [],
      preservesBootConfiguration: preservesBootConfiguration)
  }

  /// `MSI_IOVA_BASE` of the guest's own SMMU driver.
  static var msiWindow: IOVA { 0x800_0000 }
}

extension KernelVersion {
  /// The release that first reads IORT RMR nodes (`iort_get_rmr_sids`, drivers/acpi/arm64/iort.c).
  static let readsReservedMemoryRanges = KernelVersion(6, 0)

  /// The release in which a device with a `direct` region may no longer be given a blocked domain
  /// (commit a48ce36e2786, "iommu: Prevent RESV_DIRECT devices from blocking domains").
  static let requiresDirect = KernelVersion(6, 6)
}
