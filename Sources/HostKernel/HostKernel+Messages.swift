internal import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
internal import Software

// The PCI core's MSI and MSI-X, and the MSI domain below: drivers/pci/msi, kernel/irq,
// drivers/iommu/iommu.c, drivers/irqchip/irq-gic-v3-its.c.
extension HostKernel {
  // MARK: Vectors

  /// Turns MSI-X on with so many vectors (`pci_alloc_irq_vectors`): their events are mapped, their
  /// messages stand in the table, and every entry is masked.
  ///
  /// - Parameter guestAddress: the guest's, of a VMM that passes it on.
  mutating func allocateVectors(
    _ count: Int, of device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    let msix = self[device].msix
    var steps = [msix.count]
    let events = kernel.has(.ittByTableSize) ? self[device].platform.vectors : count
    let isEarly = kernel.has(.ittAtDomainCreation)
    if isEarly { steps += try createEvents(events, of: device) }
    steps += [msix.enableMasked, msix.prepare(0..<count)]
    if !isEarly { steps += try createEvents(events, of: device) }
    for vector in 0..<count {
      steps += try activateVector(vector, of: device, for: guestAddress)
    }
    steps += setINTx(of: device, isOff: true) + msix.maskAll
    steps.append(msix.control(enable: true, functionMask: false))
    return steps.during(.msixEnable)
  }

  /// Adds a vector to those of an enabled MSI-X (`pci_msix_alloc_irq_at`).
  mutating func allocateVector(
    _ vector: Int, of device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    [self[device].msix.prepare(vector..<vector + 1)]
      + (try activateVector(vector, of: device, for: guestAddress))
  }

  /// Turns plain MSI on with `count` vectors, a power of two.
  mutating func allocateMSI(
    _ count: Int, of device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    var steps = [self[device].msi.count]
    let isEarly = kernel.has(.ittAtDomainCreation)
    if isEarly { steps += try createEvents(count, of: device) }
    steps.append(self[device].msi.prepare())
    if !isEarly { steps += try createEvents(count, of: device) }
    let prepared = try prepareMessage(of: device, for: guestAddress)
    steps += prepared.steps
    for vector in 0..<count {
      self[device].vectors[vector] = AssignedVector()
      steps += mapEvent(of: vector, device)
    }
    let isForwarded = guestAddress != nil && addressOverride == .msiDomain
    let origin = isForwarded ? "the guest's" : "the host's own"
    let first = data(ofEvent: 0, of: device)
    steps += self[device].msi.write(
      count, address: prepared.address, data: first,
      reason: "\(origin) address, the host's EventIDs from \(first) on")
    steps += setINTx(of: device, isOff: true)
    steps.append(self[device].msi.setEnabled(true))
    return steps.during(.msiEnable)
  }

  /// Turns MSI-X or MSI off and gives every vector back (`pci_free_irq_vectors`).
  mutating func freeVectors(of device: DeviceIndex) -> [Step<Never>] {
    let isMSI = self[device].platform.store == .msi
    let msix = self[device].msix
    let vectors = self[device].vectors.keys.sorted()
    var steps: [Step<Never>] = []
    if isMSI {
      steps.append(self[device].msi.setEnabled(false))
    } else {
      for vector in vectors { steps.append(msix.maskAtShutdown(vector)) }
      steps.append(msix.control(enable: false, functionMask: false))
    }
    steps += setINTx(of: device, isOff: false)
    var unmapping: [Step<Never>] = []
    for vector in vectors { unmapping += deactivateVector(vector, of: device) }
    steps = steps.during(isMSI ? .msiDisable : .msixDisable) + unmapping.during(.msixDisable)
    self[device].vectors = [:]
    guard eventIDOwner == .host, !kernel.has(.ittAtDomainCreation) else { return steps }
    return steps + removeEvents(of: device)
  }

  /// Maps a vector's event, and writes its message (`msi_domain_activate`).
  private mutating func activateVector(
    _ vector: Int, of device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    var known = self[device].vectors[vector] ?? AssignedVector()
    known.guestAddress = guestAddress ?? known.guestAddress
    self[device].vectors[vector] = known
    let guestAddress = known.guestAddress
    let prepared = try prepareMessage(of: device, for: guestAddress)
    let address = guestAddress ?? prepared.address
    let mapping = mapEvent(of: vector, device)
    return prepared.steps + mapping + writeMessage(of: vector, device, address, for: guestAddress)
  }

