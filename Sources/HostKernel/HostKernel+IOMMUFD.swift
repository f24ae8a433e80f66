internal import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
internal import Software

// iommufd and the SMMUv3 driver's nesting support: drivers/iommu/iommufd,
// drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c.
extension HostKernel {
  /// The device in the VMM's file, which claims it at its first use (`iommufd_device_bind`).
  private mutating func boundDevice(_ index: Int) throws(Refusal) -> UInt32 {
    if let bound = devices[index].bound { return bound }
    let group = devices[index].group
    let bound = try iommufd.bind(group.devices[0], of: group)
    devices[index].bound = bound
    return bound
  }

  /// The address space of the device's stage 2 (IOMMU_IOAS_ALLOC).
  private mutating func addressSpace() throws(Refusal) -> (id: UInt32, space: IOAddressSpace) {
    let index = devices[current].stageTwo
    let id = stageTwos[index].space ?? iommufd.allocateAddressSpace()
    stageTwos[index].space = id
    return (id, try iommufd.addressSpace(id))
  }

  /// The nest parent: a stage 2 table with the guest's RAM in it.
  mutating func createStageTwo(_ extents: [HostCall.RAMExtent]) throws(Refusal) -> [Step<Never>] {
    let device = try boundDevice(current)
    let (id, space) = try addressSpace()
    for extent in extents {
      try space.map(at: IOVA(extent.ipa.rawValue), length: extent.size, to: extent.pa)
    }
    stageTwos[devices[current].stageTwo].parent = try iommufd.allocatePaging(
      device: device, addressSpace: id, flags: .nestParent)
    return try tableSteps(extents, pagesOnly: space.pagesOnly)
  }

  private mutating func tableSteps(
    _ extents: [HostCall.RAMExtent], pagesOnly: Bool
  ) throws(Refusal) -> [Step<Never>] {
    var table = try outOfMemory("arm_64_lpae_alloc_pgtable_s2") { () throws(PageTable.Failure) in
      try PageTable(
        stage: .two, granule: pageShift, inputBits: 44, outputBits: 44, frames: &stageTwoFrames)
    }
    var steps: [Step<Never>] = [
      Step(
        .host, "iommufd_hwpt_paging_alloc",
        "stage 2 table at \(table.root), VMID \(virtualMachineID)",
        .decide)
    ]
    for extent in extents {
      // Scattered pages, as a recorded guest has them, are mapped one by one.
      let writes = try mapped("iopt_map_pages") { () throws(PageTable.Failure) in
        try table.map(
          extent.ipa.rawValue, to: extent.pa.rawValue, size: extent.size, .buffer,
          pagesOnly: pagesOnly, frames: &stageTwoFrames)
      }
      steps.append(
        Step(
          .host, "iopt_map_pages",
          "S2: RAM \(extent.ipa) + \(hex(extent.size)) -> \(extent.pa)", .write(writes)))
    }
    stageTwo = table
    return steps
  }

  mutating func disableLargePages() throws(Refusal) -> [Step<Never>] {
    try addressSpace().space.disableLargePages()
    return [
      Step(.host, "iopt_disable_large_pages", "every mapping is of single pages", .decide)
    ]
  }

  /// The software MSI window, as IOVAs of stage 2.
  public var window: Range<UInt64> {
    let moved = devices[0].bound.flatMap { iommufd.windowStart(ofDevice: $0) }
    let start = (moved ?? SoftwareMSIWindow.base).rawValue
    return start..<start + SoftwareMSIWindow.length
  }

  /// Attaches the device to a table of the file's, or moves it there; stage 2 gets the doorbells
  /// that the file wants in it.
  private mutating func attach(to table: UInt32) throws(Refusal) -> [Step<Never>] {
    let device = try boundDevice(current)
    if iommufd.isAttached(device: device) {
      try iommufd.replace(device: device, by: table)
    } else {
      try iommufd.attach(device: device, to: table)
    }
    return try installDoorbells()
  }

  /// Maps the doorbells that the objects have put into the device's domain since the last time.
  mutating func installDoorbells() throws(Refusal) -> [Step<Never>] {
    let domain = devices[current].group.domain.paging
    let index = devices[current].stageTwo
    var steps: [Step<Never>] = []
    for doorbell in domain.doorbells.dropFirst(stageTwos[index].doorbells) {
      guard let (_, mapping) = domain.mapping(at: doorbell.iova) else { continue }
      steps.append(
        try mapDoorbell(
          at: IPA(doorbell.iova.rawValue), doorbell.page, mapping.attributes,
          function: domain.cookie == .iommufd ? "iommufd_sw_msi" : "iommu_dma_get_msi_page",
          text: "S2: window page \(doorbell.iova) -> host doorbell \(doorbell.page)"))
      stageTwos[index].doorbells += 1
    }
    return steps
  }

