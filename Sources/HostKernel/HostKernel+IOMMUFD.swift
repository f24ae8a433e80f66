internal import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
public import Software

// iommufd and the SMMUv3 driver's nesting support: drivers/iommu/iommufd,
// drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c.
extension HostKernel {
  /// A device in its VMM's file, which claims it at its first use (`iommufd_device_bind`).
  private mutating func bound(_ device: DeviceIndex) throws(Refusal) -> UInt32 {
    if let bound = self[device].bound { return bound }
    let group = self[device].group
    let bound = try iommufd(of: device).bind(group.devices[0], of: group)
    self[device].bound = bound
    return bound
  }

  /// The address space of a device's stage 2 (IOMMU_IOAS_ALLOC).
  private mutating func addressSpace(of device: DeviceIndex) throws(Refusal) -> (
    id: UInt32, space: IOAddressSpace
  ) {
    let file = iommufd(of: device)
    let id = stageTwo(of: device).space ?? file.allocateAddressSpace()
    withStageTwo(of: device) { $0.space = id }
    return (id, try file.addressSpace(id))
  }

  /// The nest parent: a stage 2 table with the guest's RAM in it.
  mutating func createStageTwo(
    _ extents: [HostCall.RAMExtent], for device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    let bound = try bound(device)
    let (id, space) = try addressSpace(of: device)
    for extent in extents {
      try space.map(at: IOVA(extent.ipa.rawValue), length: extent.size, to: extent.pa)
    }
    let file = iommufd(of: device)
    let parent = try file.allocatePaging(device: bound, addressSpace: id, flags: .nestParent)
    let vmid = takeVMID()
    withStageTwo(of: device) {
      $0.parent = parent
      $0.vmid = vmid
    }
    guard let domain = file.domain(ofTable: parent) else { return [] }
    return try fillTable(of: domain, vmid: vmid, pagesOnly: space.pagesOnly)
  }

  /// The lowest VMID that is free (`ida_alloc_range` of `vmid_map`).
  private mutating func takeVMID() -> UInt16 {
    let free = (1...UInt16.max).first { !vmids.contains($0) } ?? .max
    vmids.insert(free)
    return free
  }

  private mutating func fillTable(
    of domain: IOMMUDomain, vmid: UInt16, pagesOnly: Bool
  ) throws(Refusal) -> [Step<Never>] {
    let table = try outOfMemory("arm_64_lpae_alloc_pgtable_s2") { () throws(PageTable.Failure) in
      try PageTable(
        stage: .two, granule: pageShift, inputBits: 44, outputBits: 44, frames: &stageTwoFrames)
    }
    domain.keepTable(table)
    // Scattered pages, as a recorded guest has them, are mapped one by one.
    let written = try mapped("iopt_map_pages") { () throws(PageTable.Failure) in
      try domain.writeMappings(pagesOnly: pagesOnly, frames: &stageTwoFrames)
    }
    return [
      Step(
        .host, "iommufd_hwpt_paging_alloc", "stage 2 table at \(table.root), VMID \(vmid)",
        .decide)
    ]
      + written.map { part in
        let size = part.range.upperBound - part.range.lowerBound &+ 1
        return Step(
          .host, "iopt_map_pages",
          "S2: RAM \(IPA(part.range.lowerBound)) + \(hex(size)) -> \(part.mapping.output)",
          .write(part.writes))
      }
  }

  mutating func disableLargePages(for device: DeviceIndex) throws(Refusal) -> [Step<Never>] {
    try addressSpace(of: device).space.disableLargePages()
    return [
      Step(.host, "iopt_disable_large_pages", "every mapping is of single pages", .decide)
    ]
  }

  /// The software MSI window of a VM's devices, as IOVAs of stage 2.
  public func window(of vm: VMIndex) -> Range<UInt64> {
    let first = devices.first { $0.vm == vm }
    let moved = first?.bound.flatMap {
      machines[vm.rawValue].iommufd.windowStart(ofDevice: $0)
    }
    let window = AddressRange(
      from: moved?.rawValue ?? messageWindow.base, length: messageWindow.length)
    let end = window.base.addingReportingOverflow(window.length)
    return window.base..<(end.overflow ? .max : end.partialValue)
  }

