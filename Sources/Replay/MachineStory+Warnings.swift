internal import ArmFormats
internal import Bits

extension MachineStory {
  /// Warnings, a sentence each, in the order of the devices.
  package var warnings: [String] {
    var warnings = orderedDevices.flatMap { device in
      Self.messageWarnings(of: device) + Self.vectorWarnings(of: device)
    }
    if refusedCommands > 0 {
      warnings.append("the SMMU refused \(counted(refusedCommands, "command"))")
    }
    if strayAcknowledges > 0 {
      warnings.append(
        "\(counted(strayAcknowledges, "LPI")) acknowledged that no event in the trace leads to")
    }
    return warnings
  }

  private static func messageWarnings(of device: DeviceStory) -> [String] {
    var warnings: [String] = []
    func warn(_ count: Int, _ text: (Int) -> String) {
      if count > 0 { warnings.append("\(device.name): " + text(count)) }
    }
    let pages = Set(device.addresses.keys.map { $0.address & ~0xfff })
    for fault in device.faults {
      for page in fault.pages where pages.contains(page) {
        warnings.append(
          "\(device.name): an access to its own message page \(hex(page)) failed with "
            + "\(fault.kind): a message sent there was lost")
      }
      for (address, count) in fault.messages.sorted(by: { $0.key < $1.key }) {
        warnings.append(
          "\(device.name): \(counted(count, "message")) to \(hex(address)), in the software MSI "
            + "window, failed with \(fault.kind): no stage maps it for this device, and they were lost"
        )
      }
      for page in fault.pages
      where !pages.contains(page) && softwareWindow.contains(page)
        && !fault.messages.keys.contains(where: { $0 & ~0xfff == page })
      {
        warnings.append(
          "\(device.name): an access to \(hex(page)), in the software MSI window, failed with "
            + "\(fault.kind): no stage maps it for this device")
      }
    }
    warn(device.whileOffMessages) {
      "\(counted($0, "message")) sent to an I/O virtual address while the SMMU was off or the "
        + "stream bypassed: the write went to that address untranslated"
    }
    warn(device.windowAccesses) {
      "\(counted($0, "access", "accesses")) inside the software MSI window reached ordinary "
        + "memory: the window overlaps what is mapped for DMA"
    }
    warn(device.afterUnmapping) {
      "\(counted($0, "access", "accesses")) to a page whose mapping had been taken away: used "
        + "after unmap"
    }
    warn(device.afterUnmap) {
      "\(counted($0, "message")) for an event whose mapping was taken away: lost"
    }
    warn(device.lostMessages - device.afterUnmap) {
      "\(counted($0, "message")) for an event that was never mapped: lost"
    }
    return warnings
  }

  private static func vectorWarnings(of device: DeviceStory) -> [String] {
    var warnings: [String] = []
    let ordered = device.vectors.sorted { $0.key < $1.key }
    for (event, vector) in ordered {
      if vector.elsewhere > 0 {
        warnings.append(
          "\(device.name): vector \(event): \(counted(vector.elsewhere, "interrupt")) "
            + "acknowledged on a CPU that it was never mapped to")
      }
      if vector.waiting > 0 {
        warnings.append(
          "\(device.name): vector \(event): the last \(counted(vector.waiting, "message")) not "
            + "acknowledged by any CPU")
      }
    }
    return warnings
  }
}

/// A number with its noun.
func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  count == 1 ? "1 \(one)" : "\(count) \(many ?? one + "s")"
}
