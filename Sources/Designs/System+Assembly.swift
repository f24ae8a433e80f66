internal import Bits
internal import Firmware
internal import GIC
internal import Guest
internal import HostKernel
internal import IOMMU
internal import Linux
internal import Machine
internal import PCI
internal import Software
internal import Timing
internal import VMM

// How a system is put together from a specification.
extension System {
  init(_ specification: RunSpecification, sink: Sink) throws(RunFailure) {
    var specification = specification
    let description = try Self.describe(specification)
    let map = specification.design.addressMap(of: description.guest)
    specification.workload = specification.workload.placed(in: map)
    let workload = specification.workload
    let extents = Self.extents(
      of: map, in: description.host, placement: specification.placement)
    let memories = try Self.memories(specification, description.host, map, extents)
    let devices = specification.devices(of: description)
    let functions = try zip(devices, description.devices).map {
      device, described throws(RunFailure) in
      try Self.function(device, described)
    }
    let vmm = Self.vmm(specification, description, map)
    let kernels = try Self.kernels(specification, description, vmm: vmm)
    host = kernels.host
    host.defects = specification.mutation?.ofHost ?? []
    guest = kernels.guest
    guest.unmapPolicy = specification.unmapPolicy
    self.specification = specification
    self.description = description
    self.devices = devices
    self.sink = sink
    costs = CostTable(specification.costs)
    self.vmm = vmm
    guestMemory = memories.guest
    self.extents = extents
    machine = Self.machine(
      specification, description, memory: memories.host, functions: functions)
    virtualITS = ITS(profile: .kvm(), personality: .kvm)
    virtualRedistributors = Redistributors(
      profile: .kvm(count: 1, base: PA(map.redistributors.rawValue)))
    operations = Self.operations(specification, description, map)
    setups = Array(repeating: .enabled, count: devices.count)
    firstMessages = Array(repeating: nil, count: devices.count)
    reasons = Array(repeating: nil, count: devices.count)
    sent = Array(repeating: 0, count: devices.count)
    messages.reserveCapacity(workload.messageCount * devices.count)
    timeline = specification.wantsTimeline ? Timeline() : nil
  }

  /// The machine of a run, which is checked.
  private static func describe(
    _ specification: RunSpecification
  ) throws(RunFailure) -> MachineDescription {
    let design = specification.design
    let vectors = specification.workload.device.vectors
    guard vectors >= 1, vectors <= 2048 else {
      throw RunFailure("a function has 1 to 2048 MSI-X vectors, not \(vectors)")
    }
    if let problem = specification.topology.problem { throw RunFailure(problem) }
    if let problem = design.inconsistency(with: specification.topology.controller) {
      throw RunFailure("design '\(design.name)': \(problem)")
    }
    let description = try specification.description()
    if specification.machine != nil,
      let problem = description.problem(under: design)
    {
      throw RunFailure("machine '\(description.name)': \(problem)")
    }
    return description
  }

  private static func operations(
    _ specification: RunSpecification, _ description: MachineDescription, _ map: AddressMap
  ) -> [DeviceOperation] {
    let window = SoftwareMSIWindow.base.rawValue
    let single = specification.workload.moved(toRAM: map.ramBase).operations(
      for: specification.usage, window: window..<window + SoftwareMSIWindow.length,
      isMachineAsRecorded: specification.isSetupAsRecorded, translates: specification.doesDMA)
    return DeviceOperation.interleaved(
      single, over: specification.devices(of: description),
      like: specification.workload.device, order: specification.topology.order)
  }

  private static func vmm(
    _ specification: RunSpecification, _ description: MachineDescription, _ map: AddressMap
  ) -> VMM {
    let design = specification.design
    // The host has a stage 2 table for each SMMU, or for each pair of SMMU and ITS.
    let pairs = description.devices.map {
      [$0.smmu, design.stageTwo == .guestDoorbellPerITS ? $0.its : 0]
    }
    let devices = description.devices.enumerated().map { index, device in
      VMM.Device(
        guestID: UInt32(device.guestRequester.rawValue), vectors: device.vectors,
        smmu: device.smmu, stageTwo: pairs.firstIndex(of: pairs[index]) ?? 0)
    }
    return VMM(
      map: map, advertisement: design.advertisement, stageTwoDoorbell: design.stageTwo,
      msixEntry: design.msixEntry, devices: devices, iommu: design.iommu, route: design.route,
      firmware: specification.firmware,
      makesDevicesLate: specification.vmm.makesDevicesLate)
  }

  private static func kernels(
    _ specification: RunSpecification, _ description: MachineDescription, vmm: VMM
  ) throws(RunFailure) -> (host: HostKernel, guest: GuestKernel) {
    do {
      return (
        try host(specification, description), try guest(specification, description, vmm: vmm)
      )
    } catch {
      throw RunFailure("\(error.function): \(error.message)")
    }
  }

  private static func host(
    _ specification: RunSpecification, _ description: MachineDescription
  ) throws(Refusal) -> HostKernel {
    let placement = specification.placement
    let controller = specification.topology.controller
    let host = description.host
    let layout = Machine.Layout(description, usesMessageFrame: controller != .its)
    let frame = layout.messageFrame.map {
      GICv2mDriver(
        agent: .host, base: $0, distributor: layout.distributor ?? 0, spis: host.messageSPIs)
    }
    let platforms = description.devices.enumerated().map { index, device in
      var platform = HostKernel.Platform(
        smmuBase: layout.smmu(device.smmu),
        itsBase: controller == .its ? layout.its(device.its) : layout.itsBase,
        redistributors: layout.redistributors, cpus: host.cpus,
        msixTable: layout.bar(of: index) + MachineDescription.Device.tableOffset,
        msixCapability: MachineDescription.Device.msixCapability,
        streamID: host.stream(of: device.requester),
        deviceID: host.device(of: device.requester), vectors: device.vectors,
        store: specification.workload.device.store,
        msiCapability: MachineDescription.Device.msiCapability)
      platform.isCoherent =
        !host.smmuFeatures.isDisjoint(with: [.coherentPath, .forceWriteBack])
      return platform
    }
    let own = host.ownMemory
    let half = own.length / 2 & ~0xffff
    let frames = BumpFrames(base: PA(own.base), size: half)
    let tables = BumpFrames(base: PA(own.base) + half, size: half)
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
    _ specification: RunSpecification, _ description: MachineDescription, vmm: VMM
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
      devices: description.devices.enumerated().map { index, device in
        .init(
          requesterID: UInt32(device.guestRequester.rawValue), vectors: device.vectors,
          msixTable: vmm.map.msixTable(of: index),
          msixCapability: MachineDescription.Device.msixCapability,
          store: specification.workload.device.store,
          msiCapability: MachineDescription.Device.msiCapability, dmaBits: device.dmaBits)
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
