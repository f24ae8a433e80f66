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
  /// The vSMMU's register page 0; page 1 follows 64 KiB later.
  public var smmuBase: IPA
  /// The assigned function's MSI-X table, behind its BAR.
  public var msixTable: IPA
  public var ramBase: IPA
  public var ramSize: UInt64

  /// QEMU's `virt` machine with a device SMMU and an NVMe behind a root port
  /// (hw/arm/virt.c `base_memmap`).
  public static let qemuVirt = Self(
    distributor: 0x800_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000,
    redistributorsSize: 0xf6_0000, redistributorStride: 0x2_0000,
    smmuBase: 0xc00_0000, msixTable: 0x1000_2000, ramBase: 0x4000_0000, ramSize: 768 << 20)

  /// The same machine with the page of the virtual ITS's doorbell on the first page of the software
  /// MSI window, and the distributor moved out of its way.
  public static let coincident: Self = {
    var map = qemuVirt
    map.itsBase = 0x7ff_0000
    map.distributor = 0x918_0000
    return map
  }()

  /// The virtual ITS's doorbell, `GITS_TRANSLATER`.
  public var doorbell: IPA { itsBase + 0x1_0040 }
}