  /// The device gets the stage 2 table alone (`arm_smmu_attach_dev`).
  mutating func attachStageTwo() throws(Refusal) -> [Step<Never>] {
    guard let table = stageTwo, let parent = stageTwos[devices[current].stageTwo].parent else {
      throw Refusal(
        by: .host, in: "iommufd_device_attach", errno: "ENOENT", message: "no stage 2 table")
    }
    return try attach(to: parent)
      + smmu.write(
        .stage2(table, vmid: virtualMachineID, outputSize: outputSize),
        of: platform.streamID.rawValue,
        function: "arm_smmu_attach_dev", text: "stage 2 only, no vIOMMU")
  }

  /// The window of every device starts where the VMM says.
  mutating func moveWindow(to start: IOVA) throws(Refusal) -> [Step<Never>] {
    for index in devices.indices {
      try iommufd.placeWindow(ofDevice: boundDevice(index), at: start)
    }
    return [
      Step(
        .host, "iommufd_option_sw_msi (proposed)", "the software MSI window starts at \(start)",
        .decide)
    ]
  }

  /// The vIOMMU and the vDEVICE that ties the guest's StreamID to the physical one.
  mutating func createVirtualSMMU(guestStream: UInt32?) throws(Refusal) -> [Step<Never>] {
    let device = try boundDevice(current)
    guard platform.isCoherent else {
      throw Refusal(
        by: .host, in: "arm_vsmmu_alloc", errno: "EOPNOTSUPP",
        message: "neither CANWBS nor S2FWB: the guest's stage 1 could bypass the caches")
    }
    let index = devices[current].stageTwo
    let viommu: UInt32
    if let known = stageTwos[index].viommu {
      viommu = known
    } else {
      viommu = try iommufd.allocateVirtualIOMMU(
        device: device, parent: stageTwos[index].parent ?? 0)
    }
    stageTwos[index].viommu = viommu
    guard let guestStream else {
      return [
        Step(.host, "iommufd_viommu_alloc_ioctl", "a vIOMMU over the nest parent", .decide)
      ]
    }
    _ = try iommufd.allocateVirtualDevice(
      viommu: viommu, device: device, virtualID: UInt64(guestStream))
    self.guestStream = guestStream
    return [
      Step(
        .host, "iommufd_vdevice_alloc_ioctl",
        "vSID \(hex(UInt64(guestStream))) is StreamID \(hex(UInt64(platform.streamID.rawValue)))",
        .decide)
    ]
  }

  /// Stage 2 gets the doorbell where the guest sees its own: that of the device's ITS where each
  /// ITS has tables of its own, else that of the first ITS for all devices.
  mutating func mapGuestDoorbell(_ page: IPA) throws(Refusal) -> [Step<Never>] {
    let target = stageTwoDoorbell == .guestDoorbellPerITS ? doorbellPage : doorbellPage(of: 0)
    let step = try mapDoorbell(
      at: page, target, function: "iommufd_ioas_map_msi (proposed)",
      text: "S2: guest doorbell \(page) -> host doorbell \(target)")
    let offset = doorbell.offset(belowBit: pageShift)
    return [
      step.believing(
        DoorbellBelief("iommufd", .ipa(page + offset), leadsTo: .pa(target + offset)))
    ]
  }

  /// Maps a doorbell's page, of the host's page size, in the device's stage 2.
  mutating func mapDoorbell(
    at page: IPA, _ target: PA, _ attributes: MappingAttributes = [.read, .write, .mmio],
    function: String, text: String
  ) throws(Refusal) -> Step<Never> {
    guard var table = stageTwo else {
      throw Refusal(by: .host, in: function, errno: "ENOENT", message: "no stage 2 table")
    }
    // The table is taken out while it changes, so that it is not copied.
    stageTwo = nil
    defer { stageTwo = table }
    let writes = try mapped(function) { () throws(PageTable.Failure) in
      try table.map(
        page.rawValue, to: target.rawValue, size: 1 << pageShift, attributes,
        frames: &stageTwoFrames)
    }
    return Step(.host, function, text, .write(writes))
  }

  /// Installs the guest's STE under the host's stage 2
  /// (`arm_smmu_validate_vste`, `arm_smmu_make_nested_domain_ste`).
  mutating func attach(guestEntry: StreamTableEntry) throws(Refusal) -> [Step<Never>] {
    let stage = stageTwos[devices[current].stageTwo]
    guard let table = stage.table, let parent = stage.parent else {
      throw Refusal(
        by: .host, in: "iommufd_hwpt_alloc", errno: "ENOENT", message: "no nest parent")
    }
    if guestEntry[.valid] { try checkGuestEntry(guestEntry) }
    let translates = guestEntry[.valid] && guestEntry[.config] == .stage1
    guard guestStream != nil || (kernel.has(.attachWithoutDevice) && !translates) else {
      throw Refusal(
        by: .host, in: "arm_smmu_attach_prepare_vmaster", errno: "ENOENT", message: "no vDEVICE")
    }
    return try attachNested(over: stage.viommu ?? parent) + entrySteps(guestEntry, over: table)
  }

  /// A nested table of the file's for the guest's entry, instead of the last one's.
  private mutating func attachNested(over parent: UInt32) throws(Refusal) -> [Step<Never>] {
    let nested = try iommufd.allocateNested(device: boundDevice(current), parent: parent)
    let steps: [Step<Never>]
    do throws(Refusal) {
      steps = try attach(to: nested)
    } catch {
      try iommufd.destroy(nested)
      throw error
    }
    if let last = devices[current].nested { try iommufd.destroy(last) }
    devices[current].nested = nested
    return steps
  }

