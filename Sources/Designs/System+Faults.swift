internal import ArmFormats
internal import Bits
internal import HostKernel
internal import Machine
internal import Memory
internal import SMMU
internal import Software

// What a fault of the SMMU means for a message.
extension System {
  /// A fault ends the message; who learns of it decides between `fault` and `lost`.
  mutating func endByFault(
    _ index: Int32, _ event: EventRecord, _ recording: FaultRecording
  ) {
    let place = event[.stage2] ? ", IPA \(IPA(event[.ipa] << 12))" : ""
    let stage = event[.stage2] ? "stage 2" : "stage 1"
    let name = "\(event[.kind]) at \(stage)\(place), input \(IOVA(event[.inputAddress]))"
    guard recording == .recorded else {
      return end(index, .lost, "\(name); the record was \(recording)")
    }
    consumeEvents(of: machine.smmu(of: messages[Int(index)].device))
    if host.guestEvent(for: event) != nil {
      end(index, .fault, "\(name); relayed to the guest's event queue")
    } else {
      end(index, .lost, "\(name); recorded in the host's event queue only: the guest sees nothing")
    }
  }

  /// The host's handler empties the event queue, long before the next event as a rule: a later
  /// fault gets a record of its own, although a nested STE lets the SMMU merge equal ones
  /// (`arm_smmu_evtq_thread`).
  private mutating func consumeEvents(of smmu: Int) {
    let producer = machine.smmus[smmu].readRegister(SMMURegister.eventQueueProducer, width: 4)
    machine.write(
      producer, at: machine.layout.smmu(smmu) + SMMURegister.eventQueueConsumer, width: 4)
    note(Step<Never>(.host, "arm_smmu_evtq_thread", "the event queue is read", .decide))
  }
}
