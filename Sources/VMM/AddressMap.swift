public import Bits

/// Where a VMM puts what its guest sees, as IPAs.
public struct AddressMap: Equatable, Sendable {
  public var distributor: IPA
  public var itsBase: IPA
  public var redistributors: IPA
  /// The length of the region that they stand in.
  public var redistributorsSize: UInt64
  /// One 64 KiB pair of frames for each CPU.
  public var redistributorStride: UInt64
  /// The first vSMMU's register page 0; page 1 follows 64 KiB later, and then further vSMMUs.
  public var smmuBase: IPA
  /// The first assigned function's MSI-X table, behind its BAR; those of further functions follow
  /// 64 KiB apart.
  public var msixTable: IPA
  public var ramBase: IPA
  public var ramSize: UInt64
  /// The page of the GICv2m frame; `nil` with a virtual ITS.
  public var messageFrame: IPA?

  /// QEMU's `virt` machine with a device SMMU and an NVMe behind a root port
  /// (hw/arm/virt.c `base_memmap`).
  public static let qemuVirt = Self(
    distributor: 0x800_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000,
    redistributorsSize: 0xf6_0000, redistributorStride: 0x2_0000,
    smmuBase: 0xc00_0000, msixTable: 0x1000_2000, ramBase: 0x4000_0000, ramSize: 768 << 20)

  /// The SPIs of QEMU's GICv2m frame: 64 from SPI 48 on (hw/arm/virt.c `NUM_GICV2M_SPIS`, `irqmap`).
  public static let messageSPIs: Range<UInt32> = 80..<144

  /// The virtual ITS's doorbell, `GITS_TRANSLATER`, or that of the GICv2m frame, `MSI_SETSPI_NS`.
  public var doorbell: IPA { messageFrame.map { $0 + 0x40 } ?? itsBase + 0x1_0040 }

  /// The names of the parts that lie over a range of addresses.
  public func parts(over range: Range<UInt64>) -> [String] {
    let parts: KeyValuePairs<String, (IPA, UInt64)> = [
      "GICD": (distributor, 0x1_0000), "ITS": (itsBase, 0x2_0000),
      "GICR": (redistributors, redistributorsSize), "SMMU": (smmuBase, 0x2_0000),
      "RAM": (ramBase, ramSize),
    ]
    return parts.filter { range.overlaps($0.value.0.rawValue..<$0.value.0.rawValue + $0.value.1) }
      .map(\.key)
  }

  /// Where vSMMU number `index` stands.
  public func smmu(_ index: Int) -> IPA { smmuBase + UInt64(index) * 0x2_0000 }

  /// Where the MSI-X table of assigned function number `index` stands.
  public func msixTable(of index: Int) -> IPA { msixTable + UInt64(index) * Self.barSpacing }

  /// The distance of two assigned functions' BARs.
  public static let barSpacing: UInt64 = 0x1_0000
}
