import Bits
import Flows
import IOMMU
import Linux
import Testing

/// Names such as IFD-02 are those of the conformance rows on iommufd.
@Suite("IOMMUFD")
struct IOMMUFDTests {
  let device = IOMMUDevice(
    name: "nic", function: .network, sources: [.softwareMSI], doorbell: 0x809_0040)
  let file = IOMMUFD(version: KernelVersion(6, 18))
  let space: UInt32
  let id: UInt32

  init() throws {
    space = file.allocateAddressSpace()
    let group = IOMMUGroup([device], version: KernelVersion(6, 18))
    id = try file.bind(device, of: group)
  }

  private func errno<Result>(_ body: () throws(Refusal) -> Result) -> String? {
    do throws(Refusal) {
      _ = try body()
      return nil
    } catch { return error.errno }
  }

  private func nestParent() throws -> UInt32 {
    try file.allocatePaging(device: id, addressSpace: space, isNestParent: true)
  }

  @Test("IFD-01, IFD-02: what does not exist or is used cannot be destroyed")
  func destroying() throws {
    #expect(errno { () throws(Refusal) in try file.destroy(0) } == "ENOENT")
    try file.attach(device: id, to: space)
    #expect(errno { () throws(Refusal) in try file.destroy(space) } == "EBUSY")
  }

  @Test("IFD-08: what a nested table cannot be made of")
  func nestedTables() throws {
    let parent = try nestParent()
    let plain = try file.allocatePaging(device: id, addressSpace: space)
    let nested = try file.allocateNested(device: id, parent: parent)
    func refusal(
      _ parent: UInt32, hasData: Bool = true, isKnownType: Bool = true, isNestParent: Bool = false
    ) -> String? {
      errno { () throws(Refusal) in
        try file.allocateNested(
          device: id, parent: parent, hasData: hasData, isKnownType: isKnownType,
          isNestParent: isNestParent)
      }
    }
    #expect(refusal(parent, hasData: false) == "EINVAL")
    #expect(refusal(parent, isKnownType: false) == "EOPNOTSUPP")
    #expect(refusal(parent, isNestParent: true) == "EOPNOTSUPP")
    #expect(refusal(plain) == "EINVAL")
    #expect(refusal(nested) == "EINVAL")
    #expect(refusal(parent) == nil)
  }

  @Test("IFD-09, IFD-13: tables in use stay, and are free after a replacement")
  func usedTables() throws {
    let parent = try nestParent()
    let first = try file.allocateNested(device: id, parent: parent)
    let second = try file.allocateNested(device: id, parent: parent)
    #expect(errno { () throws(Refusal) in try file.destroy(parent) } == "EBUSY")
    try file.attach(device: id, to: first)
    #expect(errno { () throws(Refusal) in try file.destroy(first) } == "EBUSY")
    try file.replace(device: id, by: second)
    try file.destroy(first)
  }

  @Test("IFD-14, IFD-15: vIOMMUs want a nest parent, and hold it")
  func virtualIOMMUs() throws {
    let parent = try nestParent()
    let plain = try file.allocatePaging(device: id, addressSpace: space)
    func refusal(_ parent: UInt32, isKnownType: Bool = true) -> String? {
      errno { () throws(Refusal) in
        try file.allocateVirtualIOMMU(device: id, parent: parent, isKnownType: isKnownType)
      }
    }
    #expect(refusal(0) == "ENOENT")
    #expect(refusal(plain) == "EINVAL")
    #expect(refusal(parent, isKnownType: false) == "EOPNOTSUPP")
    let viommu = try file.allocateVirtualIOMMU(device: id, parent: parent)
    #expect(errno { () throws(Refusal) in try file.destroy(parent) } == "EBUSY")
    _ = try file.allocateNested(device: id, parent: viommu)
    #expect(errno { () throws(Refusal) in try file.destroy(viommu) } == "EBUSY")
  }

  @Test("IFD-17, IFD-18: one vDEVICE for each virtual ID, one event queue of each kind")
  func virtualDevices() throws {
    let viommu = try file.allocateVirtualIOMMU(device: id, parent: nestParent())
    func allocate(_ virtualID: UInt64) throws(Refusal) -> UInt32 {
      try file.allocateVirtualDevice(viommu: viommu, device: id, virtualID: virtualID)
    }
    let first = try allocate(0x99)
    #expect(errno { () throws(Refusal) in try allocate(0x99) } == "EEXIST")
    try file.destroy(first)
    _ = try allocate(0x88)
    _ = try file.allocateEventQueue(viommu: viommu, kind: 1)
    #expect(
      errno { () throws(Refusal) in try file.allocateEventQueue(viommu: viommu, kind: 1) }
        == "EEXIST")
  }

  @Test("VF-09: binding twice and attaching to nothing fail")
  func binding() throws {
    let group = IOMMUGroup([device], version: KernelVersion(6, 18))
    #expect(errno { () throws(Refusal) in try file.bind(device, of: group) } == "EINVAL")
    #expect(
      errno { () throws(Refusal) in try file.attach(device: id, to: 0xffff_ffff) } == "ENOENT")
  }

  @Test("ASV-15: two files with the same ITS page both use the window's first page")
  func twoMachines() throws {
    for _ in 0..<2 {
      let file = IOMMUFD(version: KernelVersion(6, 18))
      let group = IOMMUGroup([device], version: KernelVersion(6, 18))
      let id = try file.bind(device, of: group)
      try file.attach(device: id, to: file.allocateAddressSpace())
      #expect(
        try group.prepareMessage(for: 0x2020_0040, window: file.doorbells) == 0x800_0040)
    }
  }
}