  private mutating func writeMessage(
    of vector: Int, _ device: DeviceIndex, _ address: IOVA, for guestAddress: IOVA?
  ) -> [Step<Never>] {
    let origin = guestAddress == nil ? "the host's own" : "the guest's"
    self[device].vectors[vector]?.message = address
    return self[device].msix.write(
      vector, address: address,
      data: data(ofEvent: UInt32(truncatingIfNeeded: vector), of: device),
      reason: "\(origin) address, the host's \(messageFrame == nil ? "EventID" : "SPI")")
  }

  /// Writes a vector's message once more, as its descriptor has it (`get_cached_msi_msg`,
  /// `pci_write_msi_msg`), or with the address that the guest has given to it since.
  mutating func rewriteMessage(
    of vector: Int, _ device: DeviceIndex, for guestAddress: IOVA?
  ) -> [Step<Never>] {
    guard let message = self[device].vectors[vector]?.message else {
      return self[device].msix.clear(vector)
    }
    return writeMessage(of: vector, device, guestAddress ?? message, for: guestAddress)
  }

  /// `request_irq`: an event that was unmapped is mapped again, its LPI is enabled, and its entry is
  /// unmasked.
  mutating func requestInterrupt(
    of vector: Int, _ device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    let isMSI = self[device].platform.store == .msi
    var steps: [Step<Never>] = []
    if self[device].events[event] == nil || (!isMSI && self[device].vectors[vector]?.message == nil)
    {
      steps +=
        isMSI
        ? mapEvent(of: vector, device)
        : try activateVector(vector, of: device, for: guestAddress)
    }
    guard let lpi = self[device].events[event] else { return steps }
    let enabling = configure(event, lpi, of: device, enabled: true)
    guard !isMSI else { return steps + enabling }
    let unmask = [self[device].msix.setMask(vector, false)]
    return steps
      + (kernel.has(.lpiEnabledBeforeUnmask) ? enabling + unmask : unmask + enabling)
  }

  /// `free_irq`: the vector is masked, its LPI disabled, its message cleared and its event unmapped;
  /// it stays allocated.
  mutating func freeInterrupt(of vector: Int, _ device: DeviceIndex) -> [Step<Never>] {
    self[device].vectors[vector]?.signal = nil
    let event = UInt32(truncatingIfNeeded: vector)
    let isMSI = self[device].platform.store == .msi
    var steps = isMSI ? [] : [self[device].msix.setMask(vector, true)]
    if let lpi = self[device].events[event] {
      steps += configure(event, lpi, of: device, enabled: false)
      targets[lpi] = nil
    }
    return steps + deactivateVector(vector, of: device)
  }

