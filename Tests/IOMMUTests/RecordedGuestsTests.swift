import Bits
import IOMMU
import Linux
import Testing

/// What recorded machines of QEMU's `virt` held in their MSI capabilities, and what sysfs listed:
/// the same configuration must give the same numbers here.
@Suite("Recorded guests")
struct RecordedGuestsTests {
  enum User: Sendable { case driver, passthrough, type1, iommufd }

  struct Machine: Sendable, CustomTestStringConvertible {
    let name: String
    let kernel: KernelVersion
    var granule: UInt64 = 4096
    var doorbell: PA = 0x809_0040
    let user: User
    let address: IOVA
    var testDescription: String { name }
  }

  static let machines = [
    Machine(name: "dma-strict-4cpu", kernel: .init(6, 12), user: .driver, address: 0xffff_f040),
    Machine(
      name: "k73-16k-dma-2cpu", kernel: .init(7, 3), granule: 16384, user: .driver,
      address: 0xffff_c040),
    Machine(
      name: "gicv2m-smmu", kernel: .init(6, 12), doorbell: 0x802_0040, user: .driver,
      address: 0xffff_f040),
    Machine(
      name: "passthrough-4cpu", kernel: .init(6, 12), user: .passthrough, address: 0x809_0040),
    Machine(name: "vfio-hold-s1", kernel: .init(6, 12), user: .type1, address: 0x800_0040),
    Machine(
      name: "nested-iommufd-hold", kernel: .init(7, 3), user: .iommufd, address: 0x800_0040),
  ]

  @Test(
    "the address in the device is the recorded one, and reaches the doorbell", arguments: machines)
  func messageAddress(machine: Machine) throws {
    let device = IOMMUDevice(
      name: "device", function: .storage, sources: [.softwareMSI], doorbell: machine.doorbell)
    let group = IOMMUGroup(
      [device], version: machine.kernel,
      defaultKind: machine.user == .passthrough ? .identity : .dma, granule: machine.granule)
    let file = IOMMUFD(version: machine.kernel, pageSize: machine.granule)
    switch machine.user {
    case .driver, .passthrough: break
    case .type1: try Type1Container().attach(group)
    case .iommufd:
      let space = file.allocateAddressSpace()
      let id = try file.bind(device, of: group)
      let parent = try file.allocatePaging(device: id, addressSpace: space, isNestParent: true)
      try file.attach(device: id, to: parent)
    }
    let address = try group.prepareMessage(for: machine.doorbell, window: file.doorbells)
    #expect(address == machine.address)
    #expect(group.domain.translate(address) == machine.doorbell)
  }

  @Test("sysfs lists the window alone, or behind the RMR that permits remapping")
  func regions() {
    func lines(_ sources: [RegionSource]) -> [String] {
      IOMMUDevice(name: "device", function: .storage, sources: sources, doorbell: 0)
        .regions.map(\.sysfsLine)
    }
    #expect(lines([.softwareMSI]) == ["0x0000000008000000 0x00000000080fffff msi"])
    // The machine "acpi-rmr-2cpu".
    let range = RegionSource.armRMR(
      base: 0x800_0000, length: 0x10_0000, flags: .remapPermitted)
    #expect(
      lines([range, .softwareMSI]) == [
        "0x0000000008000000 0x00000000080fffff direct-relaxable",
        "0x0000000008000000 0x00000000080fffff msi",
      ])
  }
}
