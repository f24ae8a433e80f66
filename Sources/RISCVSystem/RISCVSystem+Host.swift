internal import ArmFormats
internal import Bits
internal import Designs
internal import Guest
internal import Linux
internal import Memory
internal import PCI
internal import Platforms
internal import RISCV
internal import RISCVFormats
internal import Software

// The host's kernel: the IOMMU's driver, the IMSIC's, and VFIO.
extension RISCVSystem {
  /// Brings the IOMMU up (`drivers/iommu/riscv/iommu.c`, `riscv_iommu_init`), and the harts' own
  /// interrupt files (`irq-riscv-imsic-early.c`).
  mutating func bootHost() {
    for hart in 0..<RISCVMap.harts {
      perform(
        .host, "imsic_local_init", "hart \(hart): eithreshold 0, all identities may interrupt",
        file(hart, 0, InterruptFileRegister.eithreshold, 0))
      perform(
        .host, "imsic_local_delivery", "hart \(hart): eidelivery 1",
        file(hart, 0, InterruptFileRegister.eidelivery, 1))
    }
    let commands = allocate(pages: 4)
    let faults = allocate(pages: 4)
    setCommandQueue(commands)
    let size = Self.queueBits - 1
    register("riscv_iommu_queue_alloc", "cqb", IOMMURegister.cqb, commands.rawValue >> 2 | size, 8)
    register("riscv_iommu_queue_alloc", "fqb", IOMMURegister.fqb, faults.rawValue >> 2 | 6, 8)
    register("riscv_iommu_queue_enable", "cqcsr.cqen", IOMMURegister.cqcsr, 1, 4)
    register("riscv_iommu_queue_enable", "fqcsr.fqen", IOMMURegister.fqcsr, 1, 4)
    let directory = allocate()
    directoryRoot = directory
    register(
      "riscv_iommu_iodir_set_mode", "ddtp: three levels at \(directory)", IOMMURegister.ddtp,
      directory.rawValue >> 2 | UInt64(DirectoryMode.threeLevels.rawValue), 8)
  }

  func file(_ hart: Int, _ guest: Int, _ register: UInt64, _ value: UInt64)
    -> Action<FileChange>
  { .call(FileChange(hart: hart, guest: guest, register: register, value: value)) }

  private mutating func register(
    _ function: String, _ text: String, _ offset: UInt64, _ value: UInt64, _ width: Int
  ) {
    perform(
      .host, function, "\(text) (\(hex(value)))",
      .mmio(RISCVMap.iommu + offset, value, width: width))
  }

  // MARK: VFIO

  /// Gives a function to a VM: the IOMMU's domain for it, its window or MSI page table, and its
  /// context.
  mutating func assign(_ index: Int, toVM vm: Int) {
    let device = specification.workload.device
    let requester = RequesterID(
      rawValue: UInt16(truncatingIfNeeded: device.hostID) &+ UInt16(index))
    devices.append(
      Device(
        function: PCIFunction(
          profile: PCIFunctionProfile(
            requesterID: requester,
            msix: .init(
              vectors: device.vectors, bar: 0, tableOffset: 0,
              pendingOffset: RISCVMap.pendingOffset),
            barSize: RISCVMap.barSize)),
        vm: vm, vectors: Array(repeating: Vector(), count: device.vectors)))
    guard isIsolated(index) else { return }
    installContext(of: index)
  }

  /// What VFIO asks: neither series' interrupt domain checks a message's data, so that it is no
  /// isolated MSI; that of the MSI page table claims isolation for guests
  /// (IOMMU_CAP_GUEST_MSI_ISOLATION), which the path by iommufd takes.
  private mutating func isIsolated(_ index: Int) -> Bool {
    guard answer == .window, specification.platform != .riscvUnsafe else {
      perform(
        .host, "iommufd_device_bind",
        answer == .window
          ? "no isolated MSI; allow_unsafe_interrupts lets it pass"
          : "no isolated MSI, but guests' messages reach guest interrupt files alone", device: index
      )
      return true
    }
    let refusal = Refusal(
      by: .host, in: "iommufd_device_bind", errno: "EPERM",
      message:
        "device's interrupts are not isolated: the IOMMU does not check the data of MSIs, and "
        + "allow_unsafe_interrupts is off")
    refuse(refusal, device: index)
    return false
  }

  /// Set-up ends here.
  mutating func refuse(_ refusal: Refusal, device: Int) {
    if self.refusal == nil { self.refusal = refusal }
    perform(Step(refusing: refusal), device: device)
  }

  /// `riscv_iommu_iodir_update`: the entry is taken out, written and put in.
  mutating func installContext(of index: Int) {
    let device = devices[index]
    let vm = device.vm
    var context = DeviceContext()
    switch answer {
    case .window:
      context[.firstStageMode] = .sv48
      context[.firstStagePage] = vms[vm].domain.root.rawValue >> 12
      context[.processSoftContext] = UInt32(vm + 1)
    case .messageTable:
      context[.secondStageMode] = .sv48x4
      context[.secondStagePage] = vms[vm].domain.root.rawValue >> 12
      context[.guestSoftContext] = UInt16(vm + 1)
      context[.messageTableMode] = .flat
      context[.messageTablePage] = vms[vm].messageTable.rawValue >> 12
      (context[.messageMask], context[.messagePattern]) =
        vms[vm].ownsGeometry ? guestGeometry : hostGeometry
    }
    write(context, for: index)
  }