  /// Clears a vector's message and unmaps its event (`msi_domain_deactivate`); nothing where that has
  /// been done. Where the guest's commands own the events, they stay.
  private mutating func deactivateVector(
    _ vector: Int, of device: DeviceIndex
  ) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    guard let lpi = self[device].events[event] else { return [] }
    var steps: [Step<Never>] = []
    if self[device].platform.store != .msi {
      steps += self[device].msix.clear(vector)
    } else if vector == 0 {
      steps += self[device].msi.write(
        self[device].vectors.count, address: 0, data: 0, reason: "no message")
    }
    self[device].vectors[vector]?.message = nil
    guard eventIDOwner == .host else { return steps }
    self[device].events[event] = nil
    targets[lpi] = nil
    return steps + deactivate(event, of: device)
  }

  private mutating func mapEvent(of vector: Int, _ device: DeviceIndex) -> [Step<Never>] {
    let event = UInt32(truncatingIfNeeded: vector)
    return self[device].events[event] == nil ? activate(event, of: device) : []
  }

  private mutating func activate(_ event: UInt32, of device: DeviceIndex) -> [Step<Never>] {
    guard let lpi = interrupt(ofEvent: event, of: device) else { return [] }
    self[device].events[event] = lpi
    return activate(event, lpi, of: device)
  }

  /// Turns the function's INTx off or on (`pci_intx`).
  mutating func setINTx(of device: DeviceIndex, isOff: Bool) -> [Step<Never>] {
    let old = self[device].command
    let new = isOff ? old | 0x400 : old & ~0x400
    self[device].command = new
    let text = "INTx \(isOff ? "off" : "on")"
    let read = RegisterRead.configuration(offset: 4, width: 2)
    guard new != old else {
      return [Step<Never>(.host, "pci_intx", "\(text) already", .decide).reading([read])]
    }
    return [
      Step<Never>(.host, "pci_intx", text, .config(offset: 4, value: UInt32(new), width: 2))
        .reading([read])
    ]
  }

  // MARK: Messages

  /// The address that the host's kernel puts in a message for its ITS, and what it maps for it
  /// (`iommu_dma_prepare_msi`, `iommufd_sw_msi`).
  private mutating func prepareMessage(
    of device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> (address: IOVA, steps: [Step<Never>]) {
    if let guestAddress, addressOverride == .msiDomain {
      let text = "the doorbell stands at the guest's own address in stage 2; nothing to map"
      return (
        guestAddress,
        [
          Step(.host, "iommu_dma_prepare_msi", text, .decide)
            .believing(msiDomainBelief(of: device, guestAddress))
        ]
      )
    }
    let group = self[device].group
    let doorbell = doorbell(of: device)
    let address = try group.prepareMessage(
      for: doorbell, window: iommufd(of: device).doorbells)
    guard group.messageDomain.doorbellIOVA(of: doorbellPage(of: device)) != nil else {
      // A nested domain has no MSI cookie, so the message keeps the doorbell's own address.
      let text = "no cookie on a nested domain before 6.15: the message keeps \(doorbell)"
      return (
        address,
        [
          Step(.host, "iommu_dma_prepare_msi", text, .decide)
            .believing(msiDomainBelief(of: device, address))
        ]
      )
    }
    let belief = msiDomainBelief(of: device, address)
    return (address, try installDoorbells(of: device).map { $0.believing(belief) })
  }

  /// The host's MSI domain has this address for the device's doorbell.
  private func msiDomainBelief(of device: DeviceIndex, _ address: IOVA) -> DoorbellBelief {
    DoorbellBelief("MSI domain", .iova(address), leadsTo: .pa(doorbell(of: device)))
  }

  // MARK: A guest that owns the EventIDs

  /// Repeats a guest's ITS command for the physical device: the guest's EventIDs index the
  /// physical translation table. What the hardware injects is KVM's to unmap first.
  mutating func mirror(
    _ command: ITSCommand, of device: DeviceIndex, doorbell: IPA
  ) throws(Refusal) -> [Step<Never>] {
    // Without a vIOMMU nothing but KVM names the VM's one device.
    guard eventIDOwner == .guest,
      command[.deviceID] == self[device].guestStream ?? command[.deviceID]
    else { return [] }
    let event = command[.eventID]
    switch command[.opcode] {
    case .mapd where command[.valid]:
      // The guest's size, not VFIO's vector count: a larger EventID would be out of range. A
      // second MAPD ends the events of the first, as in KVM's ITS.
      return endEvents(of: device)
        + (try createEvents(1 << min(16, Int(command[.size]) + 1), of: device))
    case .mapti, .mapi:
      guard self[device].events[event] == nil, !self[device].forwarded.contains(event),
        hasTranslationTable(device)
      else { return [] }
      let steps = activate(event, of: device)
      guard let lpi = self[device].events[event] else { return steps }
      targets[lpi] = .kvm(
        InjectionRoute(doorbell: doorbell, deviceID: command[.deviceID], eventID: event))
      return steps + configure(event, lpi, of: device, enabled: true)
    case .mapd: return endEvents(of: device)
    case .discard:
      guard let lpi = self[device].events.removeValue(forKey: event) else { return [] }
      targets[lpi] = nil
      return deactivate(event, of: device)
    default: return []
    }
  }

  /// Unmaps the device with all its events.
  private mutating func endEvents(of device: DeviceIndex) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for (event, lpi) in self[device].events.sorted(by: { $0.key < $1.key }) {
      targets[lpi] = nil
      steps += deactivate(event, of: device)
    }
    self[device].events = [:]
    return steps + removeEvents(of: device)
  }
}
