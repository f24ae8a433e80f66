import Bits
import IOMMU
import Linux
import Software
import Testing

/// Names such as IFD-02 are those of the conformance rows on iommufd.
@Suite("IOMMUFD")
struct IOMMUFDTests {
  let device = IOMMUDevice(
    name: "nic", function: .network, sources: [.softwareMSI], doorbell: 0x809_0040)
  let file = IOMMUFD(kernel: Kernel(6, 18))
  let space: UInt32
  let id: UInt32

  init() throws {
    space = file.allocateAddressSpace()
    let group = IOMMUGroup([device], kernel: Kernel(6, 18))
    id = try file.bind(device, of: group)
  }

  private func errno<Result>(_ body: () throws(Refusal) -> Result) -> String? {
    do throws(Refusal) {
      _ = try body()
      return nil
    } catch { return error.errno }
  }

  private func nestParent() throws -> UInt32 {
    try file.allocatePaging(device: id, addressSpace: space, flags: .nestParent)
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
      _ parent: UInt32, hasData: Bool = true, isKnownType: Bool = true,
      flags: IOMMUFD.TableFlags = []
    ) -> String? {
      errno { () throws(Refusal) in
        try file.allocateNested(
          device: id, parent: parent, hasData: hasData, isKnownType: isKnownType,
          flags: flags)
      }
    }
    #expect(refusal(parent, hasData: false) == "EINVAL")
    #expect(refusal(parent, isKnownType: false) == "EOPNOTSUPP")
    #expect(refusal(parent, flags: .nestParent) == "EOPNOTSUPP")
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
    let group = IOMMUGroup([device], kernel: Kernel(6, 18))
    #expect(errno { () throws(Refusal) in try file.bind(device, of: group) } == "EINVAL")
    #expect(
      errno { () throws(Refusal) in try file.attach(device: id, to: 0xffff_ffff) } == "ENOENT")
  }

  @Test("ASV-15: two files with the same ITS page both use the window's first page")
  func twoMachines() throws {
    for _ in 0..<2 {
      let file = IOMMUFD(kernel: Kernel(6, 18))
      let group = IOMMUGroup([device], kernel: Kernel(6, 18))
      let id = try file.bind(device, of: group)
      try file.attach(device: id, to: file.allocateAddressSpace())
      #expect(
        try group.prepareMessage(for: 0x2020_0040, window: file.doorbells) == 0x800_0040)
    }
  }
}

/// The rows on what a guest or a PASID gets of its own.
@Suite("IOMMUFD: queues, PASIDs and page requests")
struct IOMMUFDGuestObjectTests {
  let file = IOMMUFD(kernel: Kernel(6, 18))
  let space: UInt32
  let id: UInt32
  let parent: UInt32
  let group: IOMMUGroup

  init() throws {
    let device = IOMMUDevice(
      name: "nic", function: .network, sources: [.softwareMSI], doorbell: 0x809_0040)
    space = file.allocateAddressSpace()
    group = IOMMUGroup([device], kernel: Kernel(6, 18))
    id = try file.bind(device, of: group)
    parent = try file.allocatePaging(device: id, addressSpace: space, flags: .nestParent)
  }

  private func errno<Result>(_ body: () throws(Refusal) -> Result) -> String? {
    do throws(Refusal) {
      _ = try body()
      return nil
    } catch { return error.errno }
  }

  @Test("IFD-22: hardware queues lie in mapped memory and come in order, each once")
  func hardwareQueues() throws {
    let viommu = try file.allocateVirtualIOMMU(device: id, parent: parent)
    let mapped: IPA = 0x4000_0000
    try file.addressSpace(space).map(at: IOVA(mapped.rawValue), length: 0x10_0000, to: 0x1000_0000)
    func refusal(
      _ index: UInt32, at address: IPA = mapped, length: UInt64 = 4096, isKnownType: Bool = true
    ) -> String? {
      errno { () throws(Refusal) in
        try file.allocateHardwareQueue(
          viommu: viommu, index: index, at: address, length: length, isKnownType: isKnownType)
      }
    }
    #expect(refusal(0, isKnownType: false) == "EOPNOTSUPP")
    #expect(refusal(0, length: 0) == "EINVAL")
    #expect(refusal(0, at: IPA(.max)) == "EOVERFLOW")
    #expect(refusal(0, at: 0x5000_0000) == "ENOENT")
    #expect(refusal(1) == "EIO")
    #expect(refusal(2) == "EINVAL")
    #expect(refusal(0) == nil)
    #expect(refusal(0) == "EEXIST")
    #expect(refusal(1, at: mapped + 4096) == nil)
    #expect(errno { () throws(Refusal) in try file.destroy(viommu) } == "EBUSY")
  }

