internal import ArmFormats
internal import Bits
internal import Flows
internal import IOMMU
internal import Linux

// The ITS driver, the MSI domain and MSI-X: drivers/irqchip/irq-gic-v3-its.c, drivers/pci/msi,
// drivers/iommu/dma-iommu.c.
extension GuestKernel {
  /// A driver asks for vectors: translation table, events, doorbell, entries, unmasking
  /// (`pci_alloc_irq_vectors`, `request_irq`).
  mutating func enableVectors(_ count: Int) throws(Refusal) -> [Step<Never>] {
    guard count <= device.vectors else {
      throw Refusal(
        by: .guest, in: "__pci_enable_msix_range", errno: "ENOSPC",
        message: "\(count) vectors of \(device.vectors)")
    }
    var steps = try its.createDevice(device.requesterID, vectors: count, frames: &frames)
    steps.append(msix.control(enable: true, functionMask: true))
    for vector in 0..<count {
      let event = UInt32(truncatingIfNeeded: vector)
      guard let lpi = its.lpi(ofEvent: event, device: device.requesterID) else {
        throw Refusal(
          by: .guest, in: "its_alloc_device_irq", errno: "ENOSPC", message: "no LPI is left")
      }
      lpis[event] = lpi
      let prepared = try prepareMessage()
      steps += prepared.steps
      steps += its.activate(device: device.requesterID, event: event, lpi: lpi, cpu: 0)
      steps += msix.write(
        vector, address: prepared.address, data: event, reason: "the guest's doorbell and EventID")
      steps += its.configure(
        device: device.requesterID, event: event, lpi: lpi, cpu: 0, enabled: true)
      steps.append(msix.setMask(vector, false))
    }
    steps.append(msix.control(enable: true, functionMask: false))
    return steps
  }

  /// The address that the guest puts in a message, and the mapping that it makes for it
  /// (`iommu_dma_prepare_msi`, `iommu_dma_get_msi_page`).
  private mutating func prepareMessage() throws(Refusal) -> (address: IOVA, steps: [Step<Never>]) {
    let offset = doorbell.offset(belowBit: pageShift)
    if let known = doorbellIOVA { return (known + offset, []) }
    if isTranslating, let alias = reservedRegions.first(where: { $0.kind == .msiDirect }) {
      let text = "the firmware's alias of the doorbell, mapped one to one: \(alias.base)"
      return (
        alias.base + offset,
        [
          Step(.guest, "iommu_dma_prepare_msi (proposed)", text, .decide)
            .believing(belief(alias.base, leadsTo: IPA(alias.base.rawValue)))
        ]
      )
    }
    let page = IPA(doorbell.alignedDown(toBit: pageShift).rawValue)
    switch domain {
    case .identity, .none:
      let text = "no translation: the message holds the doorbell's own address \(doorbell)"
      return (
        IOVA(doorbell.rawValue),
        [
          Step(.guest, "iommu_dma_prepare_msi", text, .decide)
            .believing(DoorbellBelief("DMA layer", .iova(IOVA(doorbell.rawValue))))
        ]
      )
    case .dma:
      guard let iova = iovas.allocate(size: 1 << pageShift) else {
        throw .outOfMemory("iommu_dma_alloc_iova")
      }
      return try mapDoorbell(page, at: iova, offset, "iommu_dma_get_msi_page")
    case .user:
      // The MSI cookie counts up from the window's base.
      return try mapDoorbell(
        page,
        at: reservedRegions.first { $0.kind == .softwareMSI }?.base
          ?? SoftwareMSIWindow.base, offset,
        "iommu_dma_get_msi_page (software MSI window)")
    }
  }

  private mutating func mapDoorbell(
    _ page: IPA, at iova: IOVA, _ offset: UInt64, _ function: String
  ) throws(Refusal) -> (address: IOVA, steps: [Step<Never>]) {
    let step = try map(
      iova, to: page, size: 1 << pageShift, [.write, .noExecute, .mmio], function: function)
    doorbellIOVA = iova
    return (iova + offset, [step.believing(belief(iova, leadsTo: page))])
  }

  /// What the guest believes once it has a page for its doorbell: the DMA API's, or that of the
  /// MSI cookie of a domain that a user made.
  private func belief(_ page: IOVA, leadsTo target: IPA) -> DoorbellBelief {
    let offset = doorbell.offset(belowBit: pageShift)
    return DoorbellBelief(
      domain == .user ? "MSI cookie" : "DMA layer", .iova(page + offset),
      leadsTo: .ipa(target + offset))
  }

  // MARK: Recorded activities

  mutating func perform(_ activity: Workload.Activity) throws(Refusal) -> [Step<Never>] {
    switch activity {
    case .map(let address, let place, let bytes, let attributes):
      // A buffer takes whole pages (`iommu_dma_map_page`).
      let within = address.offset(belowBit: pageShift)
      let input = address - within
      let output = place - within
      let size = (bytes &+ within &+ lowBits(pageShift)) & ~lowBits(pageShift)
      iovas.take(input, size: size)
      let step = try map(
        input, to: output, size: size, attributes, function: "iommu_map (recorded)")
      guard output.rawValue == doorbell.alignedDown(toBit: pageShift).rawValue else {
        return [step]
      }
      doorbellIOVA = input
      return [step.believing(belief(input, leadsTo: output))]
    case .unmap(let input, let size):
      iovas.free(input)
      return unmap(input, size: size)
    case .itsCommands(let commands): return recordedCommands(commands)
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
          .mmio(its.redistributors + offset, value, width: 8))
      ]
    case .msixWrite(let offset, let value):
      let vector = Int(truncatingIfNeeded: offset / MSIXTableEntry.byteCount)
      return [
        msix.write(
          vector, offset % MSIXTableEntry.byteCount, value, "pci_write_msg_msix",
          "\(hex(UInt64(value))) (recorded)")
      ]
    case .msixControl(let enable, let mask):
      return [msix.control(enable: enable, functionMask: mask)]
    case .dma, .message: return []
    }
  }

  /// Commands as the recorded driver queued them.
  private mutating func recordedCommands(_ commands: [ITSCommand]) -> [Step<Never>] {
    for command in commands {
      switch command[.opcode] {
      case .mapti: lpis[command[.eventID]] = command[.physicalINTID]
      case .discard: lpis[command[.eventID]] = nil
      default: break
      }
    }
    let names = commands.map { $0[.opcode].name ?? hex($0[word: 0]) }.joined(separator: ", ")
    return its.send(commands, function: "its_send_single_command", text: "\(names) (recorded)")
  }
}
