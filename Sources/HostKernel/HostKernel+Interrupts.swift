internal import ArmFormats
internal import Bits
internal import Linux
internal import Software

// What stands behind an event of a function: an LPI of the ITS, or an SPI of a GICv2m frame, which
// knows no DeviceID and no events.
extension HostKernel {
  /// The doorbell that the function's messages go to.
  var doorbell: PA { messageFrame?.doorbell ?? its.doorbell }

  func intidText(_ intid: UInt32) -> String {
    intid < INTID.firstLPI ? "SPI \(intid)" : "LPI \(intid)"
  }

  /// The INTID of an event of any function; `nil` where there is none.
  func interrupt(ofEvent event: UInt32, device: UInt32) -> UInt32? {
    guard messageFrame != nil else { return its.lpi(ofEvent: event, device: device) }
    guard let spis = frameSPIs[device], event < UInt32(spis.count) else { return nil }
    return spis.lowerBound + event
  }

  /// What a message of an event holds: its EventID, or the SPI itself (`gicv2m_compose_msi_msg`).
  func data(ofEvent event: UInt32) -> UInt32 {
    messageFrame == nil
      ? event : interrupt(ofEvent: event, device: platform.deviceID.rawValue) ?? event
  }

  /// Room for the events of a function that has none: a translation table, or SPIs in a row
  /// (`its_create_device`, `gicv2m_irq_domain_alloc`).
  mutating func createEvents(_ count: Int, of device: UInt32) throws(Refusal) -> [Step<Never>] {
    guard messageFrame != nil else {
      guard !its.hasDevice(device) else { return [] }
      return try allocating { its, frames throws(Refusal) in
        try its.createDevice(device, vectors: count, frames: &frames)
      }
    }
    guard frameSPIs[device] == nil else { return [] }
    let isMSI = platform.store == .msi
    guard let spis = messageFrame?.allocate(UInt32(clamping: count), isAligned: isMSI) else {
      throw Refusal(
        by: .host, in: "gicv2m_irq_domain_alloc", errno: "ENOSPC",
        message: "the frame has no \(count) SPIs in a row left")
    }
    frameSPIs[device] = spis
    return [
      Step(
        .host, "gicv2m_irq_domain_alloc",
        "SPIs \(spis.lowerBound) to \(spis.upperBound - 1) for device \(hex(UInt64(device)))",
        .decide)
    ]
  }

  mutating func removeEvents(of device: UInt32) -> [Step<Never>] {
    if let spis = frameSPIs.removeValue(forKey: device) { messageFrame?.release(spis) }
    return allocating { its, _ in its.removeDevice(device) }
  }

  mutating func activate(
    _ event: UInt32, _ interrupt: UInt32, of device: UInt32, cpu: Int
  ) -> [Step<Never>] {
    messageFrame?.activate(interrupt)
      ?? its.activate(device: device, event: event, lpi: interrupt, cpu: cpu)
  }

  mutating func configure(
    _ event: UInt32, _ interrupt: UInt32, of device: UInt32, cpu: Int, enabled: Bool
  ) -> [Step<Never>] {
    if let messageFrame {
      return [enabled ? messageFrame.unmask(interrupt) : messageFrame.mask(interrupt)]
    }
    return its.configure(
      device: device, event: event, lpi: interrupt, cpu: cpu, enabled: enabled)
  }

  mutating func deactivate(_ event: UInt32, of device: UInt32, cpu: Int) -> [Step<Never>] {
    messageFrame == nil ? its.deactivate(device: device, event: event, cpu: cpu) : []
  }
}
