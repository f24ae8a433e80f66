internal import Bits
package import Designs
internal import Firmware
internal import GIC
internal import Guest
internal import HostKernel
internal import KVM
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Software
internal import Timing
internal import VMM

// A run's parts, put together from its specification.
extension Engine {
  /// - Throws: `RunFailure` for a specification that cannot be modelled.
  package init(_ specification: RunSpecification, sink: Sink) throws(RunFailure) {
    var specification = specification
    guard specification.platform == .arm else {
      throw RunFailure(
        "on platform '\(specification.platform.rawValue)' the models have runs, and neither loads nor "
          + "what replays or probes an Arm machine")
    }
    let description = try Self.describe(specification)
    let map = specification.design.addressMap(of: description.guest)
    specification.workload = specification.workload.placed(in: map)
    let functions = try description.devices.map { described throws(RunFailure) in
      try Self.function(
        described, store: specification.workload.device.store,
        hasATS: description.host.smmuFeatures.contains(.ats))
    }
    let memory = try Self.memory(specification, description.host)
    let kernel: HostKernel
    do {
      kernel = try Self.host(specification, description)
    } catch {
      throw RunFailure("\(error.function): \(error.message)")
    }
    var machines: [VirtualMachine] = []
    for number in 0..<description.machines {
      machines.append(
        try Self.virtualMachine(VMIndex(number), specification, description, map, memory))
    }
    host = kernel
    host.defects = specification.mutation?.ofHost ?? []
    machine = Self.machine(specification, description, memory: memory, functions: functions)
    self.machines = machines
    let guestMemory = machines.map(\.memory)
    kvm = UnitList(count: machines.count) { number in
      Self.kvm(VMIndex(number), specification, description, map, guestMemory[number])
    }
    self.specification = specification
    self.description = description
    self.sink = sink
    costs = CostTable(specification.costs)
    let count = description.devices.count
    recorder.firstMessages = Array(repeating: nil, count: count)
    recorder.reasons = Array(repeating: nil, count: count)
    recorder.timeline = specification.wantsTimeline ? Timeline() : nil
    flights.sent = Array(repeating: 0, count: count)
    flights.virtualLeaders = Array(repeating: Leaders(), count: description.machines)
    flights.reserveCapacity(specification.workload.messageCount * count)
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
    let virtualCPUs = description.machines * description.virtualCPUs
    if design.delivery.virtualLPIs != nil, virtualCPUs > description.host.cpus {
      throw RunFailure(
        "machine '\(description.name)': each virtual CPU keeps a physical one where the hardware "
          + "injects: expected at least \(virtualCPUs) host CPUs, found \(description.host.cpus)")
    }
    for number in 0..<description.machines
    where !description.devices.contains(where: { $0.machine == number }) {
      throw RunFailure("machine '\(description.name)': \(VMIndex(number)) has no device")
    }
    return description
  }

  // MARK: Virtual machines

  private static func virtualMachine(
    _ vm: VMIndex, _ specification: RunSpecification, _ description: MachineDescription,
    _ map: AddressMap, _ memory: PhysicalMemory
  ) throws(RunFailure) -> VirtualMachine {
    let numbers = description.devices.indices.filter {
      description.devices[$0].machine == vm.rawValue
    }
    let devices = numbers.map { description.devices[$0] }
    // A recording is of one machine, the first.
    let placement = vm == .first ? specification.placement : Workload.Placement()
    let extents = extents(of: map, in: description.host, vm, placement: placement)
    let vmm = vmm(specification, devices, map, cpus: description.virtualCPUs)
    let guest: any GuestOS
    do {
      guest = try self.guest(specification, devices, placement, vmm, cpus: description.virtualCPUs)
    } catch {
      throw RunFailure("\(error.function): \(error.message)")
    }
    let known = specification.devices(of: description)
    return VirtualMachine(
      index: vm, vmm: vmm, guest: guest, memory: try window(map, extents, of: memory),
      extents: extents, devices: numbers.map { known[$0] },
      numbers: numbers.map { DeviceIndex($0) },
      operations: operations(
        specification, numbers.map { known[$0] }, map, description.host.messageWindow),
      cpus: description.virtualCPUs)
  }

  private static func operations(
    _ specification: RunSpecification, _ devices: [Workload.Device], _ map: AddressMap,
    _ window: AddressRange
  ) -> DeviceOperations {
    let single = specification.workload.moved(toRAM: map.ramBase).operations(
      for: specification.usage, window: window.base..<window.base + window.length,
      isMachineAsRecorded: specification.isSetupAsRecorded, translates: specification.doesDMA)
    return DeviceOperations(
      single, over: devices, like: specification.workload.device,
      order: specification.topology.order)
  }

