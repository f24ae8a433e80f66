internal import Bits
internal import Firmware
internal import Flows
internal import GIC
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import VMM

// How a system is put together from a specification.
extension System {
  /// The machine that recordings were made on: QEMU's `virt`, and a second bank of RAM for what
  /// no recording places.
  enum Bank {
    static let recorded = PhysicalMemory.Region(base: 0x4000_0000, size: 0xc000_0000)
    static let rest = PhysicalMemory.Region(base: 0x1_0000_0000, size: 0x8000_0000)
    /// Where the second bank keeps the host's structures, behind the guest's RAM.
    static let hostFrames: PA = 0x1_4000_0000
    static let hostFramesSize: UInt64 = 0x4000_0000
  }

  static let machineLayout = Machine.Layout(
    smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, bar: 0x80_0000_0000,
    barSize: 0x1_0000)
  static let hostCPUs = 2
  static let msixCapability: UInt16 = 0x70
  /// The offset of the MSI-X table in its BAR.
  static let tableOffset: UInt64 = 0x2000

  init(_ specification: RunSpecification) throws(RunFailure) {
    let workload = specification.workload
    let device = workload.device
    let design = specification.design
    let map = AddressMap.qemuVirt
    guard device.vectors >= 1, device.vectors <= 2048 else {
      throw RunFailure("a function has 1 to 2048 MSI-X vectors, not \(device.vectors)")
    }
    let extents = Self.extents(of: map, placement: workload.placement)
    let memory: PhysicalMemory
    let guestMemory: PhysicalMemory
    do {
      memory = try PhysicalMemory(regions: [Bank.recorded, Bank.rest], isShareable: true)
      guestMemory = try memory.window(
        .init(base: PA(map.ramBase.rawValue), size: map.ramSize),
        onto: extents.map { .init(base: PA($0.ipa.rawValue), source: $0.pa, size: $0.size) })
    } catch {
      throw RunFailure("the machine's memory cannot be set up: \(error)")
    }
    guard let requesterID = UInt16(exactly: device.hostID) else {
      throw RunFailure("the device's requester ID \(hex(UInt64(device.hostID))) exceeds 16 bits")
    }
    let function = PCIFunction(
      profile: PCIFunctionProfile(
        requesterID: RequesterID(rawValue: requesterID),
        msix: .init(
          vectors: device.vectors, bar: 0, tableOffset: UInt32(Self.tableOffset),
          pendingOffset: UInt32(Self.tableOffset) + 0x8000),
        barSize: Self.machineLayout.barSize))
    let vmm = VMM(
      map: map, advertisement: design.advertisement, stageTwoDoorbell: design.stageTwo,
      msixEntry: design.msixEntry, guestID: device.guestID, vectors: device.vectors)
    let kernels = try Self.kernels(specification, vmm: vmm)
    host = kernels.host
    guest = kernels.guest
    self.specification = specification
    costs = CostTable(specification.costs)
    self.vmm = vmm
    self.guestMemory = guestMemory
    self.extents = extents
    machine = Machine(
      memory: memory, layout: Self.machineLayout,
      // A journey shows every descriptor, so nothing may be cached.
      smmu: SMMU(profile: .qemu, caches: specification.journeyOf == nil ? .default : .none),
      its: ITS(profile: .qemu11(), personality: .architectureSkippingErrors),
      redistributors: Redistributors(
        profile: RedistributorProfile(
          count: Self.hostCPUs, base: Self.machineLayout.redistributors)),
      function: function)
    virtualITS = ITS(profile: .kvm(), personality: .kvm)
    virtualRedistributors = Redistributors(
      profile: .kvm(count: 1, base: PA(map.redistributors.rawValue)))
    let window = SoftwareMSIWindow.base.rawValue
    operations = workload.operations(
      for: specification.usage, window: window..<window + SoftwareMSIWindow.length)
    messages.reserveCapacity(workload.messageCount)
  }

  /// Guest RAM: the second bank, with the pages that a recording names where it saw them.
  private static func extents(
    of map: AddressMap, placement: Workload.Placement
  ) -> [HostCall.RAMExtent] {
    let start = map.ramBase.rawValue
    let inRAM = placement.pages
      .filter { $0.0.rawValue &- start < map.ramSize }
      .sorted { $0.0 < $1.0 }
    var extents: [HostCall.RAMExtent] = []
    var cursor = start
    func fill(to end: UInt64) {
      guard end > cursor else { return }
      extents.append(
        .init(
          ipa: IPA(cursor), pa: Bank.rest.base + (cursor - start), size: end - cursor))
      cursor = end
    }
    for (ipa, pa) in inRAM where ipa.rawValue >= cursor {
      fill(to: ipa.rawValue)
      extents.append(.init(ipa: ipa, pa: pa, size: 4096))
      cursor = ipa.rawValue + 4096
    }
    fill(to: start + map.ramSize)
    return extents
  }

  private static func kernels(
    _ specification: RunSpecification, vmm: VMM
  ) throws(RunFailure) -> (host: HostKernel, guest: GuestKernel) {
    do {
      return (try host(specification), try guest(specification, vmm: vmm))
    } catch {
      throw RunFailure("\(error.function): \(error.message)")
    }
  }

  private static func host(_ specification: RunSpecification) throws(Refusal) -> HostKernel {
    let device = specification.workload.device
    let placement = specification.workload.placement
    let frames = BumpFrames(base: Bank.hostFrames, size: Bank.hostFramesSize / 2)
    let tables = BumpFrames(
      base: Bank.hostFrames + Bank.hostFramesSize / 2, size: Bank.hostFramesSize / 2)
    return try HostKernel(
      version: specification.hostKernel,
      platform: .init(
        smmuBase: machineLayout.smmuBase, itsBase: machineLayout.itsBase,
        redistributors: machineLayout.redistributors, cpus: hostCPUs,
        msixTable: machineLayout.bar + tableOffset, msixCapability: msixCapability,
        requesterID: device.hostID, vectors: device.vectors),
      stageTwoDoorbell: specification.design.stageTwo,
      eventIDOwner: specification.design.eventIDOwner, frames: frames,
      stageTwoFrames: PlacedFrames(placement.stage2, rest: tables),
      streamTable: placement.streamTable)
  }

  private static func guest(
    _ specification: RunSpecification, vmm: VMM
  ) throws(Refusal) -> GuestKernel {
    let device = specification.workload.device
    let placement = specification.workload.placement
    // Where the recorded guest's kernel kept its ITS tables, below everything else it placed.
    let frames = BumpFrames(base: 0x400b_0000, size: 0x28_0000)
    let tables = BumpFrames(base: 0x6000_0000, size: 0x100_0000)
    return try GuestKernel(
      version: specification.guestKernel, tables: firmwareTables(vmm),
      device: .init(
        requesterID: device.guestID, vectors: device.vectors, msixTable: vmm.map.msixTable,
        msixCapability: msixCapability),
      frames: frames, tableFrames: PlacedFrames(placement.stage1, rest: tables),
      contextTable: placement.contextDescriptors)
  }
  private static func firmwareTables(_ vmm: VMM) throws(Refusal) -> GuestTables {
    do {
      return try vmm.tables()
    } catch {
      throw Refusal(
        by: .vmm, in: "virt_acpi_build", errno: "EINVAL", message: error.description)
    }
  }
}
