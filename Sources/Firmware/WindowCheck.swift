internal import Bits

/// Rules about what else stands where the host puts its software MSI window. The CPUs' stage 2 and
/// the devices' stage 2 differ: behind the window a CPU sees the guest's GIC, a device the
/// doorbell pages of the host.
struct WindowCheck {
  let facts: PlatformFacts
  let window: ClosedRange<UInt64>

  var findings: [FirmwareFinding] { facts.areas.compactMap { finding($0) } }

  private func finding(_ area: PlatformFacts.Area) -> FirmwareFinding? {
    let (last, overflow) = area.base.addingReportingOverflow(area.length &- 1)
    guard area.length > 0, !overflow, area.base <= window.upperBound, last >= window.lowerBound
    else { return nil }
    let text =
      "\(area.name) \(hex(area.base)) + \(hex(area.length)) lies in the software MSI window "
      + "\(hex(window.lowerBound))-\(hex(window.upperBound))"
    if area.isMemory {
      return FirmwareFinding(
        .error, "window-ram", at: area.place, text,
        consequence: "the host refuses to map that RAM or the window (EINVAL or EADDRINUSE); where "
          + "both are mapped, DMA to the RAM raises interrupts and an MSI can overwrite memory.")
    }
    let isDoorbell = facts.itses.contains { $0.base == area.base } || area.name == "GICv2m frame"
    guard isDoorbell else {
      return FirmwareFinding(
        .note, "window-registers", at: area.place, text,
        consequence: "harmless: no device writes there, and behind the window devices see the "
          + "host's doorbell.")
    }
    let page = area.name == "GICv2m frame" ? area.base : area.base &+ 0x1_0000
    let index = page >= window.lowerBound ? (page - window.lowerBound) >> 16 : 0
    return FirmwareFinding(
      .note, "window-doorbell", at: area.place, text,
      consequence: "a host context that hands out \(index + 1) doorbell pages of 64 KiB puts one "
        + "at \(hex(page)), and an MSI to the guest's own doorbell address then reaches a host "
        + "ITS; before that it faults in stage 2.")
  }
}