  private mutating func entrySteps(
    _ guestEntry: StreamTableEntry, over table: PageTable
  ) -> [Step<Never>] {
    let function = "arm_smmu_attach_dev_nested"
    guard guestEntry[.valid] else {
      return smmu.write(
        .abort, of: platform.streamID.rawValue, function: function,
        text: "abort: the guest's is invalid")
    }
    let parent = StreamTableEntry.stage2(table, vmid: virtualMachineID, outputSize: outputSize)
    switch guestEntry[.config] {
    case .stage1:
      return smmu.write(
        nested(guestEntry, parent), of: platform.streamID.rawValue, function: function,
        text: "the guest's stage 1 over stage 2")
    case .bypass:
      return smmu.write(
        parent, of: platform.streamID.rawValue, function: function, text: "stage 2 only")
    default:
      return smmu.write(.abort, of: platform.streamID.rawValue, function: function, text: "abort")
    }
  }

  func nested(
    _ guest: StreamTableEntry, _ parent: StreamTableEntry
  ) -> StreamTableEntry {
    var entry = parent
    entry[word: 0] = guest[word: 0]
    entry[.config] = .nested
    entry[word: 1] |= guest[word: 1]
    entry[.mergeEvents] = true
    return entry
  }

  /// Which bits of an STE the guest may set: `STRTAB_STE_0_NESTING_ALLOWED` and its twin.
  private func checkGuestEntry(_ entry: StreamTableEntry) throws(Refusal) {
    let word0 =
      BitField<StreamTableEntry, Bool>.valid.mask
      | BitField<StreamTableEntry, StreamConfig>.config.mask
      | BitField<StreamTableEntry, UInt8>.contextTableFormat.mask
      | BitField<StreamTableEntry, UInt64>.contextPointer.mask
      | BitField<StreamTableEntry, UInt8>.substreamBits.mask
    let word1 =
      lowBits(8) | BitField<StreamTableEntry, Bool>.stage1StallDisabled.mask
      | BitField<StreamTableEntry, ATSMode>.ats.mask
    let config = entry[.config]
    guard entry[word: 0] & ~word0 == 0, entry[word: 1] & ~word1 == 0,
      [.abort, .bypass, .stage1].contains(config), entry[.ats].rawValue <= 1
    else {
      throw Refusal(
        by: .host, in: "arm_smmu_validate_vste", errno: "EIO",
        message: "the guest's STE has Config \(config.rawValue) or bits that it may not set")
    }
  }

  /// The guest's command with the VMID and the StreamID that are its own
  /// (`arm_vsmmu_convert_user_cmd`).
  func converted(_ command: SMMUCommand) throws(Refusal) -> SMMUCommand {
    var command = command
    if kernel.has(.commandBitsRefused), command.hasUnnamedBits {
      throw refused(command, "\(command[.opcode]) has bits that the host does not support")
    }
    switch command[.opcode] {
    case .invalidateNonHyp:
      command = SMMUCommand(.invalidateEL1)
      command[.vmid] = machineID(for: command)
    case .invalidateEL1, .invalidateEL1ASID, .invalidateEL1Address, .invalidateEL1AddressAllASIDs:
      command[.vmid] = machineID(for: command)
    case .invalidateContext, .invalidateContexts, .invalidateDevice:
      guard command[.stream] == guestStream else {
        throw refused(command, "StreamID \(hex(UInt64(command[.stream]))) is no vDEVICE")
      }
      command[.stream] = platform.streamID.rawValue
    default:
      throw refused(command, "\(command[.opcode]) is not the guest's to send")
    }
    return command
  }

  /// The VMID that a guest's invalidation goes on with.
  private func machineID(for command: SMMUCommand) -> UInt16 {
    defects.contains(.keepsGuestMachine) ? command[.vmid] : virtualMachineID
  }

  private func refused(_ command: SMMUCommand, _ message: String) -> Refusal {
    Refusal(by: .host, in: "arm_vsmmu_convert_user_cmd", errno: "EIO", message: message)
  }

  func mapped(
    _ function: String, _ body: () throws(PageTable.Failure) -> [MemoryWrite]
  ) throws(Refusal) -> [MemoryWrite] {
    do { return try body() } catch {
      switch error {
      case .alreadyMapped:
        throw Refusal(
          by: .host, in: function, errno: "EEXIST", message: "the range is mapped already")
      case .noMemory: throw .outOfMemory(function)
      case .misalignedOrOutOfRange:
        throw Refusal(
          by: .host, in: function, errno: "EINVAL", message: "the range is misaligned or too high")
      }
    }
  }
}

/// A stage 2 of the VM's: its table, and the objects of iommufd that stand for it.
struct StageTwo {
  var table: PageTable?
  /// The address space with the guest's RAM, the nest parent and the vIOMMU.
  var space: UInt32?
  var parent: UInt32?
  var viommu: UInt32?
  /// How many doorbells of the parent's domain the table has.
  var doorbells = 0
}
