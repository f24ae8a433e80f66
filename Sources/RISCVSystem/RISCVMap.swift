internal import Bits

/// Where things are in the machine, and in each VM; all assumed, in the manner of QEMU's virt machine.
enum RISCVMap {
  /// RAM of the host's kernel.
  static let hostRAM: PA = 0x8000_0000
  static let hostRAMSize: UInt64 = 0x1000_0000
  static let iommu: PA = 0x301_0000
  static let interruptFiles: PA = 0x2400_0000
  static let harts = 2
  /// GEILEN.
  static let guestFiles = 3
  /// Identities of each file.
  static let identities: UInt32 = 255

  /// RAM of the VMs, one after the other.
  static let guestRAMSize: UInt64 = 0x4000_0000
  static func ram(ofVM vm: Int) -> PA { 0x1_0000_0000 + UInt64(vm) * guestRAMSize }
  /// RAM in each guest's view.
  static let guestRAM: IPA = 0x8000_0000
  /// The interrupt files of each guest's virtual harts, one page each (QEMU, VIRT_IMSIC_S).
  static let guestInterruptFiles: IPA = 0x2800_0000

  /// Where the window of the posted series begins in a domain: assumed.
  static let window: IOVA = 0x800_0000

  static func bar(ofDevice device: Int) -> PA { 0x40_0000_0000 + UInt64(device) * 0x1_0000 }
  static func guestBAR(ofDevice device: Int) -> PA { 0x4000_0000 + UInt64(device) * 0x1_0000 }
  static let barSize: UInt64 = 0x1_0000
  static let pendingOffset: UInt32 = 0x8000
  /// The identity that Linux keeps for IPIs (irq-riscv-imsic-state.c, IMSIC_IPI_ID).
  static let firstIdentity: UInt32 = 2
}
