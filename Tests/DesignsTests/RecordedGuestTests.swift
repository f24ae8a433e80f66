import Bits
import Designs
import Guest
import HostKernel
import Linux
import Scenarios
import Testing
import VMM

@Suite("A recorded guest under each design")
struct RecordedGuestTests {
  @Test func smoke() throws {
    let recording = try Recording(path: "scenarios/recordings/nested-kvm-nvme.jsonl")
    for (a, s, m, e) in [
      (.rmrDirect, .softwareWindow, .replaced, .host),
      (.nothing, .guestDoorbell, .forwarded, .host),
      (.nothing, .guestDoorbell, .untrapped, .guest),
    ] as [(DoorbellAdvertisement, StageTwoDoorbell, MSIXEntryPolicy, EventIDOwnership)] {
      for usage in GuestUsage.allCases {
        for kernel in ["6.5", "7.3"] {
          let design = Design(
            name: "x", title: "", source: "", advertisement: a, stageTwo: s, msixEntry: m,
            eventIDOwner: e, delivery: .irqfd)
          let result = try RunSpecification(
            design: design, workload: recording.workload, usage: usage,
            guestKernel: KernelVersion(kernel)!, hostKernel: KernelVersion(7, 3),
            costs: CostModel(name: "", platform: "", costs: [:]), journeyOf: 0
          ).run()
          print(
            "=====", m, usage, kernel, result.verdict, result.setup,
            Verdict.allCases.map { "\($0)=\(result.count(of: $0))" }, result.message as Any,
            result.exits, result.accesses.count, result.accesses.count { $0.translated == nil })
          print(result.why)
          if usage == .dmaAPI, kernel == "7.3", m == .replaced {
            for st in result.journey?.stations ?? [] {
              print(st.name, hex(st.address ?? 0), st.words.map { hex($0) }, st.meaning)
            }
            for p in result.steps.prefix(400) { print(p.time, p.agent, p.function, "|", p.text) }
          }
        }
      }
    }
  }
}
