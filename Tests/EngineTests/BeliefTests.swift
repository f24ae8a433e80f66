import Designs
import Engine
import Guest
import Linux
import Scenarios
import Simulation
import Software
import Testing
import Timing

@Suite("What each party takes for the doorbell")
struct BeliefTests {
  /// The last belief of each holder when the first MSI leaves.
  private func beliefs(
    _ design: Design, usage: GuestUsage = .dmaAPI, kernel: Kernel = Kernel(7, 3)
  ) throws -> [String: String] {
    let result = try Fixtures.specification(
      design, Fixtures.recording.get().workload, usage: usage, kernel: kernel
    ).run()
    let told = result.setupSteps.compactMap { step in
      step.belief.map { ("\(step.agent.rawValue) \($0.holder)", $0) }
    }
    return Dictionary(told) { $1 }.mapValues {
      let target = $0.target.map { " -> \($0)" } ?? ""
      return "\($0.address)\(target)" + ($0.use.map { " \($0.rawValue)" } ?? "")
    }
  }

  // The addresses are those of the account in the thread "RMRR device on non-Intel platform"
  // (J. Gunthorpe, 26 April 2023) and of the recorded machine.
  @Test("under an RMR guest and host each believe in an address of their own")
  func identity() throws {
    let beliefs = try beliefs(Fixtures.rmr)
    #expect(
      beliefs == [
        "guest ITS driver": "IPA 0x8090040", "host ITS driver": "PA 0x8090040",
        "guest DMA layer": "IOVA 0xfffff040 -> IPA 0x8090040",
        "vmm MSI-X emulation": "IOVA 0xfffff040 dropped",
        "host MSI domain": "IOVA 0x8000040 -> PA 0x8090040",
        "host MSI-X driver": "IOVA 0x8000040",
        "vmm route for KVM": "IPA 0x8090040", "kvm irqfd": "IPA 0x8090040",
      ])
  }

  @Test("a forwarded address is what all of them believe in")
  func forwarded() throws {
    let beliefs = try beliefs(Fixtures.forward)
    #expect(beliefs["vmm MSI-X emulation"] == "IOVA 0xfffff040 forwarded")
    #expect(beliefs["host MSI domain"] == "IOVA 0xfffff040 -> PA 0x8090040")
    #expect(beliefs["host iommufd"] == "IPA 0x8090040 -> PA 0x8090040")
  }

  @Test("an untrapped table leaves the VMM and the host's MSI domain without a belief")
  func untrapped() throws {
    let beliefs = try beliefs(Fixtures.untrapped)
    #expect(beliefs["guest DMA layer"] == "IOVA 0xfffff040 -> IPA 0x8090040")
    #expect(beliefs["vmm MSI-X emulation"] == nil)
    #expect(beliefs["host MSI domain"] == nil)
  }

  @Test("VFIO in the guest maps the host's window to the guest's doorbell: both name one number")
  func vfio() throws {
    let beliefs = try beliefs(Fixtures.rmr, usage: .vfio, kernel: Kernel(6, 5))
    #expect(beliefs["guest MSI cookie"] == "IOVA 0x8000040 -> IPA 0x8090040")
    #expect(beliefs["host MSI domain"] == "IOVA 0x8000040 -> PA 0x8090040")
  }

  @Test("set-up ends where the MSI in question leaves")
  func setupEnds() throws {
    let workload = Fixtures.messages([0, 0])
    let first = try Fixtures.specification(Fixtures.rmr, workload).run()
    #expect(first.setupSteps.count == first.steps.count)
    let recorded = try Fixtures.recording.get().workload
    let early = try Fixtures.specification(Fixtures.rmr, recorded).run()
    let late = try Fixtures.specification(Fixtures.rmr, recorded, journeyOf: 27).run()
    #expect(early.setupSteps.count < early.steps.count)
    #expect(early.setupSteps.count < late.setupSteps.count)
  }

  @Test("a step lasts until its agent goes on")
  func durations() throws {
    let result = try Fixtures.specification(
      Fixtures.rmr, Fixtures.messages([0]),
      costs: [.softwareStep: .nanoseconds(7), .exitToKernel: .nanoseconds(500)]
    ).run()
    for (step, next) in zip(result.setupSteps, result.setupSteps.dropFirst()) {
      #expect(step.time + step.duration <= next.time, "\(step.function)")
    }
    #expect(result.setupSteps.contains { $0.duration == .nanoseconds(500) })
  }
}