  private static func vmm(
    _ specification: RunSpecification, _ described: [MachineDescription.Device], _ map: AddressMap,
    cpus: Int
  ) -> VMM {
    let design = specification.design
    // The host has a stage 2 table for each SMMU, or for each pair of SMMU and ITS.
    let pairs = described.map {
      [$0.smmu, design.stageTwo == .guestDoorbellPerITS ? $0.its : 0]
    }
    let devices = described.enumerated().map { index, device in
      VMM.Device(
        guestID: UInt32(device.guestRequester.rawValue), vectors: device.vectors,
        smmu: device.smmu, stageTwo: pairs.firstIndex(of: pairs[index]) ?? 0)
    }
    return VMM(
      map: map, advertisement: design.advertisement, stageTwoDoorbell: design.stageTwo,
      msixEntry: design.msixEntry, devices: devices, cpus: cpus, iommu: design.iommu,
      route: design.route, firmware: specification.firmware,
      makesDevicesLate: specification.vmm.makesDevicesLate,
      vectorSequence: specification.vmm.vectorSequence(
        addsVectors: specification.hostKernel.has(.dynamicMSIX)))
  }

  private static func guest(
    _ specification: RunSpecification, _ devices: [MachineDescription.Device],
    _ placement: Workload.Placement, _ vmm: VMM, cpus: Int
  ) throws(Refusal) -> GuestKernel {
    // Where the recorded guest's kernel kept its ITS tables, below everything else it placed; each
    // virtual CPU has a pending table there.
    let ram = vmm.map.ramBase.rawValue
    let size: UInt64 = 0x28_0000 + 0x1_0000 * UInt64(cpus - 1)
    let frames = BumpFrames(
      base: placement.free(
        among: [0xb_0000, 0x1d00_0000, 0x1c00_0000].map { ram &+ $0 }, size: size),
      size: size)
    let tables = BumpFrames(
      base: placement.free(
        among: [0x2000_0000, 0x2100_0000, 0x2200_0000].map { ram &+ $0 }, size: 0x100_0000),
      size: 0x100_0000)
    var guest = try GuestKernel(
      kernel: specification.guestKernel, tables: firmwareTables(vmm),
      devices: devices.enumerated().map { index, device in
        .init(
          requesterID: UInt32(device.guestRequester.rawValue), vectors: device.vectors,
          msixTable: vmm.map.msixTable(of: index),
          msixCapability: MachineDescription.Device.msixCapability,
          store: specification.workload.device.store,
          msiCapability: MachineDescription.Device.msiCapability, dmaBits: device.dmaBits,
          cpus: device.virtualCPUs)
      },
      cpus: cpus, pageSize: specification.guestPageSize, frames: frames,
      tableFrames: PlacedFrames(placement.stage1, rest: tables),
      contextTable: placement.contextDescriptors)
    guest.unmapPolicy = specification.unmapPolicy
    return guest
  }

  private static func firmwareTables(_ vmm: VMM) throws(Refusal) -> GuestTables {
    do {
      return try vmm.tables()
    } catch {
      throw Refusal(
        by: .vmm, in: "virt_acpi_build", errno: "EINVAL", message: error.description)
    }
  }

  private static func kvm(
    _ vm: VMIndex, _ specification: RunSpecification, _ description: MachineDescription,
    _ map: AddressMap, _ memory: PhysicalMemory
  ) -> KVM {
    KVM(
      vm, cpus: description.virtualCPUs, itsBase: map.itsBase, doorbell: map.doorbell,
      redistributors: map.redistributors, delivery: specification.design.delivery, memory: memory)
  }

  // MARK: The host's kernel

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
        msiCapability: MachineDescription.Device.msiCapability, vm: VMIndex(device.machine))
      platform.streamBits = UInt64(host.streamBits)
      platform.deviceTable = host.driverDeviceTable
      platform.isCoherent =
        !host.smmuFeatures.isDisjoint(with: [.coherentPath, .forceWriteBack])
      if host.smmuFeatures.contains(.ats) {
        platform.atsCapability = UInt16(PCIFunction.atsCapability)
      }
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
      allowsUnsafeInterrupts: controller == .gicv2mUnsafe,
      spreadsInterrupts: host.interrupts == .leastLoaded,
      messageWindow: host.messageWindow,
      pageSize: specification.hostPageSize,
      frames: frames,
      stageTwoFrames: PlacedFrames(placement.stage2, rest: tables),
      streamTable: placement.streamTable)
  }
}
