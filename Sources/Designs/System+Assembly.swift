internal import ArmFormats
internal import Bits
internal import Firmware
internal import Flows
internal import GIC
internal import Guest
internal import HostKernel
internal import IOMMU
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Timing
internal import VMM

// How a system is put together from a specification.
extension System {
  init(_ specification: RunSpecification, sink: Sink) throws(RunFailure) {
    var specification = specification
    specification.workload = specification.workload.placed(
      in: specification.design.addressMap(of: specification.vmm))
    let workload = specification.workload
    let device = workload.device
    let design = specification.design
    let map = design.addressMap(of: specification.vmm)
    guard device.vectors >= 1, device.vectors <= 2048 else {
      throw RunFailure("a function has 1 to 2048 MSI-X vectors, not \(device.vectors)")
    }
    if let problem = specification.topology.problem { throw RunFailure(problem) }
    if let problem = design.inconsistency(with: specification.topology.controller) {
      throw RunFailure("design '\(design.name)': \(problem)")
    }
    let extents = Self.extents(of: map, placement: specification.placement)
    let memory: PhysicalMemory
    let guestMemory: PhysicalMemory
    do {
      memory = try PhysicalMemory(
        regions: specification.mutation.memoryRegions, isShareable: true)
      guestMemory = try memory.window(
        .init(base: PA(map.ramBase.rawValue), size: map.ramSize),
        onto: extents.map { .init(base: PA($0.ipa.rawValue), source: $0.pa, size: $0.size) })
    } catch {
      throw RunFailure("the machine's memory cannot be set up: \(error)")
    }
    let devices = specification.devices
    let functions = try devices.map { device throws(RunFailure) in
      try Self.function(device)
    }
    let vmm = Self.vmm(specification, map)
    let kernels = try Self.kernels(specification, vmm: vmm)
    host = kernels.host
    host.defects = specification.mutation?.ofHost ?? []
    guest = kernels.guest
    guest.unmapPolicy = specification.unmapPolicy
    self.specification = specification
    self.devices = devices
    self.sink = sink
    costs = CostTable(specification.costs)
    self.vmm = vmm
    self.guestMemory = guestMemory
    self.extents = extents
    let version = design.delivery.version
    machine = Machine(
      memory: memory, layout: RecordedMachine.layout(of: specification.topology.controller),
      // A journey shows every descriptor, so nothing may be cached.
      smmus: UnitList(count: specification.topology.smmus) { _ in
        SMMU(
          profile: .qemu, personality: specification.mutation?.ofSMMU ?? .architecture,
          caches: specification.journeyOf == nil ? specification.caches.ofSMMU : .none)
      },
      itses: UnitList(count: specification.topology.itses) { number in
        ITS(
          profile: Self.physicalITS(
            version, number: specification.topology.vmovp == .listed ? number : nil,
            routes: specification.journeyOf == nil ? specification.caches.routes : 0),
          personality: specification.mutation?.applied(to: .architectureSkippingErrors)
            ?? .architectureSkippingErrors)
      },
      redistributors: Redistributors(
        profile: RedistributorProfile(
          count: RecordedMachine.cpus, version: version,
          base: RecordedMachine.layout.redistributors, hasDirectLPIs: version >= .v4)),
      functions: functions)
    virtualITS = ITS(profile: .kvm(), personality: .kvm)
    virtualRedistributors = Redistributors(
      profile: .kvm(count: 1, base: PA(map.redistributors.rawValue)))
    let window = SoftwareMSIWindow.base.rawValue
    let single = workload.moved(toRAM: map.ramBase).operations(
      for: specification.usage, window: window..<window + SoftwareMSIWindow.length,
      isMachineAsRecorded: specification.isSetupAsRecorded, translates: specification.doesDMA)
    operations = DeviceOperation.interleaved(single, over: specification.topology)
    setups = Array(repeating: .enabled, count: devices.count)
    firstMessages = Array(repeating: nil, count: devices.count)
    reasons = Array(repeating: nil, count: devices.count)
    sent = Array(repeating: 0, count: devices.count)
    messages.reserveCapacity(workload.messageCount * devices.count)
    timeline = specification.wantsTimeline ? Timeline() : nil
  }

  private static func function(_ device: Workload.Device) throws(RunFailure) -> PCIFunction {
    guard let requesterID = UInt16(exactly: device.hostID) else {
      throw RunFailure("the device's requester ID \(hex(UInt64(device.hostID))) exceeds 16 bits")
    }
    guard device.store != .msi || device.vectors <= 32 else {
      throw RunFailure("a function has 1 to 32 MSI vectors, not \(device.vectors)")
    }
    let msi = PCIFunctionProfile.MSI(logVectors: MSIDriver.exponent(of: device.vectors))
    let msix = PCIFunctionProfile.MSIX(
      vectors: device.vectors, bar: 0, tableOffset: UInt32(RecordedMachine.tableOffset),
      pendingOffset: UInt32(RecordedMachine.tableOffset) + 0x8000,
      store: device.store == .device ? .device : .table)
    return PCIFunction(
      profile: PCIFunctionProfile(
        requesterID: RequesterID(rawValue: requesterID), msi: device.store == .msi ? msi : nil,
        msix: device.store == .msi ? nil : msix, barSize: RecordedMachine.layout.barSize))
  }