  /// Attaches a device to a table of its file's, or moves it there; stage 2 gets the doorbells that
  /// the file wants in it.
  private mutating func attach(
    _ device: DeviceIndex, to table: UInt32
  ) throws(Refusal) -> [Step<Never>] {
    let bound = try bound(device)
    let file = iommufd(of: device)
    if file.isAttached(device: bound) {
      try file.replace(device: bound, by: table)
    } else {
      try file.attach(device: bound, to: table)
    }
    return try installDoorbells(of: device)
  }

  /// Writes the doorbells that the objects have put into the device's domain since the last time.
  mutating func installDoorbells(of device: DeviceIndex) throws(Refusal) -> [Step<Never>] {
    let domain = self[device].group.domain.paging
    guard domain.table != nil || domain.doorbells.isEmpty else {
      throw Refusal(
        by: .host, in: "iopt_map_pages", errno: "ENOENT", message: "no stage 2 table")
    }
    let function = domain.cookie == .iommufd ? "iommufd_sw_msi" : "iommu_dma_get_msi_page"
    return try write(domain, function: function) { part in
      "S2: window page \(IOVA(part.range.lowerBound)) -> host doorbell \(part.mapping.output)"
    }
  }

  /// Writes the mappings that a domain's table does not have yet.
  private mutating func write(
    _ domain: IOMMUDomain, function: String, _ text: (IOMMUDomain.WrittenMapping) -> String
  ) throws(Refusal) -> [Step<Never>] {
    let written = try mapped(function) { () throws(PageTable.Failure) in
      try domain.writeMappings(frames: &stageTwoFrames)
    }
    return written.map { Step(.host, function, text($0), .write($0.writes)) }
  }

  /// A device gets its stage 2 table alone (`arm_smmu_attach_dev`).
  mutating func attachStageTwo(to device: DeviceIndex) throws(Refusal) -> [Step<Never>] {
    let stage = stageTwo(of: device)
    guard let parent = stage.parent, let table = table(of: device) else {
      throw Refusal(
        by: .host, in: "iommufd_device_attach", errno: "ENOENT", message: "no stage 2 table")
    }
    return try attach(device, to: parent)
      + smmus[self[device].smmu].write(
        stageTwoEntry(table, stage.vmid, of: device),
        of: self[device].platform.streamID.rawValue, function: "arm_smmu_attach_dev",
        text: "stage 2 only, no vIOMMU")
      + enableATS(of: device)
  }

  /// The entry of a domain of the host's own, with `EATS` where the function may use ATS
  /// (`arm_smmu_make_s2_domain_ste`).
  private func stageTwoEntry(
    _ table: PageTable, _ vmid: UInt16, of device: DeviceIndex
  ) -> StreamTableEntry {
    var entry = StreamTableEntry.stage2(table, vmid: vmid, outputSize: outputSize)
    if self[device].platform.atsCapability != nil { entry[.ats] = .full }
    return entry
  }

  /// Empties a function's ATC and turns its ATS on (`arm_smmu_enable_ats`). Its smallest
  /// translation unit is 4 KiB.
  private mutating func enableATS(of device: DeviceIndex) -> [Step<Never>] {
    guard let capability = self[device].platform.atsCapability, !self[device].usesATS else {
      return []
    }
    self[device].usesATS = true
    return emptyATC(of: device) + [
      Step(
        .host, "pci_enable_ats", "ATS on: its DMA may be translated; its MSIs stay untranslated",
        .config(offset: capability + 6, value: 1 << 15, width: 2))
    ]
  }

  /// Turns a function's ATS off, before its entry forbids it (`arm_smmu_attach_prepare`).
  mutating func disableATS(of device: DeviceIndex) -> [Step<Never>] {
    guard let capability = self[device].platform.atsCapability, self[device].usesATS else {
      return []
    }
    self[device].usesATS = false
    return [
      Step(
        .host, "pci_disable_ats", "ATS off",
        .config(offset: capability + 6, value: 0, width: 2))
    ] + emptyATC(of: device)
  }

  /// CMD_ATC_INV of everything (`arm_smmu_atc_inv_master`).
  private mutating func emptyATC(of device: DeviceIndex) -> [Step<Never>] {
    var command = SMMUCommand(.invalidateDevice)
    command[.stream] = self[device].platform.streamID.rawValue
    // `ATC_INV_SIZE_ALL`.
    command[.size] = 52
    return smmus[self[device].smmu].send(
      [command], "arm_smmu_atc_inv_master", "ATC_INV of StreamID \(self[device].platform.streamID)")
  }

