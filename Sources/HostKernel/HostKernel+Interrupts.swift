internal import ArmFormats
internal import Bits
internal import Linux
package import Software

// An event of a function: an LPI of the ITS, or an SPI of a GICv2m frame, which knows no DeviceID
// and no events.
extension HostKernel {
  /// The doorbell that a function's messages go to.
  func doorbell(of device: DeviceIndex) -> PA {
    messageFrame?.doorbell ?? itses[self[device].its].doorbell
  }

  func intidText(_ intid: UInt32) -> String {
    intid < INTID.firstLPI ? "SPI \(intid)" : "LPI \(intid)"
  }

  /// Whether the device's ITS has a translation table of it.
  package func hasTranslationTable(_ device: DeviceIndex) -> Bool {
    itses[self[device].its].hasDevice(self[device].platform.deviceID.rawValue)
  }

  /// The INTID of an event; `nil` where there is none.
  package func interrupt(ofEvent event: UInt32, of device: DeviceIndex) -> UInt32? {
    let id = self[device].platform.deviceID.rawValue
    guard messageFrame != nil else {
      return itses[self[device].its].lpi(ofEvent: event, device: id)
    }
    guard let spis = frameSPIs[device], event < UInt32(spis.count) else { return nil }
    return spis.lowerBound + event
  }

  /// The data of an event's message: its EventID, or the SPI itself (`gicv2m_compose_msi_msg`).
  func data(ofEvent event: UInt32, of device: DeviceIndex) -> UInt32 {
    messageFrame == nil ? event : interrupt(ofEvent: event, of: device) ?? event
  }

  /// Room for the events of a function that has none: a translation table, or SPIs in a row
  /// (`its_create_device`, `gicv2m_irq_domain_alloc`).
  mutating func createEvents(
    _ count: Int, of device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    let id = self[device].platform.deviceID.rawValue
    guard messageFrame != nil else {
      guard !hasTranslationTable(device) else { return [] }
      return try allocating(for: device) { its, frames throws(Refusal) in
        try its.createDevice(id, vectors: count, frames: &frames)
      }
    }
    guard frameSPIs[device] == nil else { return [] }
    let isMSI = self[device].platform.store == .msi
    guard let spis = messageFrame?.allocate(UInt32(clamping: count), isAligned: isMSI) else {
      throw Refusal(
        by: .host, in: "gicv2m_irq_domain_alloc", errno: "ENOSPC",
        message: "the frame has no \(count) SPIs in a row left")
    }
    frameSPIs[device] = spis
    return [
      Step(
        .host, "gicv2m_irq_domain_alloc",
        "SPIs \(spis.lowerBound) to \(spis.upperBound - 1) for device \(hex(UInt64(id)))",
        .decide)
    ]
  }

  mutating func removeEvents(of device: DeviceIndex) -> [Step<Never>] {
    let id = self[device].platform.deviceID.rawValue
    if let spis = frameSPIs.removeValue(forKey: device) { messageFrame?.release(spis) }
    return allocating(for: device) { its, _ in its.removeDevice(id) }
  }

  mutating func activate(
    _ event: UInt32, _ interrupt: UInt32, of device: DeviceIndex
  ) -> [Step<Never>] {
    if let messageFrame { return messageFrame.activate(interrupt) }
    if spreadsInterrupts { select(event, of: device) }
    return itses[self[device].its].activate(
      device: self[device].platform.deviceID.rawValue, event: event, lpi: interrupt,
      cpu: cpu(ofEvent: event, of: device))
  }

  /// Gives an LPI the CPU that has the fewest, the first of equals (`cpumask_pick_least_loaded`).
  private mutating func select(_ event: UInt32, of device: DeviceIndex) {
    let least = lpiCounts.min() ?? 0
    let cpu = lpiCounts.firstIndex(of: least) ?? interruptCPU
    lpiCounts[cpu] += 1
    self[device].cpus[event] = cpu
  }

  /// The CPU that an event's LPI goes to.
  package func cpu(ofEvent event: UInt32, of device: DeviceIndex) -> Int {
    self[device].cpus[event] ?? interruptCPU
  }

  mutating func configure(
    _ event: UInt32, _ interrupt: UInt32, of device: DeviceIndex, enabled: Bool
  ) -> [Step<Never>] {
    if let messageFrame {
      return [enabled ? messageFrame.unmask(interrupt) : messageFrame.mask(interrupt)]
    }
    return itses[self[device].its].configure(
      device: self[device].platform.deviceID.rawValue, event: event, lpi: interrupt,
      cpu: cpu(ofEvent: event, of: device), enabled: enabled)
  }

  mutating func deactivate(_ event: UInt32, of device: DeviceIndex) -> [Step<Never>] {
    guard messageFrame == nil else { return [] }
    let cpu = cpu(ofEvent: event, of: device)
    if self[device].cpus.removeValue(forKey: event) != nil { lpiCounts[cpu] -= 1 }
    return itses[self[device].its].deactivate(
      device: self[device].platform.deviceID.rawValue, event: event, cpu: cpu)
  }
}
