internal import ArmFormats
internal import Bits

// Configuration space (PCI Express base specification, 7.5.1 and 7.7).
extension PCIFunction {
  static let commandOffset = 0x04
  /// Bus Master Enable.
  static let busMaster: UInt32 = 1 << 2

  /// Reads configuration space: 1, 2 or 4 bytes, naturally aligned; all ones otherwise.
  public func readConfig(_ offset: Int, width: Int) -> UInt32 {
    // The mask and pending registers live in fields of their own.
    if let msi = profile.msi, msi.hasVectorMasking, width == 4,
      offset == pendingRegister(msi)
    {
      return pendingMSI
    }
    return space.read(offset, width: width)
  }

  /// Writes configuration space.
  ///
  /// - Returns: the messages that the write released, in order of vector.
  @discardableResult
  public mutating func writeConfig(_ offset: Int, _ value: UInt32, width: Int) -> [Emission] {
    space.write(offset, value, width: width)
    refresh()
    return takeUnmasked()
  }

  /// The bus and device numbers that software enumerated are the profile's; the command register
  /// decides what the function may do.
  private mutating func refresh() {
    masters = space.read(Self.commandOffset, width: 2) & Self.busMaster != 0
    guard msixCapability != 0 else { return }
    let control = MSIXControl(rawValue: UInt64(space.read(msixCapability + 2, width: 2)))
    // A store inside the device is under none of MSI-X's switches.
    msixEnabled = control[.enable] || profile.msix?.store == .device
    msixMasked = control[.functionMask] && profile.msix?.store == .table
  }

  mutating func defineHeader() {
    let vendor = profile.isVirtualFunction ? 0xffff : profile.vendor
    let device = profile.isVirtualFunction ? 0xffff : profile.device
    space.define(0x00, UInt32(vendor), width: 2)
    space.define(0x02, UInt32(device), width: 2)
    // Memory space, bus master, SERR, INTx disable; a virtual function has bus master only.
    space.define(
      Self.commandOffset, 0, width: 2, writable: profile.isVirtualFunction ? 0x4 : 0x546)
    // A capability list follows.
    space.define(0x06, 0x10, width: 2)
    space.define(0x08, profile.classCode << 8 | 1, width: 4)
    guard !profile.isVirtualFunction, profile.barSize > 0 else { return }
    let bar = 0x10 + 4 * (profile.msix?.bar ?? 0)
    // A 64-bit memory BAR: the bits below its size read as zero.
    let mask = ~(profile.barSize &- 1)
    space.define(bar, 0x4, width: 4, writable: UInt32(truncatingIfNeeded: mask) & ~0xf)
    guard bar < 0x24 else { return }
    space.define(bar + 4, 0, width: 4, writable: UInt32(truncatingIfNeeded: mask >> 32))
  }

  /// The address that software gave to the BAR with the MSI-X table.
  public var barAddress: UInt64 {
    let bar = 0x10 + 4 * (profile.msix?.bar ?? 0)
    let high = bar < 0x24 ? UInt64(space.read(bar + 4, width: 4)) : 0
    return UInt64(space.read(bar, width: 4) & ~0xf) | high << 32
  }

  mutating func define(
    _ msix: PCIFunctionProfile.MSIX, at offset: Int, after last: inout Int
  ) -> Int {
    link(0x11, at: offset, after: &last)
    space.define(offset + 2, UInt32(msix.vectors - 1), width: 2, writable: 0xc000)
    // A device that keeps its messages inside has a capability, but no table behind the BAR.
    let bar = UInt32(msix.bar)
    space.define(offset + 4, msix.tableOffset | bar, width: 4)
    space.define(offset + 8, msix.pendingOffset | bar, width: 4)
    return offset
  }

  mutating func define(
    _ msi: PCIFunctionProfile.MSI, at offset: Int, after last: inout Int
  ) -> Int {
    link(0x05, at: offset, after: &last)
    var control = MSIControl()
    control[.capable] = msi.logVectors
    control[.wideAddress] = msi.hasWideAddress
    control[.vectorMasking] = msi.hasVectorMasking
    space.define(offset + 2, UInt32(control.rawValue), width: 2, writable: 0x71)
    space.define(offset + 4, 0, width: 4, writable: ~3)
    var next = offset + 8
    if msi.hasWideAddress {
      space.define(next, 0, width: 4, writable: ~0)
      next += 4
    }
    space.define(next, 0, width: 2, writable: 0xffff)
    if msi.hasVectorMasking {
      let vectors = UInt32(lowBits(1 << UInt64(msi.logVectors)))
      space.define(next + 4, 0, width: 4, writable: vectors)
    }
    return offset
  }

  /// Offset of the ATS extended capability, where the profile has one.
  public static let atsCapability = 0x100

  /// The ATS extended capability (PCI Express base specification, 10.5.1): 32 invalidations at a
  /// time, page-aligned requests; software writes smallest translation unit and enable.
  mutating func defineATS() {
    space.define(Self.atsCapability, 1 << 16 | 0xf, width: 4)
    space.define(Self.atsCapability + 4, 1 << 5, width: 2)
    space.define(Self.atsCapability + 6, 0, width: 2, writable: 0x801f)
  }

  private mutating func link(_ identifier: UInt32, at offset: Int, after last: inout Int) {
    space.define(last, UInt32(offset), width: 1)
    space.define(offset, identifier, width: 1)
    space.define(offset + 1, 0, width: 1)
    last = offset + 1
  }
}
