internal import Bits
package import Designs
internal import Guest
internal import Machine
internal import PCI
internal import RISCV
internal import Software

// The result of a run.
extension RISCVSystem {
  consuming func result() -> RunResult {
    for number in flights.indices where flights[number].verdict == nil {
      let reason = flights[number].reason
      end(number, .lost, reason.isEmpty ? "it never arrived" : reason)
    }
    let wanted = specification.workload.messageCount * specification.topology.devices
    let own = flights.filter { devices[$0.device].vm == 0 }
    let verdicts =
      own.map { $0.verdict ?? .lost }
      + Array(repeating: Verdict.refused, count: max(0, wanted - own.count))
    let message = refusal == nil ? devices.first?.function.message(forVector: 0) : nil
    var result = RunResult(
      design: specification.design, setup: refusal.map { .refused($0) } ?? .enabled,
      verdicts: verdicts,
      message: message.map { RunResult.Message(address: $0.address, data: $0.data) }, exits: exits,
      latencies: [], why: why(own), steps: steps, journey: journey)
    result.stepsBeforeMessage = stepsBeforeMessage
    result.usedCosts = []
    if answer == .messageTable {
      result.injectedByHardware = own.count { $0.verdict == .delivered }
    }
    if devices.count > 1 { result.devices = devices.indices.map { deviceResult($0) } }
    result.firstFailure = own.firstIndex { $0.verdict?.isFailure == true }.map { index in
      let device = own[index].device
      return RunResult.SentMessage(
        device: device, number: own[..<index].count { $0.device == device })
    }
    return result
  }

  private func deviceResult(_ index: Int) -> DeviceResult {
    let own = flights.filter { $0.device == index }
    let message = refusal == nil ? devices[index].function.message(forVector: 0) : nil
    let requester = UInt32(devices[index].function.profile.requesterID.rawValue)
    return DeviceResult(
      guestID: specification.workload.device.guestID &+ UInt32(index), hostID: requester, smmu: 0,
      its: 0, verdict: refusal == nil ? own.compactMap(\.verdict).max() ?? .delivered : .refused,
      message: message.map { RunResult.Message(address: $0.address, data: $0.data) },
      why: why(own))
  }

  private var journey: Journey? {
    guard let traced else { return nil }
    let flight = flights[traced]
    return Journey(
      index: specification.journeyOf ?? traced, vector: flight.vector, stations: stops,
      verdict: flight.verdict ?? .lost, reason: flight.reason, isSent: !stops.isEmpty)
  }

  private func why(_ flights: [Flight]) -> String {
    if let refusal {
      return "the \(refusal.agent.title) refused in \(refusal.function): \(refusal.message) "
        + "(\(refusal.errno))"
    }
    let path =
      switch answer {
      case .window:
        "the device holds the host's message, whose address is a page of the window that the host "
          + "reserved; S1 leads to hart 0's own file, and irqfd writes the guest's identity into its "
          + "file"
      case .messageTable:
        "the device holds the guest's own message; the MSI page table leads it to the guest's "
          + "interrupt file, without the host"
      }
    let failed = flights.first { $0.verdict?.isFailure == true }
    return failed.map { "\(path); \($0.reason)" } ?? path
  }
}