  private mutating func write(_ context: DeviceContext, for index: Int) {
    let requester = UInt64(devices[index].function.profile.requesterID.rawValue)
    let place = contextPlace(requester)
    if (memory.load64(place) ?? 0) & 1 != 0 { remove(index) }
    let words = (1..<8).map { MemoryWrite(place + 8 * UInt64($0), context[word: $0]) }
    let stage = answer == .window ? "first stage Sv48" : "second stage Sv48x4, MSI page table"
    perform(
      .host, "riscv_iommu_iodir_update", "context of device \(hex(requester)): \(stage)",
      .write(words), device: index)
    perform(
      .host, "riscv_iommu_iodir_update", "context of device \(hex(requester)) valid",
      .write([MemoryWrite(place, 1)]), device: index)
    queue([invalidation(of: requester)], by: "riscv_iommu_cmd_send", "IODIR.INVAL_DDT")
  }

  /// Takes a device's context out.
  mutating func remove(_ index: Int) {
    let requester = UInt64(devices[index].function.profile.requesterID.rawValue)
    perform(
      .host, "riscv_iommu_iodir_update", "context of device \(hex(requester)) not valid",
      .write([MemoryWrite(contextPlace(requester), 0)]), device: index)
    queue([invalidation(of: requester)], by: "riscv_iommu_cmd_send", "IODIR.INVAL_DDT")
  }

  private func invalidation(of requester: UInt64) -> IOMMUCommand {
    var command = IOMMUCommand()
    command[.opcode] = .iodir
    command[.deviceValid] = true
    command[.device] = UInt32(truncatingIfNeeded: requester)
    return command
  }

  /// Where a context is, in tables that are made as needed.
  private mutating func contextPlace(_ requester: UInt64) -> PA {
    var table = directoryRoot
    for level in [15, 6] as [UInt64] {
      let place = table + 8 * (requester >> level & 0x1ff)
      var entry = DirectoryEntry(rawValue: memory.load64(place) ?? 0)
      if !entry[.valid] {
        let next = allocate()
        entry[.valid] = true
        entry[.page] = next.rawValue >> 12
        perform(
          .host, "riscv_iommu_get_dc", "directory table at \(next)",
          .write([MemoryWrite(place, entry.rawValue)]))
      }
      table = PA(entry.table)
    }
    return table + 64 * (requester & 0x3f)
  }

  /// `msi_addr_mask` and `msi_addr_pattern` for the harts' own files, which the domain has first.
  var hostGeometry: (UInt64, UInt64) {
    let range = platform.files.range
    return (range.length / 4096 - 1, range.base >> 12)
  }

  /// The same for the guest's files: one virtual hart.
  var guestGeometry: (UInt64, UInt64) { (0, RISCVMap.guestInterruptFiles.rawValue >> 12) }

  // MARK: Interrupts

  /// A vector is unmasked for the first time: VFIO asks for an interrupt, and the device gets the
  /// host's message (`vfio_msi_set_vector_signal`, `imsic_irq_domain_alloc`).
  mutating func setVectorSignal(_ number: Int, of index: Int) {
    perform(
      .host, "vfio_msi_set_vector_signal", "vector \(number) gets an eventfd", device: index)
    guard nextHostIdentity <= RISCVMap.identities else {
      return refuse(Self.noIdentity(.host, "imsic_vector_alloc"), device: index)
    }
    let identity = nextHostIdentity
    nextHostIdentity += 1
    devices[index].vectors[number].hart = 0
    devices[index].vectors[number].hostIdentity = identity
    perform(
      .host, "imsic_vector_alloc", "identity \(identity) of hart 0", device: index)
    let address = hostMessageAddress(of: index)
    switch answer {
    case .window:
      perform(
        .host, "iommu_dma_prepare_msi_list",
        "the window's page for hart 0 is \(IOVA(address))", device: index)
    case .messageTable: mapHostFile(of: index)
    }
    perform(
      .host, "__imsic_eix_update", "identity \(identity) of hart 0 enabled",
      file(0, 0, InterruptFileRegister.eie0 + 2 * UInt64(identity >> 6), enabledBits(identity)),
      device: index, payload: .interrupt(identity, isEnabled: true))
    writeEntry(number, of: index, address: address, data: identity, reason: "the host's message")
    devices[index].vectors[number].isRouted = true
    perform(
      hostDriver(of: index).setMask(number, false).lifted(to: FileChange.self), device: index)
  }

  static func noIdentity(_ agent: Agent, _ function: String) -> Refusal {
    Refusal(
      by: agent, in: function, errno: "ENOSPC",
      message: "an interrupt file has \(RISCVMap.identities) identities")
  }

