internal import Bits
internal import Firmware
internal import GIC
internal import Guest
internal import HostKernel
internal import IOMMU
internal import Linux
internal import Machine
internal import Software
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
    let memories = try Self.memories(specification, map, extents)
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
    guestMemory = memories.guest
    self.extents = extents
    machine = Self.machine(specification, memory: memories.host, functions: functions)
    virtualITS = ITS(profile: .kvm(), personality: .kvm)
    virtualRedistributors = Redistributors(
      profile: .kvm(count: 1, base: PA(map.redistributors.rawValue)))
    operations = Self.operations(specification, map)
    setups = Array(repeating: .enabled, count: devices.count)
    firstMessages = Array(repeating: nil, count: devices.count)
    reasons = Array(repeating: nil, count: devices.count)
    sent = Array(repeating: 0, count: devices.count)
    messages.reserveCapacity(workload.messageCount * devices.count)
    timeline = specification.wantsTimeline ? Timeline() : nil
  }

  private static func operations(
    _ specification: RunSpecification, _ map: AddressMap
  ) -> [DeviceOperation] {
    let window = SoftwareMSIWindow.base.rawValue
    let single = specification.workload.moved(toRAM: map.ramBase).operations(
      for: specification.usage, window: window..<window + SoftwareMSIWindow.length,
      isMachineAsRecorded: specification.isSetupAsRecorded, translates: specification.doesDMA)
    return DeviceOperation.interleaved(single, over: specification.topology)
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
      firmware: specification.firmware,
      makesDevicesLate: specification.vmm.makesDevicesLate)
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
      kernel: specification.hostKernel,
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
      kernel: specification.guestKernel, tables: firmwareTables(vmm),
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
