internal import ArmFormats
internal import Bits
internal import Firmware
internal import IOMMU
internal import Linux
internal import Software

// The ITS driver, the MSI domain and MSI-X: drivers/irqchip/irq-gic-v3-its.c, drivers/pci/msi,
// drivers/iommu/dma-iommu.c.
extension GuestKernel {
  /// A driver asks for vectors: translation table, events, doorbell, entries, unmasking
  /// (`pci_alloc_irq_vectors`, `request_irq`).
  mutating func enableVectors(_ count: Int, of device: Int) throws(Refusal) -> [Step<Never>] {
    guard count <= devices[device].function.vectors else {
      throw Refusal(
        by: .guest, in: "__pci_enable_msix_range", errno: "ENOSPC",
        message: "\(count) vectors of \(devices[device].function.vectors)")
    }
    if devices[device].function.store == .msi { return try enableMSI(count, of: device) }
    let id = devices[device].function.requesterID
    // The table's size is known to the per-device MSI domain alone (`hwsize`).
    let events = kernel.has(.ittByTableSize) ? devices[device].function.vectors : count
    var steps = try its?.createDevice(id, vectors: events, frames: &frames) ?? []
    // A device with a store of its own has no switch in configuration space.
    if devices[device].function.store == .msiX {
      let control = devices[device].msix.control(enable: true, functionMask: true)
      if kernel.has(.ittAtDomainCreation) {
        steps.append(control)
      } else {
        steps.insert(control, at: 0)
      }
    }
    spreadVectors(count, of: device)
    for vector in 0..<count {
      let interrupt = try allocateInterrupt(vector, of: device)
      let prepared = try prepareMessage(of: device)
      steps += prepared.steps + activate(vector, of: device)
      steps += devices[device].msix.write(
        vector, address: prepared.address, data: interrupt,
        reason: its == nil ? "the guest's frame and SPI" : "the guest's doorbell and EventID")
      let unmask = [devices[device].msix.setMask(vector, false)]
      let enabling = enable(vector, of: device)
      steps += kernel.has(.lpiEnabledBeforeUnmask) ? enabling + unmask : unmask + enabling
    }
    if devices[device].function.store == .msiX {
      steps.append(devices[device].msix.control(enable: true, functionMask: false))
    }
    return steps
  }

  /// Plain MSI: one address for all vectors, and data that leaves their numbers open
  /// (`msi_capability_init`).
  private mutating func enableMSI(_ count: Int, of device: Int) throws(Refusal) -> [Step<Never>] {
    let granted = 1 << Int(MSIDriver.exponent(of: count))
    guard count <= 32 else {
      throw Refusal(
        by: .guest, in: "__pci_enable_msi_range", errno: "ENOSPC", message: "\(count) vectors of 32"
      )
    }
    let id = devices[device].function.requesterID
    var steps = try its?.createDevice(id, vectors: granted, frames: &frames) ?? []
    spreadVectors(granted, of: device)
    let prepared = try prepareMessage(of: device)
    steps += prepared.steps
    var data: [UInt32] = []
    for vector in 0..<granted {
      data.append(try allocateInterrupt(vector, of: device))
      steps += activate(vector, of: device)
    }
    steps += MSIDriver(agent: .guest, capability: devices[device].function.msiCapability).enable(
      granted, address: prepared.address, data: data.first ?? 0,
      reason: its == nil ? "the guest's frame and SPIs" : "the guest's doorbell and EventIDs")
    for vector in 0..<granted { steps += enable(vector, of: device) }
    return steps
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

  /// Maps a vector's event, or sets its SPI up.
  private mutating func activate(_ vector: Int, of device: Int) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    let id = devices[device].function.requesterID
    guard let interrupt = devices[device].lpis[event] else { return [] }
    return its?.activate(
      device: id, event: event, lpi: interrupt, cpu: devices[device].affinities[event] ?? 0)
      ?? messageFrame?.activate(interrupt) ?? []
  }

  /// Enables a vector's LPI or SPI.
  private mutating func enable(_ vector: Int, of device: Int) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    let id = devices[device].function.requesterID
    guard let interrupt = devices[device].lpis[event] else { return [] }
    return its?.configure(
      device: id, event: event, lpi: interrupt, cpu: devices[device].affinities[event] ?? 0,
      enabled: true)
      ?? messageFrame.map { [$0.unmask(interrupt)] } ?? []
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
    case .itsCommands(let commands): return recordedCommands(commands, of: device)
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
    case .dma, .message, .migrate: return []
    }
  }

  /// Commands as the recorded driver queued them.
  private mutating func recordedCommands(
    _ commands: [ITSCommand], of device: Int
  ) -> [Step<Never>] {
    for command in commands {
      switch command[.opcode] {
      case .mapti: devices[device].lpis[command[.eventID]] = command[.physicalINTID]
      case .discard: devices[device].lpis[command[.eventID]] = nil
      default: break
      }
    }
    let names = commands.map { $0[.opcode].name ?? hex($0[word: 0]) }.joined(separator: ", ")
    return its?.send(commands, function: "its_send_single_command", text: "\(names) (recorded)")
      ?? []
  }
}
