internal import ArmFormats
internal import Bits
internal import GIC
internal import IOMMU
internal import Linux
internal import Software

// vfio-pci's interrupts and the MSI domain below it: drivers/vfio/pci/vfio_pci_intrs.c,
// drivers/iommu/iommu.c, drivers/irqchip/irq-gic-v3-its.c, drivers/pci/msi.
extension HostKernel {
  /// Gives a vector an EventID, an LPI and a message (`vfio_msi_set_vector_signal`).
  mutating func enableVector(
    _ vector: Int, of device: DeviceIndex, guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    let platform = self[device].platform
    let msix = self[device].msix
    guard vector >= 0, vector < platform.vectors else {
      throw Refusal(
        by: .host, in: "vfio_pci_set_msi_trigger", errno: "EINVAL",
        message: "vector \(vector) of \(platform.vectors)")
    }
    var steps: [Step<Never>] = []
    let event = UInt32(vector)
    if self[device].events[event] != nil {
      return readdress(vector, of: device, to: guestAddress)
    }
    steps += try createEvents(platform.vectors, of: device)
    if self[device].events.isEmpty {
      steps.append(msix.control(enable: true, functionMask: true))
      steps.append(msix.control(enable: true, functionMask: false))
    }
    let prepared = try prepareMessage(of: device, for: guestAddress)
    steps += prepared.steps
    steps += activate(event, of: device)
    let address = guestAddress ?? prepared.address
    let origin = guestAddress == nil ? "the host's own" : "the guest's"
    self[device].messages[vector] = address
    steps += msix.write(
      vector, address: address, data: data(ofEvent: event, of: device),
      reason: "\(origin) address, the host's \(messageFrame == nil ? "EventID" : "SPI")")
    steps += unmask(vector, event, of: device)
    return steps
  }

  private func msi(of device: DeviceIndex) -> MSIDriver {
    MSIDriver(
      agent: .host, capability: self[device].platform.msiCapability,
      vectors: self[device].platform.vectors)
  }

  /// Gives all vectors of plain MSI their events, LPIs and the one message (`vfio_msi_enable`).
  /// The PCI core writes it, so that an override in VFIO cannot take the guest's address in.
  mutating func enableMSI(
    _ count: Int, of device: DeviceIndex, guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    let platform = self[device].platform
    guard eventIDOwner == .host else {
      throw Refusal(
        by: .host, in: "vfio_msi_enable", errno: "EOPNOTSUPP",
        message: "the MSI capability stands in configuration space, which no guest writes itself, "
          + "and the guest's ITS commands own the device's translation table")
    }
    guard platform.store == .msi, (1...32).contains(count), count < 2 * platform.vectors else {
      throw Refusal(
        by: .host, in: "vfio_pci_set_msi_trigger", errno: "EINVAL",
        message: "\(count) MSI vectors of \(platform.vectors)")
    }
    var steps: [Step<Never>] = []
    steps += try createEvents(count, of: device)
    let prepared = try prepareMessage(of: device, for: guestAddress)
    steps += prepared.steps
    for event in 0..<UInt32(truncatingIfNeeded: count) { steps += activate(event, of: device) }
    let isForwarded = guestAddress != nil && addressOverride == .msiDomain
    let origin = isForwarded ? "the guest's" : "the host's own"
    let first = data(ofEvent: 0, of: device)
    var driver = msi(of: device)
    steps.append(driver.prepare())
    steps += driver.write(
      count, address: prepared.address, data: first,
      reason: "\(origin) address, the host's EventIDs from \(first) on")
    steps.append(driver.setEnabled(true))
    for (event, lpi) in self[device].events.sorted(by: { $0.key < $1.key }) {
      steps += configure(event, lpi, of: device, enabled: true)
    }
    return steps
  }

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

  private mutating func activate(_ event: UInt32, of device: DeviceIndex) -> [Step<Never>] {
    guard let lpi = interrupt(ofEvent: event, of: device) else { return [] }
    self[device].events[event] = lpi
    return activate(event, lpi, of: device)
  }

