public import Bits
internal import Linux

/// Source of reserved regions: firmware tables and IOMMU drivers, each with its own rules.
public enum RegionSource: Equatable, Sendable {
  /// An Intel RMRR: relaxable for USB and graphics, else direct (`device_rmrr_is_relaxable`,
  /// intel/iommu.c `intel_iommu_get_resv_regions`).
  case intelRMRR(base: IOVA, length: UInt64)
  /// The first 16 MiB for an ISA bridge (CONFIG_INTEL_IOMMU_FLOPPY_WA).
  case intelISA
  /// The interrupt window of Intel's and AMD's IOMMUs.
  case x86Interrupts
  /// An AMD IVMD: exclusion ranges are reserved, unity ranges direct (amd/iommu.c
  /// `amd_iommu_get_resv_regions`).
  case amdIVMD(base: IOVA, length: UInt64, isExclusion: Bool)
  /// HyperTransport's range, which AMD reserves for every device.
  case amdHyperTransport
  /// An IORT RMR (`iort_get_rmrs`, drivers/acpi/arm64/iort.c).
  case armRMR(base: IOVA, length: UInt64, flags: RMRFlags)
  /// An alias of the doorbell that every domain maps one to one; proposed in April 2023.
  case msiDirect(base: IOVA, length: UInt64)
  /// The doorbells of a HiSilicon HI161X SMMU, which it does not translate
  /// (`iort_iommu_msi_get_resv_regions`).
  case hi161x(itsBase: PA)
  /// The window that arm-smmu, arm-smmu-v3 and virtio-iommu declare.
  case softwareMSIWindow(AddressRange)
  /// A region that a virtio-iommu device probes: reserved, or its doorbell.
  case virtioIOMMU(base: IOVA, length: UInt64, isMSI: Bool)
  /// A device tree's `iommu-addresses`: direct when the physical range is the same
  /// (`of_iommu_get_resv_regions`).
  case deviceTree(base: IOVA, length: UInt64, physical: PA?)

  /// The window of every release of Linux.
  public static let softwareMSI = Self.softwareMSIWindow(SoftwareMSIWindow.linux)

  /// The flags of an RMR node (IORT revision E.d, table 17).
  public struct RMRFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let remapPermitted = Self(rawValue: 1 << 0)
    public static let privileged = Self(rawValue: 1 << 1)

    /// 0 to 3 device memory, 4 normal non-cacheable, 5 normal write-back.
    public var accessAttributes: UInt32 { rawValue >> 2 & 0xff }
  }
}

/// Class of a function, as far as reserved regions depend on it.
public enum FunctionClass: String, CaseIterable, Sendable {
  case network, storage, usb, display
  case isaBridge = "isa-bridge"
  case other

  /// Whether Intel's driver lets its RMRR go when it is assigned.
  var hasRelaxableRMRR: Bool { self == .usb || self == .display }
}

extension RegionSource {
  /// The region that a function of this class gets; `nil` when the source says nothing about it.
  public func region(for function: FunctionClass) -> ReservedRegion? {
    switch self {
    case .intelRMRR(let base, let length):
      ReservedRegion(
        base: base, length: length,
        kind: function.hasRelaxableRMRR ? .directRelaxable : .direct,
        attributes: [.read, .write], origin: "Intel RMRR")
    case .intelISA:
      function == .isaBridge
        ? ReservedRegion(
          base: 0, length: 16 << 20, kind: .directRelaxable, attributes: [.read, .write],
          origin: "Intel ISA workaround") : nil
    case .x86Interrupts:
      ReservedRegion(
        base: 0xfee0_0000, length: 0x10_0000, kind: .hardwareMSI, origin: "x86 interrupt window")
    case .amdIVMD(let base, let length, let isExclusion):
      ReservedRegion(
        base: base, length: length, kind: isExclusion ? .reserved : .direct,
        attributes: isExclusion ? [] : [.read, .write], origin: "AMD IVMD")
    case .amdHyperTransport:
      ReservedRegion(
        base: 0xfd_0000_0000, length: 0x3_0000_0000, kind: .reserved, origin: "AMD HyperTransport")
    case .armRMR(let base, let length, let flags):
      ReservedRegion(
        base: base, length: length,
        kind: flags.contains(.remapPermitted) ? .directRelaxable : .direct,
        attributes: flags.attributes, origin: "IORT RMR")
    case .msiDirect(let base, let length):
      ReservedRegion(
        base: base, length: length, kind: .msiDirect, attributes: [.read, .write, .mmio],
        origin: "MSI_DIRECT (proposed)")
    case .hi161x(let itsBase):
      ReservedRegion(
        base: IOVA(itsBase.rawValue &+ 0x1_0000), length: 0x1_0000, kind: .hardwareMSI,
        attributes: [.write, .noExecute, .mmio], origin: "HI161X ITS")
    case .softwareMSIWindow(let window):
      ReservedRegion(
        base: IOVA(window.base), length: window.length, kind: .softwareMSI,
        attributes: [.write, .noExecute, .mmio], origin: "SMMU driver")
    case .virtioIOMMU(let base, let length, let isMSI):
      ReservedRegion(
        base: base, length: length, kind: isMSI ? .hardwareMSI : .reserved,
        attributes: isMSI ? [.write, .noExecute, .mmio] : [], origin: "virtio-iommu")
    case .deviceTree(let base, let length, let physical):
      ReservedRegion(
        base: base, length: length,
        kind: physical?.rawValue == base.rawValue ? .direct : .reserved,
        attributes: [.read, .write], origin: "device tree iommu-addresses")
    }
  }
}

extension RegionSource.RMRFlags {
  /// Attributes of the direct mapping (`iort_get_rmrs`).
  var attributes: MappingAttributes {
    var attributes: MappingAttributes = [.read, .write]
    if contains(.privileged) { attributes.insert(.privileged) }
    if accessAttributes <= 3 { attributes.insert(.mmio) }
    if accessAttributes == 5 { attributes.insert(.cache) }
    return attributes
  }
}
