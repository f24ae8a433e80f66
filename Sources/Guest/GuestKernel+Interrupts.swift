internal import ArmFormats
internal import Bits
internal import Firmware
internal import IOMMU
internal import Linux
package import Software

// The ITS driver, the MSI domain and MSI-X: drivers/irqchip/irq-gic-v3-its.c, drivers/pci/msi,
// drivers/iommu/dma-iommu.c.
extension GuestKernel {
  /// A driver asks for vectors and requests each of them: what most drivers do once
  /// (`pci_alloc_irq_vectors`, `request_irq`). The user may move them.
  mutating func enableVectors(_ count: Int, of device: Int) throws(Refusal) -> [Step<Never>] {
    var steps = try allocateVectors(count, managed: 0..<0, of: device)
    for vector in devices[device].vectors.indices {
      steps += try requestVector(vector, of: device)
    }
    return steps
  }

  /// A driver asks for vectors (`pci_alloc_irq_vectors_affinity`): translation table, events, messages
  /// and entries. They stay masked until they are requested.
  ///
  /// - Parameter managed: the vectors that the kernel spreads over the CPUs by itself.
  package mutating func allocateVectors(
    _ count: Int, managed: Range<Int>, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    let store = devices[device].function.store
    guard count >= 1, count <= (store == .msi ? 32 : devices[device].function.vectors) else {
      throw Refusal(
        by: .guest, in: store == .msi ? "__pci_enable_msi_range" : "__pci_enable_msix_range",
        errno: "ENOSPC", message: "\(count) vectors of \(devices[device].function.vectors)")
    }
    guard devices[device].vectors.isEmpty else {
      throw Refusal(
        by: .guest, in: "__pci_enable_msix_range", errno: "EINVAL",
        message: "the device has vectors already")
    }
    if store == .msi { return try allocateMSI(count, managed: managed, of: device) }
    let msix = devices[device].msix
    var steps: [Step<Never>] = store == .msiX ? [msix.count] : []
    // The table's size is known to the per-device MSI domain alone (`hwsize`).
    let events = kernel.has(.ittByTableSize) ? devices[device].function.vectors : count
    let isEarly = kernel.has(.ittAtDomainCreation)
    if isEarly { steps += try createEvents(events, of: device) }
    // A device with a store of its own has no switch in configuration space.
    if store == .msiX { steps += [msix.enableMasked, msix.prepare(0..<count)] }
    if !isEarly { steps += try createEvents(events, of: device) }
    steps += try addVectors(count, managed: managed, of: device)
    for vector in 0..<count { steps += try activate(vector, of: device) }
    if store == .msiX {
      steps += setINTx(of: device, isOff: true) + msix.maskAll
      steps.append(msix.control(enable: true, functionMask: false))
    }
    return steps.during(.msixEnable)
  }

  /// Plain MSI: one address for all vectors, and data that leaves their numbers open
  /// (`msi_capability_init`).
  private mutating func allocateMSI(
    _ count: Int, managed: Range<Int>, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    let granted = 1 << Int(MSIDriver.exponent(of: count))
    var steps = [devices[device].msi.count]
    let isEarly = kernel.has(.ittAtDomainCreation)
    if isEarly { steps += try createEvents(granted, of: device) }
    steps.append(devices[device].msi.prepare())
    if !isEarly { steps += try createEvents(granted, of: device) }
    steps += try addVectors(granted, managed: managed, of: device)
    for vector in 0..<granted { steps += try activate(vector, of: device) }
    steps += setINTx(of: device, isOff: true)
    steps.append(devices[device].msi.setEnabled(true))
    return steps.during(.msiEnable)
  }

  /// Maps a device's events unless it has them from an earlier enable (`its_msi_prepare`).
  private mutating func createEvents(_ count: Int, of device: Int) throws(Refusal) -> [Step<Never>]
  {
    let id = devices[device].function.requesterID
    guard its?.hasDevice(id) != true else { return [] }
    return try its?.createDevice(id, vectors: count, frames: &frames) ?? []
  }

