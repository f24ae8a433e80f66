import Bits
import Linux
import Software
import Testing

@testable import IOMMU

/// Where the doorbells of several ITSs come to stand.
@Suite("Doorbell placement")
struct DoorbellPlacementTests {
  enum User { case type1, iommufd }

  /// Each group takes a message for its ITS, in this order; what each comes to.
  private func addresses(
    _ user: User, _ kernel: Kernel, of doorbells: [PA], order: [Int]
  ) throws -> [IOVA?] {
    let file = IOMMUFD(by: .guest, kernel: kernel)
    var groups: [IOMMUGroup] = []
    for (index, doorbell) in doorbells.enumerated() {
      let device = IOMMUDevice(
        name: "device \(index)", function: .other, sources: [.softwareMSI], doorbell: doorbell)
      let group = IOMMUGroup([device], agent: .guest, kernel: kernel)
      switch user {
      case .type1: try Type1Container(by: .guest).attach(group)
      case .iommufd:
        let id = try file.bind(device, of: group)
        try file.attach(device: id, to: file.allocateAddressSpace())
      }
      groups.append(group)
    }
    var addresses = [IOVA?](repeating: nil, count: groups.count)
    for index in order {
      let group = groups[index]
      let address = try group.prepareMessage(for: doorbells[index], window: file.doorbells)
      #expect(group.domain.translate(address) == doorbells[index])
      addresses[index] = address
    }
    return addresses
  }

  @Test("a cookie counts on its own, iommufd's list counts for the file, in order of first use")
  func severalITSs() throws {
    let its: [PA] = [0x809_0040, 0x60_0809_0040]
    let old = Kernel(6, 14)
    let new = Kernel(6, 15)
    for version in [old, new] {
      #expect(
        try addresses(.type1, version, of: its, order: [0, 1]) == [0x800_0040, 0x800_0040])
    }
    #expect(try addresses(.iommufd, old, of: its, order: [1, 0]) == [0x800_0040, 0x800_0040])
    #expect(try addresses(.iommufd, new, of: its, order: [0, 1]) == [0x800_0040, 0x800_1040])
    #expect(try addresses(.iommufd, new, of: its, order: [1, 0]) == [0x800_1040, 0x800_0040])
    #expect(
      try addresses(.iommufd, new, of: [its[0], its[1], its[0]], order: [2, 1, 0])
        == [0x800_0040, 0x800_1040, 0x800_0040])
  }

  @Test("a domain of a device with a doorbell alias has the alias, which its messages hold")
  func alias() throws {
    for user in [.type1, .iommufd] as [User] {
      let device = IOMMUDevice(
        name: "nic", function: .network,
        sources: [.msiDirect(base: 0x900_0000, length: 0x1000), .softwareMSI],
        doorbell: 0x809_0040)
      let group = IOMMUGroup([device], kernel: Kernel(7, 3))
      let file = IOMMUFD(kernel: Kernel(7, 3))
      switch user {
      case .type1: try Type1Container().attach(group)
      case .iommufd:
        try file.attach(
          device: file.bind(device, of: group), to: file.allocateAddressSpace())
      }
      #expect(
        try group.prepareMessage(for: 0x809_0040, window: file.doorbells) == 0x900_0040)
      #expect(group.domain.translate(0x900_0040) == 0x900_0040)
    }
  }

  @Test("direct regions are mapped in runs around what is mapped already")
  func runs() {
    let device = IOMMUDevice(
      name: "raid", function: .storage,
      sources: [
        .armRMR(base: 0x1_0000, length: 0x4000, flags: []),
        .armRMR(base: 0x1_2000, length: 0x8000, flags: .remapPermitted),
      ], doorbell: 0)
    let group = IOMMUGroup([device], kernel: Kernel(6, 5))
    #expect(group.domain.ranges.map(\.range) == [0x1_0000...0x1_3fff, 0x1_4000...0x1_9fff])
    #expect(group.firmwareCanAccess)
  }
}