  @Test("what a hardware queue reads stays mapped until the queue is gone")
  func pinned() throws {
    let viommu = try file.allocateVirtualIOMMU(device: id, parent: parent)
    let range: ClosedRange<UInt64> = 0x4000_0000...0x400f_ffff
    let ioas = try file.addressSpace(space)
    // Two areas side by side; the queue lies across their border.
    try ioas.map(at: IOVA(range.lowerBound), length: 0x8_0000, to: 0x1000_0000)
    try ioas.map(at: IOVA(range.lowerBound + 0x8_0000), length: 0x8_0000, to: 0x2000_0000)
    let queue = try file.allocateHardwareQueue(
      viommu: viommu, index: 0, at: 0x4007_f000, length: 0x2000)
    #expect(errno { () throws(Refusal) in try ioas.unmap(range) } == "EBUSY")
    try file.destroy(queue)
    #expect(try ioas.unmap(range) == 0x10_0000)
  }

  @Test("IFD-24: register pages are mapped whole, and hold their vIOMMU")
  func registerPages() throws {
    let viommu = try file.allocateVirtualIOMMU(device: id, parent: parent)
    let size = IOMMUFD.registerPages
    for (offset, length) in [(4096, size), (8192, size), (0, size / 2), (0, size * 2)] {
      #expect(
        errno { () throws(Refusal) in
          try file.mapRegisters(viommu: viommu, offset: UInt64(offset), length: length)
        } == "ENXIO")
    }
    try file.mapRegisters(viommu: viommu, offset: 0, length: size)
    #expect(errno { () throws(Refusal) in try file.destroy(viommu) } == "EBUSY")
    file.unmapRegisters(viommu: viommu)
    try file.destroy(viommu)
  }

  @Test("IFD-25: a page request is read and answered once")
  func pageRequests() throws {
    func allocate(_ queue: UInt32, _ flags: IOMMUFD.TableFlags) throws(Refusal) -> UInt32 {
      try file.allocateNested(device: id, parent: parent, flags: flags, faultQueue: queue)
    }
    #expect(errno { () throws(Refusal) in try allocate(.max, .faultIDValid) } == "ENOENT")
    #expect(
      errno { () throws(Refusal) in try allocate(0, .init(rawValue: 1 << 31)) } == "EOPNOTSUPP")
    let queue = file.allocateFaultQueue()
    let table = try allocate(queue, .faultIDValid)
    #expect(!file.requestPage(0x1000, device: id), "nobody answers before the table is attached")
    try file.attach(device: id, to: table)
    #expect(file.requestPage(0x1000, device: id))
    let requests = try file.readFaults(queue)
    #expect(requests.map(\.address) == [0x1000])
    let cookie = try #require(requests.first).cookie
    #expect(try file.answerFault(queue, cookie: cookie).device == id)
    #expect(
      errno { () throws(Refusal) in try file.answerFault(queue, cookie: cookie) } == "EINVAL")
    #expect(errno { () throws(Refusal) in try file.destroy(queue) } == "EBUSY")
  }

  @Test("IFD-28: the window moves in steps of 1 MiB, and doorbells follow it")
  func movedWindow() throws {
    for start: IOVA in [0x7fff_ffff, 0x7fff_ff00, 0x7fff_0000] {
      #expect(
        errno { () throws(Refusal) in try file.moveWindow(ofDevice: id, to: start) } == "EINVAL")
    }
    try file.moveWindow(ofDevice: id, to: 0x7ff0_0000)
    try file.attach(device: id, to: parent)
    #expect(try group.prepareMessage(for: 0x809_0040, window: file.doorbells) == 0x7ff0_0040)
  }

  @Test("IFD-26: a PASID wants tables that were made for PASIDs, its own and the device's")
  func pasids() throws {
    let plain = try file.allocatePaging(device: id, addressSpace: space)
    let able = try file.allocatePaging(device: id, addressSpace: space, flags: .pasid)
    func refusal(_ target: UInt32) -> String? {
      errno { () throws(Refusal) in try file.attach(device: id, pasid: 100, to: target) }
    }
    #expect(refusal(plain) == "EINVAL")
    try file.attach(device: id, to: plain)
    #expect(refusal(able) == "EINVAL")
    #expect(file.table(ofDevice: id, pasid: 100) == nil)
    try file.replace(device: id, by: able)
    #expect(refusal(able) == nil)
    #expect(file.table(ofDevice: id, pasid: 100) == able)
    #expect(errno { () throws(Refusal) in try file.replace(device: id, by: plain) } == "EINVAL")
    let nested = try file.allocateNested(device: id, parent: parent)
    #expect(errno { () throws(Refusal) in try file.replace(device: id, by: nested) } == "EBUSY")
    file.detach(device: id, pasid: 100)
    try file.replace(device: id, by: nested)
  }
}
