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
  static let cpus = 2
  static let msixCapability: UInt16 = 0x70
  static let msiCapability: UInt16 = 0x40
  /// The offset of the MSI-X table in its BAR.
  static let tableOffset: UInt64 = 0x2000
}
