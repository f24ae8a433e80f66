internal import Bits
package import Designs
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import PCI
internal import Simulation
internal import Software
internal import Timing
internal import VMM

// The result of a run, from its flights and its record.
extension Engine {
  /// A message that never ended is lost; one that merged into another shares its fate.
  private mutating func closeAccounts() {
    for index in 0..<flights.count where flights.records[index].verdict == nil {
      let number = Int32(truncatingIfNeeded: index)
      let leader = flights.records[index].leader.map { flights.records[Int($0)] }
      if let leader, let verdict = leader.verdict {
        flights.end(number, verdict, handled: leader.handled)
        recorder.timeline?.end(index, verdict, at: leader.handled ?? queue.now)
      } else if flights.records[index].leader == nil, flights[number].holder != nil {
        end(number, .lost, "the vector stayed masked: its pending bit is set")
      } else {
        end(number, .lost, "the interrupt stayed pending and disabled")
      }
    }
  }

  /// The result of the run, which is over.
  package consuming func result(digest: String? = nil) -> RunResult {
    closeAccounts()
    let count = machine.functions.count
    let unsent = specification.workload.messageCount * count - flights.count
    // A message that a refused set-up never sends was refused.
    let verdicts =
      flights.records.map { $0.verdict ?? .lost }
      + Array(repeating: Verdict.refused, count: max(0, unsent))
    let latencies = flights.records.compactMap { flight in
      flight.verdict == .delivered ? flight.handled.map { $0 - flight.sent } : nil
    }
    var result = RunResult(
      design: specification.design, setup: setup, verdicts: verdicts, message: firstMessage,
      exits: recorder.exits, latencies: latencies, why: why, steps: recorder.steps,
      journey: journey, accesses: recorder.accesses, digest: digest)
    result.breakdown = recorder.breakdown
    result.machine = description
    result.stepsBeforeMessage = recorder.stepsBeforeMessage
    result.timeline = recorder.timeline
    result.mappings = recorder.mappings ?? presentMappings
    result.injectedByHardware = recorder.injectedByHardware
    result.merged = flights.records.count { $0.leader != nil && $0.verdict == .delivered }
    result.usedCosts = flights.isEmpty ? [] : costs.usedItems
    result.windowCovers =
      machines.first?.vmm.map.parts(over: host.window(of: .first)) ?? []
    if count > 1 {
      result.devices = deviceResults
      result.firstFailure = firstFailure
    }
    return result
  }

  /// The first message that was sent and not delivered, by its device.
  private var firstFailure: RunResult.SentMessage? {
    guard let index = flights.records.firstIndex(where: { $0.verdict?.isFailure == true }) else {
      return nil
    }
    let device = flights.records[index].device
    return .init(
      device: device.rawValue, number: flights.records[..<index].count { $0.device == device })
  }

  /// The result of each device.
  private var deviceResults: [DeviceResult] {
    machine.functions.indices.map { number in
      let device = DeviceIndex(number)
      let own = flights.records.lazy.filter { $0.device == device }.compactMap(\.verdict)
      let verdict = own.max() ?? .delivered
      let isRefused = setups[number] != .enabled
      let described = description.devices[number]
      return DeviceResult(
        guestID: UInt32(described.guestRequester.rawValue),
        hostID: UInt32(described.requester.rawValue), smmu: described.smmu, its: described.its,
        verdict: isRefused ? max(.refused, verdict) : verdict,
        message: recorder.firstMessages[number], why: why(of: device))
    }
  }

  private var journey: Journey? {
    let index = recorder.tracedMessage
    guard index >= 0 else { return nil }
    let flight = flights.records[Int(index)]
    return Journey(
      index: specification.journeyOf ?? Int(index), vector: flight.vector,
      stations: recorder.stops, verdict: flight.verdict ?? .lost,
      reason: recorder.journeyReason
        ?? "it arrived with an earlier message of the same interrupt",
      isSent: flight.isHeld || !recorder.stops.isEmpty)
  }

  /// Reason for the verdict: one sentence, or one for each kind of outcome of several devices.
  private var why: String {
    guard machine.functions.count > 1 else { return why(of: .first) }
    return DeviceResult.summary(deviceResults)
  }

  /// Reason for a device's verdict, in one sentence.
  private func why(of device: DeviceIndex) -> String {
    if case .refused(let refusal) = setups[device.rawValue] {
      return "the \(refusal.agent.title) refused in \(refusal.function): \(refusal.message) "
        + "(\(refusal.errno))"
    }
    let reason = recorder.reasons[device.rawValue]
    guard let message = recorder.firstMessages[device.rawValue] else {
      return reason ?? "the device sent no message"
    }
    let path = self.path(of: message.address, from: device)
    return reason.map { "\(path); \($0)" } ?? "\(path); \(deliveryText)"
  }

  /// The mappings of a message's address by software, stage by stage.
  private func path(of address: IOVA, from device: DeviceIndex) -> String {
    let vm = machines[host[device].vm.rawValue]
    let local = vm.local(device)
    let store = vm.devices[local].store
    let origin =
      switch specification.design.msixEntry {
      case _ where store == .device:
        "the device holds, in a store of its own that nothing traps, the guest's address \(address) "
          + "and EventID"
      case .forwarded where store == .msi && specification.design.addressOverride == .vfio:
        "the device holds the host's address \(address), which the PCI core wrote, not VFIO"
      case .replaced: "the device holds the host's address \(address)"
      case .forwarded: "the device holds the guest's address \(address), passed on at the trap"
      case .untrapped: "the device holds the guest's own address \(address) and EventID"
      }
    guard let ipa = vm.guest.translate(address, of: local) else {
      return "\(origin); the guest's stage 1 does not map it"
    }
    let how =
      !vm.guest.isTranslating(for: local)
      ? "bypassed ->" : ipa.rawValue == address.rawValue ? "identity (RMR) ->" : "->"
    let stage1 = "\(origin); S1 \(how) IPA \(ipa)"
    guard let pa = host.translate(ipa, of: device) else {
      return "\(stage1), which S2 does not map"
    }
    let entry =
      switch specification.design.stageTwo {
      case .softwareWindow: "software MSI window"
      case .movedWindow: "software MSI window, moved"
      case .guestDoorbell: "guest doorbell to host doorbell"
      case .guestDoorbellPerITS: "guest doorbell to the doorbell of the device's ITS"
      }
    return "\(stage1), S2 -> \(pa) (\(entry))"
  }

  private var deliveryText: String {
    let isByHardware = recorder.injectedByHardware > 0
    if specification.topology.controller != .its {
      return
        "the message names the host's SPI, and its GICv2m frame takes no DeviceID: any device of "
        + "the host can name it; irqfd injects the guest's interrupt"
    }
    switch specification.design.eventIDOwner {
    case .host where specification.design.controller == .gicv2m:
      return "the host's EventID gives the host's LPI, and irqfd injects the SPI of the guest's "
        + "GICv2m frame, which takes no DeviceID: any device of the guest can name any of its SPIs"
    case .host where isByHardware:
      return "the host's EventID gives the guest's LPI, which the hardware injects"
    case .host: return "the host's EventID gives the host's LPI, and irqfd injects the guest's"
    case .guest:
      return "the guest's EventID indexes the physical ITT, which the virtual ITS drives"
        + (isByHardware ? "; the hardware injects" : "")
    }
  }
}