  /// Gives each vector an interrupt; nothing is mapped yet.
  private mutating func addVectors(
    _ count: Int, managed: Range<Int>, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    for vector in 0..<count {
      let group =
        managed.contains(vector)
        ? Self.managedGroup(
          of: vector - managed.lowerBound,
          among: min(managed.upperBound, count) - managed.lowerBound,
          cpus: online.count)
        : nil
      let data = try allocateInterrupt(vector, of: device)
      devices[device].vectors.append(
        GuestVector(data: data, group: devices[device].function.cpus.isEmpty ? group : nil))
    }
    return []
  }

  /// Turns a function's INTx off or on (`pci_intx`, `pci_intx_for_msi`).
  mutating func setINTx(of device: Int, isOff: Bool) -> [Step<Never>] {
    let read = RegisterRead.configuration(offset: 4, width: 2)
    let old = devices[device].command
    let new = isOff ? old | 0x400 : old & ~0x400
    devices[device].command = new
    let text = "INTx \(isOff ? "off" : "on")"
    guard new != old else {
      return [Step<Never>(.guest, "pci_intx", "\(text) already", .decide).reading([read])]
    }
    return [
      Step<Never>(.guest, "pci_intx", text, .config(offset: 4, value: UInt32(new), width: 2))
        .reading([read])
    ]
  }

  /// A driver requests one of its vectors (`request_irq`, `irq_startup`): one that was freed is mapped
  /// again, a managed one goes to its CPU, and it is enabled and unmasked.
  package mutating func requestVector(
    _ vector: Int, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    guard devices[device].vectors.indices.contains(vector) else { return [] }
    devices[device].vectors[vector].isRequested = true
    var steps: [Step<Never>] = []
    if !devices[device].vectors[vector].isMapped { steps += try activate(vector, of: device) }
    steps += start(vector, of: device)
    return steps.during(.requestIRQ)
  }

