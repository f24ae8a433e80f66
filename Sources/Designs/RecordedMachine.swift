internal import Bits
internal import Machine
internal import Memory

/// The machine that the shipped recordings were made on, QEMU's `virt`, and a second bank of RAM
/// for what no recording places.
enum RecordedMachine {
  static let recordedBank = PhysicalMemory.Region(base: 0x4000_0000, size: 0xc000_0000)
  static let secondBank = PhysicalMemory.Region(base: 0x1_0000_0000, size: 0x8000_0000)
  /// Where the second bank keeps the host's structures, behind the guest's RAM.
  static let hostFrames: PA = 0x1_4000_0000
  static let hostFramesSize: UInt64 = 0x4000_0000

  static let layout = Machine.Layout(
    smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, bar: 0x80_0000_0000,
    barSize: 0x1_0000)
  /// QEMU's `virt` with `msi=gicv2m`: a frame with SPIs 80 to 143, and no ITS at any address that
  /// can be reached.
  static let layoutWithMessageFrame: Machine.Layout = {
    var layout = Self.layout
    layout.itsBase = 0xffff_ffff_fffc_0000
    layout.distributor = 0x800_0000
    layout.messageFrame = 0x802_0000
    return layout
  }()
  static func layout(of controller: HostMSIController) -> Machine.Layout {
    controller == .its ? layout : layoutWithMessageFrame
  }
  static let frameSPIs: Range<UInt32> = 80..<144
  static let cpus = 2
  static let msixCapability: UInt16 = 0x70
  static let msiCapability: UInt16 = 0x40
  /// The offset of the MSI-X table in its BAR.
  static let tableOffset: UInt64 = 0x2000
}