  /// The stage 2 table of a device; `nil` before it is made.
  func table(of device: DeviceIndex) -> PageTable? { domain(of: device)?.table }

  /// The nest parent's domain.
  private func domain(of device: DeviceIndex) -> IOMMUDomain? {
    stageTwo(of: device).parent.flatMap { iommufd(of: device).domain(ofTable: $0) }
  }

  /// The window of every device of the VM starts where its VMM says.
  mutating func moveWindow(
    ofMachineOf device: DeviceIndex, to start: IOVA
  ) throws(Refusal) -> [Step<Never>] {
    let file = iommufd(of: device)
    for index in devices.indices where devices[index].vm == self[device].vm {
      try file.placeWindow(ofDevice: bound(DeviceIndex(index)), at: start)
    }
    return [
      Step(
        .host, "iommufd_option_sw_msi (proposed)", "the software MSI window starts at \(start)",
        .decide)
    ]
  }

  /// The vIOMMU and the vDEVICE that ties the guest's StreamID to the physical one.
  mutating func createVirtualSMMU(
    for device: DeviceIndex, guestStream: UInt32?
  ) throws(Refusal) -> [Step<Never>] {
    guard self[device].platform.isCoherent else {
      throw Refusal(
        by: .host, in: "arm_vsmmu_alloc", errno: "EOPNOTSUPP",
        message: "neither CANWBS nor S2FWB: the guest's stage 1 could bypass the caches")
    }
    let bound = try bound(device)
    let file = iommufd(of: device)
    let stage = stageTwo(of: device)
    let viommu: UInt32
    if let known = stage.viommu {
      viommu = known
    } else {
      viommu = try file.allocateVirtualIOMMU(device: bound, parent: stage.parent ?? 0)
    }
    withStageTwo(of: device) { $0.viommu = viommu }
    guard let guestStream else {
      return [
        Step(.host, "iommufd_viommu_alloc_ioctl", "a vIOMMU over the nest parent", .decide)
      ]
    }
    _ = try file.allocateVirtualDevice(
      viommu: viommu, device: bound, virtualID: UInt64(guestStream))
    self[device].guestStream = guestStream
    let stream = self[device].platform.streamID.rawValue
    return [
      Step(
        .host, "iommufd_vdevice_alloc_ioctl",
        "vSID \(hex(UInt64(guestStream))) is StreamID \(hex(UInt64(stream)))", .decide)
    ]
  }

  /// Stage 2 gets the doorbell where the guest sees its own: that of the device's ITS where each
  /// ITS has tables of its own, else that of the first ITS for all devices.
  mutating func mapGuestDoorbell(
    _ page: IPA, for device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    let function = "iommufd_ioas_map_msi (proposed)"
    let target =
      stageTwoDoorbell == .guestDoorbellPerITS
      ? doorbellPage(of: device) : doorbellPage(ofITS: itses.startIndex)
    guard let domain = domain(of: device) else {
      throw Refusal(by: .host, in: function, errno: "ENOENT", message: "no stage 2 table")
    }
    let range = page.rawValue...page.rawValue &+ lowBits(pageShift)
    guard domain.map(range, to: target, [.read, .write, .mmio], by: function) else {
      throw Refusal(
        by: .host, in: function, errno: "EEXIST", message: "the range is mapped already")
    }
    let offset = doorbell(of: device).offset(belowBit: pageShift)
    let belief = DoorbellBelief("iommufd", .ipa(page + offset), leadsTo: .pa(target + offset))
    return try write(domain, function: function) { _ in
      "S2: guest doorbell \(page) -> host doorbell \(target)"
    }.map { $0.believing(belief) }
  }