  /// `__irq_startup`, which the affinity of a managed interrupt goes before.
  mutating func start(_ vector: Int, of device: Int) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    if let group = devices[device].vectors[vector].group {
      steps += move(vector, of: device, within: group.filter { online[$0] })
    }
    devices[device].vectors[vector].isStarted = true
    let enabling = configure(vector, of: device, enabled: true)
    guard devices[device].function.store != .msi else { return steps + enabling }
    let unmask = [devices[device].msix.setMask(vector, false)]
    return steps
      + (kernel.has(.lpiEnabledBeforeUnmask) ? enabling + unmask : unmask + enabling)
  }

  /// A managed vector starts again when its CPU comes back (`irq_restore_affinity_of_irq`).
  mutating func restart(_ vector: Int, of device: Int) throws(Refusal) -> [Step<Never>] {
    devices[device].vectors[vector].waitsForCPU = false
    return (try activate(vector, of: device) + start(vector, of: device)).during(.cpuOnline)
  }

  /// A driver gives a vector back (`free_irq`, `irq_shutdown`): it is masked, disabled and unmapped,
  /// and stays allocated.
  package mutating func freeVector(_ vector: Int, of device: Int) -> [Step<Never>] {
    guard devices[device].vectors.indices.contains(vector),
      devices[device].vectors[vector].isRequested
    else { return [] }
    devices[device].vectors[vector].isRequested = false
    devices[device].vectors[vector].waitsForCPU = false
    guard devices[device].vectors[vector].isMapped else { return [] }
    return stop(vector, of: device).during(.freeIRQ)
  }

  mutating func stop(_ vector: Int, of device: Int) -> [Step<Never>] {
    devices[device].vectors[vector].isStarted = false
    let isMSI = devices[device].function.store == .msi
    return (isMSI ? [] : [devices[device].msix.setMask(vector, true)])
      + configure(vector, of: device, enabled: false) + deactivate(vector, of: device)
  }

  /// A driver gives all its vectors back (`pci_free_irq_vectors`): those that were never requested
  /// are unmapped now.
  package mutating func freeVectors(of device: Int) -> [Step<Never>] {
    guard !devices[device].vectors.isEmpty else { return [] }
    let vectors = devices[device].vectors.indices
    let isMSI = devices[device].function.store == .msi
    var steps: [Step<Never>] = []
    switch devices[device].function.store {
    case .msi: steps.append(devices[device].msi.setEnabled(false))
    case .msiX:
      for vector in vectors { steps.append(devices[device].msix.maskAtShutdown(vector)) }
      steps.append(devices[device].msix.control(enable: false, functionMask: false))
    case .device: break
    }
    if devices[device].function.store != .device { steps += setINTx(of: device, isOff: false) }
    var unmapping: [Step<Never>] = []
    for vector in vectors where devices[device].vectors[vector].isMapped {
      unmapping += deactivate(vector, of: device)
    }
    for vector in vectors {
      devices[device].lpis[UInt32(truncatingIfNeeded: vector)] = nil
      devices[device].affinities[UInt32(truncatingIfNeeded: vector)] = nil
    }
    devices[device].vectors = []
    // Vectors that were never requested are unmapped with their descriptors: recorded as the end of
    // MSI-X for either kind (`pci_free_msi_irqs`).
    steps = steps.during(isMSI ? .msiDisable : .msixDisable) + unmapping.during(.msixDisable)
    return kernel.has(.ittAtDomainCreation) ? steps : steps + releaseEvents(of: device)
  }

  /// The device's driver has gone, and with it the MSI domain of the device
  /// (`its_msi_teardown`, `its_free_device`).
  package mutating func releaseEvents(of device: Int) -> [Step<Never>] {
    its?.removeDevice(devices[device].function.requesterID) ?? []
  }

  /// Gives a vector an LPI or an SPI; the data of its message.
  private mutating func allocateInterrupt(
    _ vector: Int, of device: Int
  ) throws(Refusal) -> UInt32 {
    let event = UInt32(truncatingIfNeeded: vector)
    guard its != nil else {
      guard let spi = messageFrame?.allocate(1)?.lowerBound else {
        throw Refusal(
          by: .guest, in: "gicv2m_irq_domain_alloc", errno: "ENOSPC", message: "no SPI is left")
      }
      devices[device].lpis[event] = spi
      return spi
    }
    guard let lpi = its?.lpi(ofEvent: event, device: devices[device].function.requesterID) else {
      throw Refusal(
        by: .guest, in: "its_alloc_device_irq", errno: "ENOSPC", message: "no LPI is left")
    }
    devices[device].lpis[event] = lpi
    return event
  }

  /// Maps a vector's event, or sets its SPI up, and writes its message (`msi_domain_activate`).
  private mutating func activate(
    _ vector: Int, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    let id = devices[device].function.requesterID
    guard let interrupt = devices[device].lpis[event] else { return [] }
    let cpu = firstCPU(of: vector, device)
    devices[device].affinities[event] = cpu
    devices[device].vectors[vector].isMapped = true
    loads[cpu].count(1, isManaged: devices[device].vectors[vector].group != nil)
    let prepared = try prepareMessage(of: device)
    var steps =
      prepared.steps
      + (its?.activate(device: id, event: event, lpi: interrupt, cpu: cpu)
        ?? messageFrame?.activate(interrupt) ?? [])
    let data = devices[device].vectors[vector].data
    devices[device].messages[vector] = prepared.address
    guard devices[device].function.store == .msi else {
      return steps
        + devices[device].msix.write(
          vector, address: prepared.address, data: data,
          reason: its == nil ? "the guest's frame and SPI" : "the guest's doorbell and EventID")
    }
    // All vectors have the first one's message.
    guard vector == 0 else { return steps }
    steps += devices[device].msi.write(
      devices[device].vectors.count, address: prepared.address, data: data,
      reason: its == nil ? "the guest's frame and SPIs" : "the guest's doorbell and EventIDs")
    return steps
  }

  /// Writes a vector's message once more (`pci_write_msi_msg`).
  mutating func rewriteMessage(
    of vector: Int, _ device: Int
  ) throws(Refusal) -> [Step<Never>] {
    let prepared = try prepareMessage(of: device)
    return prepared.steps
      + devices[device].msix.write(
        vector, address: prepared.address, data: devices[device].vectors[vector].data,
        reason: "the cached message again")
  }

  /// Writes messages and masks again that a reset of the function has cleared
  /// (`pci_restore_msi_state`, `__pci_restore_msix_state`); the events stay mapped.
  package mutating func restoreMessages(of device: Int) -> [Step<Never>] {
    guard devices[device].function.store == .msiX, !devices[device].vectors.isEmpty else {
      return []
    }
    let msix = devices[device].msix
    var steps = setINTx(of: device, isOff: true)
    steps.append(msix.control(enable: true, functionMask: true))
    let command = RegisterRead.configuration(offset: 4, width: 2)
    let value = UInt32(devices[device].command)
    let writesCommand = kernel.has(.restoreTurnsMemoryOn)
    let function = "__pci_restore_msix_state"
    if writesCommand {
      steps.append(
        Step<Never>(
          .guest, function, "memory space on", .config(offset: 4, value: value | 2, width: 2)
        ).reading([command]))
    }
    for vector in devices[device].vectors.indices {
      let state = devices[device].vectors[vector]
      let address = devices[device].messages[vector] ?? 0
      steps += msix.restore(
        vector, address: address, data: state.isMapped ? state.data : 0,
        isMasked: !state.isStarted)
    }
    if writesCommand {
      steps.append(
        Step<Never>(
          .guest, function, "the command register as it was",
          .config(offset: 4, value: value, width: 2)))
    }
    steps.append(msix.control(enable: true, functionMask: false))
    return steps.during(.msiRestore)
  }

  /// Clears a vector's message and unmaps its event (`msi_domain_deactivate`).
  private mutating func deactivate(_ vector: Int, of device: Int) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    let cpu = unmap(vector, of: device)
    var steps: [Step<Never>] = []
    switch devices[device].function.store {
    // A device that its driver has left is not touched (`pci_device_remove` makes its power state
    // unknown, `pci_write_msg_msi` looks at it).
    case .msi where vector == 0 && (!devices[device].isLeft || kernel.has(.releaseWritesMessage)):
      steps += devices[device].msi.write(
        devices[device].vectors.count, address: 0, data: 0, reason: "no message")
    case .msi: break
    case .msiX where devices[device].isLeft && !kernel.has(.releaseWritesMessage): break
    case .msiX, .device: steps += devices[device].msix.clear(vector)
    }
    return steps
      + (its?.deactivate(device: devices[device].function.requesterID, event: event, cpu: cpu) ?? [])
  }

  /// A vector's CPU has an interrupt less; that CPU.
  @discardableResult
  private mutating func unmap(_ vector: Int, of device: Int) -> Int {
    devices[device].messages[vector] = nil
    let cpu = devices[device].affinities[UInt32(truncatingIfNeeded: vector)] ?? 0
    devices[device].vectors[vector].isMapped = false
    loads[cpu].count(-1, isManaged: devices[device].vectors[vector].group != nil)
    return cpu
  }

  /// Enables or disables a vector's LPI or SPI.
  private mutating func configure(
    _ vector: Int, of device: Int, enabled: Bool
  ) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    let id = devices[device].function.requesterID
    guard let interrupt = devices[device].lpis[event] else { return [] }
    guard
      let steps = its?.configure(
        device: id, event: event, lpi: interrupt, cpu: devices[device].affinities[event] ?? 0,
        enabled: enabled)
    else { return enabled ? messageFrame.map { [$0.unmask(interrupt)] } ?? [] : [] }
    return steps
  }

  /// The address that the guest puts in a message, and the mapping that it makes for it
  /// (`iommu_dma_prepare_msi`).
  private mutating func prepareMessage(
    of device: Int
  ) throws(Refusal) -> (address: IOVA, steps: [Step<Never>]) {
    guard let group = devices[device].group else { return untranslatedMessage }
    let page = doorbell.alignedDown(toBit: pageShift)
    let isKnown = group.domain.doorbellIOVA(of: page) != nil
    let address = try group.prepareMessage(for: doorbell, window: iommufd?.doorbells)
    if isKnown { return (address, []) }
    guard let (_, mapping) = group.domain.mapping(at: address) else { return untranslatedMessage }
    let iova = address.alignedDown(toBit: pageShift)
    guard group.doorbellAlias == nil else {
      let text = "the firmware's alias of the doorbell, mapped one to one: \(iova)"
      let step = Step<Never>(.guest, "iommu_dma_prepare_msi (proposed)", text, .decide)
      return (address, [step.believing(belief(of: device, iova, leadsTo: IPA(iova.rawValue)))])
    }
    let step = try map(
      device, iova, to: IPA(mapping.output.rawValue), size: 1 << pageShift, mapping.attributes,
      function: mapping.function)
    return (address, [step.believing(belief(of: device, iova, leadsTo: IPA(page.rawValue)))])
  }

  private var untranslatedMessage: (address: IOVA, steps: [Step<Never>]) {
    let text = "no translation: the message holds the doorbell's own address \(doorbell)"
    let address = IOVA(doorbell.rawValue)
    let step = Step<Never>(.guest, "iommu_dma_prepare_msi", text, .decide)
    return (address, [step.believing(DoorbellBelief("DMA layer", .iova(address)))])
  }

  /// What the guest believes once it has a page for its doorbell: who chose the page, and where it
  /// leads.
  private func belief(
    of device: Int, _ page: IOVA, leadsTo target: IPA
  ) -> DoorbellBelief {
    let offset = doorbell.offset(belowBit: pageShift)
    let holder =
      switch devices[device].group?.domain.cookie {
      case .msi: "MSI cookie"
      case .iommufd: "iommufd"
      default: "DMA layer"
      }
    return DoorbellBelief(holder, .iova(page + offset), leadsTo: .ipa(target + offset))
  }

  // MARK: Recorded activities

  mutating func perform(
    _ activity: Workload.Activity, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    switch activity {
    case .map(let address, let place, let bytes, let attributes):
      // A buffer takes whole pages (`iommu_dma_map_page`).
      let within = address.offset(belowBit: pageShift)
      let input = address - within
      let output = place - within
      let size = (bytes &+ within &+ lowBits(pageShift)) & ~lowBits(pageShift)
      if isOfUser(device) {
        try mapForUser(device, input, to: output, size: size)
      } else {
        devices[device].group?.defaultDomain.allocator?.take(input, size: size)
      }
      let step = try map(
        device, input, to: output, size: size, attributes, function: "iommu_map (recorded)")
      let page = doorbell.alignedDown(toBit: pageShift)
      guard output.rawValue == page.rawValue else { return [step] }
      devices[device].group?.domain.remember(page, at: input)
      return [step.believing(belief(of: device, input, leadsTo: output))]
    case .unmap(let input, let size):
      if isOfUser(device) {
        try unmapForUser(device, input, size: size)
      } else if !isLazy(device) {
        devices[device].group?.defaultDomain.allocator?.free(input)
      }
      return unmap(device, input, size: size)
    case .itsCommands(let commands): return try recordedCommands(commands, of: device)
    case .lpiConfiguration(let place, let byte):
      return [
        Step(
          .guest, "lpi_write_config", "LPI property byte at \(place) := \(hex(UInt64(byte)))",
          .writeByte(PA(place.rawValue), byte))
      ]
    case .redistributorWrite(let offset, let value):
      return [
        Step(
          .guest, "direct_lpi_inv", "GICR + \(hex(offset)) := \(hex(value)) (recorded)",
          .mmio(PA(firmware.redistributors.rawValue) + offset, value, width: 8))
      ]
    case .msixWrite(let offset, let value):
      let vector = Int(truncatingIfNeeded: offset / MSIXTableEntry.byteCount)
      return [
        devices[device].msix.write(
          vector, offset % MSIXTableEntry.byteCount, value, "pci_write_msg_msix",
          "\(hex(UInt64(value))) (recorded)")
      ]
    case .msixControl(let enable, let mask):
      return [devices[device].msix.control(enable: enable, functionMask: mask)]
    case .setAffinity(let vector, let cpu): return setAffinity(of: vector, device, to: cpu)
    case .takeOffline(let cpu): return takeOffline(cpu)
    case .unbind: return try unbind(device)
    case .dma, .message, .migrate: return []
    }
  }

  /// Commands as the recorded driver queued them.
  private mutating func recordedCommands(
    _ commands: [ITSCommand], of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    var leaves: [Step<Never>] = []
    for command in commands {
      switch command[.opcode] {
      case .mapd where command[.valid]:
        leaves += try its?.prepareLeaf(of: command[.deviceID], frames: &frames) ?? []
      case .mapti: devices[device].lpis[command[.eventID]] = command[.physicalINTID]
      case .discard: devices[device].lpis[command[.eventID]] = nil
      default: break
      }
    }
    let names = commands.map { $0[.opcode].name ?? hex($0[word: 0]) }.joined(separator: ", ")
    return leaves
      + (its?.send(commands, function: "its_send_single_command", text: "\(names) (recorded)")
        ?? [])
  }
}