  /// Follows a guest that gave a live vector another address; the entry is masked meanwhile, so
  /// that no message leaves with half of it (`pci_write_msg_msix`).
  private mutating func readdress(
    _ vector: Int, of device: DeviceIndex, to address: IOVA?
  ) -> [Step<Never>] {
    guard let address, self[device].messages[vector] != address else { return [] }
    self[device].messages[vector] = address
    let msix = self[device].msix
    let event = UInt32(truncatingIfNeeded: vector)
    return [msix.setMask(vector, true)]
      + msix.write(
        vector, address: address, data: data(ofEvent: event, of: device),
        reason: "the guest's new address, the host's EventID")
      + [msix.setMask(vector, false)]
  }

  private mutating func unmask(
    _ vector: Int, _ event: UInt32, of device: DeviceIndex
  ) -> [Step<Never>] {
    guard let lpi = self[device].events[event] else { return [] }
    return configure(event, lpi, of: device, enabled: true)
      + [self[device].msix.setMask(vector, false)]
  }

  /// Ends every vector (`vfio_msi_disable`).
  mutating func disableVectors(of device: DeviceIndex) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    let events = self[device].events
    let msix = self[device].msix
    let isMSI = self[device].platform.store == .msi
    if isMSI, !events.isEmpty {
      var driver = msi(of: device)
      steps.append(driver.setEnabled(false))
    }
    for (event, lpi) in events.sorted(by: { $0.key < $1.key }) {
      if !isMSI { steps.append(msix.setMask(Int(event), true)) }
      steps += configure(event, lpi, of: device, enabled: false)
      steps += deactivate(event, of: device)
      targets[lpi] = nil
    }
    if !isMSI, !events.isEmpty {
      steps.append(msix.control(enable: false, functionMask: false))
    }
    self[device].events = [:]
    self[device].eventfds = [:]
    self[device].messages = [:]
    return steps
  }

  /// Passes the command register on (`vfio_basic_config_write`).
  func command(_ value: UInt16) -> Step<Never> {
    Step(
      .host, "vfio_basic_config_write", "command register := \(hex(UInt64(value)))",
      .config(offset: 4, value: UInt32(value), width: 2))
  }

  /// Remembers where KVM injects a vector (`kvm_set_irq_routing`, `kvm_irqfd_assign`).
  mutating func route(
    vector: Int, of device: DeviceIndex, _ route: InjectionRoute
  ) -> [Step<Never>] {
    guard let lpi = self[device].events[UInt32(truncatingIfNeeded: vector)] else { return [] }
    targets[lpi] = .kvm(route)
    return [
      Step(
        .kvm, "kvm_irqfd_assign",
        "vector \(vector), \(intidText(lpi)) -> \(route.text)", .decide
      ).believing(DoorbellBelief("irqfd", .ipa(route.doorbell)))
        .carrying(.route(vector: vector, intid: lpi))
    ]
  }

  /// Injects a message for the VMM (`KVM_SIGNAL_MSI`, or a write of the irqfd).
  func signal(vector: Int) -> [Step<Never>] {
    [
      Step(
        .kvm, "kvm_send_userspace_msi", "the VMM's pending vector \(vector) is injected", .decide)
    ]
  }

  /// Hands a vector's eventfd to the VMM, which keeps a pending bit while its guest masks the
  /// vector (`vfio_msix_vector_release`).
  mutating func releaseVector(_ vector: Int, of device: DeviceIndex) -> [Step<Never>] {
    guard let lpi = self[device].events[UInt32(truncatingIfNeeded: vector)] else { return [] }
    targets[lpi] = .vmm(vector: vector)
    return [
      Step(
        .host, "vfio_msi_set_vector_signal", "vector \(vector), \(intidText(lpi)) -> the VMM",
        .decide)
    ]
  }

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