  private static func vmm(_ specification: RunSpecification, _ map: AddressMap) -> VMM {
    let design = specification.design
    let topology = specification.topology
    // The host has a stage 2 table for each SMMU, or for each pair of SMMU and ITS.
    let pairs = specification.devices.indices.map {
      [topology.smmu(of: $0), design.stageTwo == .guestDoorbellPerITS ? topology.its(of: $0) : 0]
    }
    let devices = specification.devices.enumerated().map { index, device in
      VMM.Device(
        guestID: device.guestID, vectors: device.vectors, smmu: topology.smmu(of: index),
        stageTwo: pairs.firstIndex(of: pairs[index]) ?? 0)
    }
    return VMM(
      map: map, advertisement: design.advertisement, stageTwoDoorbell: design.stageTwo,
      msixEntry: design.msixEntry, devices: devices, iommu: design.iommu, route: design.route,
      firmware: specification.firmware)
  }

  /// The physical ITS; without a cache it reads its tables for every message.
  ///
  /// - Parameter number: which of the ITS list it is; `nil` where there is no list.
  private static func physicalITS(
    _ version: GICVersion, number: Int?, routes: Int
  ) -> ITSProfile {
    var profile = ITSProfile.qemu11(version: version)
    if let number, version >= .v4 {
      profile.type[.singleVMOVP] = false
      profile.number = UInt8(truncatingIfNeeded: number)
    }
    profile.routeCache = routes > 0 ? .limited(routes) : .none
    return profile
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
          ipa: IPA(cursor), pa: RecordedMachine.secondBank.base + (cursor - start),
          size: end - cursor))
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
    let placement = specification.placement
    let controller = specification.topology.controller
    let layout = RecordedMachine.layout(of: controller)
    let frame = layout.messageFrame.map {
      GICv2mDriver(
        agent: .host, base: $0, distributor: layout.distributor ?? 0,
        spis: RecordedMachine.frameSPIs)
    }
    let platforms = specification.devices.enumerated().map { index, device in
      HostKernel.Platform(
        smmuBase: layout.smmu(specification.topology.smmu(of: index)),
        itsBase: layout.its(specification.topology.its(of: index)),
        redistributors: layout.redistributors, cpus: RecordedMachine.cpus,
        msixTable: layout.bar(of: index) + RecordedMachine.tableOffset,
        msixCapability: RecordedMachine.msixCapability, requesterID: device.hostID,
        vectors: device.vectors, store: device.store,
        msiCapability: RecordedMachine.msiCapability)
    }
    let frames = BumpFrames(
      base: RecordedMachine.hostFrames, size: RecordedMachine.hostFramesSize / 2)
    let tables = BumpFrames(
      base: RecordedMachine.hostFrames + RecordedMachine.hostFramesSize / 2,
      size: RecordedMachine.hostFramesSize / 2)
    return try HostKernel(
      version: specification.hostKernel,
      platforms: platforms,
      stageTwoDoorbell: specification.design.stageTwo,
      eventIDOwner: specification.design.eventIDOwner,
      addressOverride: specification.design.addressOverride,
      delivery: specification.design.delivery,
      usesITSList: specification.topology.vmovp == .listed, messageFrame: frame,
      allowsUnsafeInterrupts: controller == .gicv2mUnsafe, pageSize: specification.hostPageSize,
      frames: frames,
      stageTwoFrames: PlacedFrames(placement.stage2, rest: tables),
      streamTable: placement.streamTable)
  }

  private static func guest(
    _ specification: RunSpecification, vmm: VMM
  ) throws(Refusal) -> GuestKernel {
    let placement = specification.placement
    // Where the recorded guest's kernel kept its ITS tables, below everything else it placed.
    let ram = vmm.map.ramBase.rawValue
    let frames = BumpFrames(
      base: placement.free(
        among: [0xb_0000, 0x1d00_0000, 0x1c00_0000].map { ram &+ $0 }, size: 0x28_0000),
      size: 0x28_0000)
    let tables = BumpFrames(
      base: placement.free(
        among: [0x2000_0000, 0x2100_0000, 0x2200_0000].map { ram &+ $0 }, size: 0x100_0000),
      size: 0x100_0000)
    return try GuestKernel(
      version: specification.guestKernel, tables: firmwareTables(vmm),
      devices: specification.devices.enumerated().map { index, device in
        .init(
          requesterID: device.guestID, vectors: device.vectors,
          msixTable: vmm.map.msixTable(of: index),
          msixCapability: RecordedMachine.msixCapability, store: device.store,
          msiCapability: RecordedMachine.msiCapability)
      },
      pageSize: specification.guestPageSize, frames: frames,
      tableFrames: PlacedFrames(placement.stage1, rest: tables),
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

extension CacheSizes {
  /// The SMMU's caches: these, and the model's own for what they don't say.
  fileprivate var ofSMMU: SMMUCacheGeometry {
    var geometry = SMMUCacheGeometry.default
    geometry.pages = pages
    geometry.stage1Tables = walks
    geometry.stage2Tables = walks
    geometry.ways = ways
    // The micro-TLB stands for the pages that it was filled from.
    if pages == 0 { geometry.recent = 0 }
    return geometry
  }
}

extension InterruptDelivery {
  /// The version of the physical interrupt controllers.
  fileprivate var version: GICVersion {
    switch self {
    case .irqfd: .v3
    case .gicv4: .v4
    case .gicv4Point1: .v4Point1
    }
  }
}
