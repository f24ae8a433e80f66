internal import Bits
internal import HostKernel
public import Machine
internal import Memory
internal import VMM

/// A range of one address space with one owner.
public struct AddressRegion: Equatable, Sendable {
  /// Kind of region, as a CPU that accesses it sees it.
  public enum Kind: String, Sendable {
    case memory
    /// An emulated device: the access leaves the guest.
    case trapped
    /// A device's own registers.
    case device
  }

  public let name: String
  public let base: UInt64
  /// In bytes.
  public let length: UInt64
  public let kind: Kind
  /// Whether it is a page with `GITS_TRANSLATER`, to which devices write their MSIs.
  public let isDoorbell: Bool

  init(
    _ name: String, _ base: UInt64, _ length: UInt64, _ kind: Kind, isDoorbell: Bool = false
  ) {
    self.name = name
    self.isDoorbell = isDoorbell
    self.base = base
    self.length = length
    self.kind = kind
  }

  public func contains(_ address: UInt64) -> Bool { address &- base < length }

  /// Returns the address map of a physical machine: ITSs, SMMUs, BARs and RAM.
  public static func physical(_ machine: MachineDescription) -> [AddressRegion] {
    var regions: [AddressRegion] = []
    for (index, base) in machine.host.itses.enumerated() {
      let name = index == 0 ? "host ITS" : "host ITS \(index)"
      regions += [
        .init(name, base.rawValue, 0x1_0000, .device),
        .init(
          "\(name) doorbell page", base.rawValue + 0x1_0000, 0x1_0000, .device, isDoorbell: true),
      ]
    }
    for (index, base) in machine.host.smmus.enumerated() {
      let name = index == 0 ? "host SMMU" : "host SMMU \(index)"
      regions.append(.init(name, base.rawValue, 0x2_0000, .device))
    }
    for (index, device) in machine.devices.enumerated() {
      let name = index == 0 ? "device's BAR" : "BAR of device \(index)"
      regions.append(.init(name, device.bar.base, device.bar.length, .device))
    }
    return regions + machine.host.ram.map { .init("RAM", $0.base, $0.length, .memory) }
  }
}

extension RunResult {
  /// Address map of the guest's CPUs by IPA: their stage 2, and the devices that the VMM and KVM
  /// emulate where it maps nothing. The device's stage 2 is another.
  public var processorView: [AddressRegion] {
    let map = design.addressMap(of: machine?.guest ?? .qemuVirt)
    let isDirect = design.msixEntry == .untrapped
    return [
      .init("virtual distributor", map.distributor.rawValue, 0x1_0000, .trapped),
      .init("virtual ITS", map.itsBase.rawValue, 0x1_0000, .trapped),
      .init(
        "virtual ITS doorbell page", map.itsBase.rawValue + 0x1_0000, 0x1_0000, .trapped,
        isDoorbell: true),
      .init(
        "virtual redistributors", map.redistributors.rawValue, map.redistributorsSize, .trapped),
    ]
      + (design.iommu == .nested
        ? [.init("virtual SMMU", map.smmuBase.rawValue, 0x2_0000, .trapped)] : [])
      + [
        .init(
          isDirect ? "device's MSI-X table" : "emulated MSI-X table", map.msixTable.rawValue,
          0x1000, isDirect ? .device : .trapped)
      ]
      + map.ram.map { .init("RAM", $0.base, $0.length, .memory) }
  }
}