  /// Installs the guest's STE under the host's stage 2
  /// (`arm_smmu_validate_vste`, `arm_smmu_make_nested_domain_ste`).
  mutating func attach(
    _ device: DeviceIndex, guestEntry: StreamTableEntry
  ) throws(Refusal) -> [Step<Never>] {
    let stage = stageTwo(of: device)
    guard let parent = stage.parent, let table = table(of: device) else {
      throw Refusal(
        by: .host, in: "iommufd_hwpt_alloc", errno: "ENOENT", message: "no nest parent")
    }
    if guestEntry[.valid] { try checkGuestEntry(guestEntry) }
    let translates = guestEntry[.valid] && guestEntry[.config] == .stage1
    guard
      self[device].guestStream != nil || (kernel.has(.attachWithoutDevice) && !translates)
    else {
      throw Refusal(
        by: .host, in: "arm_smmu_attach_prepare_vmaster", errno: "ENOENT", message: "no vDEVICE")
    }
    return try disableATS(of: device) + attachNested(device, over: stage.viommu ?? parent)
      + entrySteps(guestEntry, of: device, over: table, vmid: stage.vmid)
  }

  /// A nested table of the file's for the guest's entry, instead of the last one's.
  private mutating func attachNested(
    _ device: DeviceIndex, over parent: UInt32
  ) throws(Refusal) -> [Step<Never>] {
    let file = iommufd(of: device)
    let nested = try file.allocateNested(device: bound(device), parent: parent)
    let steps: [Step<Never>]
    do throws(Refusal) {
      steps = try attach(device, to: nested)
    } catch {
      try file.destroy(nested)
      throw error
    }
    if let last = self[device].nested { try file.destroy(last) }
    self[device].nested = nested
    return steps
  }

  private mutating func entrySteps(
    _ guestEntry: StreamTableEntry, of device: DeviceIndex, over table: PageTable, vmid: UInt16
  ) -> [Step<Never>] {
    let parent = StreamTableEntry.stage2(table, vmid: vmid, outputSize: outputSize)
    let (entry, text): (StreamTableEntry, String) =
      switch guestEntry[.config] {
      case _ where !guestEntry[.valid]: (.abort, "abort: the guest's is invalid")
      case .stage1: (nested(guestEntry, parent), "the guest's stage 1 over stage 2")
      case .bypass: (parent, "stage 2 only")
      default: (.abort, "abort")
      }
    return smmus[self[device].smmu].write(
      entry, of: self[device].platform.streamID.rawValue, function: "arm_smmu_attach_dev_nested",
      text: text)
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
  func converted(
    _ command: SMMUCommand, of device: DeviceIndex
  ) throws(Refusal) -> SMMUCommand {
    var command = command
    if kernel.has(.commandBitsRefused), command.hasUnnamedBits {
      throw refused(command, "\(command[.opcode]) has bits that the host does not support")
    }
    switch command[.opcode] {
    case .tlbiNSNHAll:
      command = SMMUCommand(.tlbiNHAll)
      command[.vmid] = vmid(for: command, of: device)
    case .tlbiNHAll, .tlbiNHASID, .tlbiNHVA, .tlbiNHVAA:
      command[.vmid] = vmid(for: command, of: device)
    case .invalidateContext, .invalidateContexts, .invalidateDevice:
      guard command[.stream] == self[device].guestStream else {
        throw refused(command, "StreamID \(hex(UInt64(command[.stream]))) is no vDEVICE")
      }
      command[.stream] = self[device].platform.streamID.rawValue
    default:
      throw refused(command, "\(command[.opcode]) is not the guest's to send")
    }
    return command
  }

  /// The VMID that a guest's invalidation goes on with.
  private func vmid(for command: SMMUCommand, of device: DeviceIndex) -> UInt16 {
    defects.contains(.keepsGuestMachine) ? command[.vmid] : stageTwo(of: device).vmid
  }

  private func refused(_ command: SMMUCommand, _ message: String) -> Refusal {
    Refusal(by: .host, in: "arm_vsmmu_convert_user_cmd", errno: "EIO", message: message)
  }

  func mapped<Result>(
    _ function: String, _ body: () throws(PageTable.Failure) -> Result
  ) throws(Refusal) -> Result {
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

/// What the kernel keeps for a VMM: its file of iommufd and the stage 2 tables in it, one for each
/// SMMU, and where the design says so, for each ITS behind it.
struct MachineFile {
  var iommufd: IOMMUFD
  var stageTwos: [StageTwo] = []
}

/// The objects of iommufd that stand for a stage 2 table; the table is the parent's domain's.
struct StageTwo {
  /// The address space with the guest's RAM, the nest parent and the vIOMMU.
  var space: UInt32?
  var parent: UInt32?
  var viommu: UInt32?
  /// The VMID; 0 before the table is made.
  var vmid: UInt16 = 0
}