  /// The address of hart 0's own file, as the device has to write it.
  func hostMessageAddress(of index: Int) -> UInt64 {
    answer == .window ? RISCVMap.window.rawValue : platform.files.address(hart: 0).rawValue
  }

  /// `__imsic_eix_update` sets one bit; the register is read by its own hart.
  private func enabledBits(_ identity: UInt32) -> UInt64 {
    let old =
      platform.files.file(hart: 0)?.readRegister(
        InterruptFileRegister.eie0 + 2 * UInt64(identity >> 6)) ?? 0
    return old | MemoryResidentFile.bit(identity)
  }

  /// `riscv_iommu_ir_irq_msitbl_map`: the entry that the host's own message needs. Once the table has
  /// the guest's geometry, the index that comes of it is one of the guest's files, and an entry that
  /// is in use stays as it is.
  private mutating func mapHostFile(of index: Int) {
    let vm = devices[index].vm
    guard !vms[vm].ownsGeometry else {
      perform(
        .host, "riscv_iommu_ir_irq_msitbl_map",
        "the table has the guest's geometry: the entry is in use and stays", device: index)
      return
    }
    let target = platform.files.address(hart: 0)
    setEntry(0, to: target, vm: vm, "riscv_iommu_ir_msitbl_map", "hart 0's own file")
    invalidateMessages(target.rawValue, vm: vm)
  }

  /// Writes an entry of the MSI page table in basic translate mode.
  private mutating func setEntry(
    _ number: UInt64, to file: PA, vm: Int, _ function: String, _ what: String
  ) {
    var entry = MSIPageTableEntry()
    entry[.valid] = true
    entry[.mode] = MSIPageTableEntry.basic
    entry[.page] = file.rawValue >> 12
    let place = vms[vm].messageTable + 16 * number
    perform(
      .host, function, "MSI PTE \(number): \(what) at \(file)",
      .write([MemoryWrite(place, entry[word: 0]), MemoryWrite(place + 8, 0)]))
  }

  private mutating func invalidateMessages(_ address: UInt64?, vm: Int) {
    var command = IOMMUCommand()
    command[.opcode] = .iotinval
    command[.function] = 1
    command[.guestValid] = true
    command[.guestSoftContext] = UInt16(vm + 1)
    if let address {
      command[.addressValid] = true
      command[.page] = address >> 12
    }
    queue([command], by: "riscv_iommu_ir_msitbl_inval", "IOTINVAL.GVMA")
  }

  /// KVM hands an interrupt to the IOMMU (`riscv_iommu_ir_irq_set_vcpu_affinity`).
  mutating func setVirtualCPUAffinity(of index: Int) {
    let vm = devices[index].vm
    let target = platform.files.address(hart: vms[vm].hart, guest: vms[vm].file)
    let address = RISCVMap.guestInterruptFiles.rawValue
    guard !vms[vm].ownsGeometry else {
      let place = vms[vm].messageTable
      let entry = MSIPageTableEntry(words: [memory.load64(place) ?? 0, 0])
      guard !entry[.valid] || PA(entry.address) != target else {
        perform(
          .host, "riscv_iommu_ir_irq_set_vcpu_affinity", "the entry leads to \(target) already",
          device: index)
        return
      }
      setEntry(0, to: target, vm: vm, "riscv_iommu_ir_irq_set_vcpu_affinity", "the guest's file")
      return invalidateMessages(address, vm: vm)
    }
    // The first: the table changes from the harts' own files to the guest's.
    perform(
      .host, "riscv_iommu_ir_vcpu_new_config", "the table is cleared",
      .write([MemoryWrite(vms[vm].messageTable, 0), MemoryWrite(vms[vm].messageTable + 8, 0)]),
      device: index)
    setEntry(0, to: target, vm: vm, "riscv_iommu_ir_vcpu_new_config", "the guest's file")
    invalidateMessages(nil, vm: vm)
    vms[vm].ownsGeometry = true
    for other in devices.indices where devices[other].vm == vm { installContext(of: other) }
  }

  func hostDriver(of index: Int) -> MSIXDriver {
    MSIXDriver(
      agent: .host, kernel: specification.hostKernel, table: RISCVMap.bar(ofDevice: index),
      capability: UInt16(devices[index].function.msixCapability),
      size: devices[index].vectors.count)
  }

  /// Writes a message into the device (`pci_write_msg_msix`), masked meanwhile.
  mutating func writeEntry(
    _ number: Int, of index: Int, address: UInt64, data: UInt32, reason: String
  ) {
    let driver = hostDriver(of: index)
    let isUnmasked = devices[index].function.tableEntry(number)?[.mask] == false
    if isUnmasked {
      perform(driver.setMask(number, true).lifted(to: FileChange.self), device: index)
    }
    for step in driver.write(number, address: IOVA(address), data: data, reason: reason) {
      perform(step.lifted(to: FileChange.self), device: index)
    }
    if isUnmasked {
      perform(driver.setMask(number, false).lifted(to: FileChange.self), device: index)
    }
  }
}
