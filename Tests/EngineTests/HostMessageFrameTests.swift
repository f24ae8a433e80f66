import Attacks
import Bits
import Engine
import Guest
import HostKernel
import Linux
import Scenarios
import Software
import Testing

@testable import Designs

/// A host whose MSIs go to a GICv2m frame: Linux drivers/irqchip/irq-gic-v2m.c, and QEMU's `virt`
/// with SPIs 80 to 143 at 0x8020000 (hw/arm/virt.c).
@Suite("A GICv2m frame on the host")
struct HostMessageFrameTests {
  private func specification(
    _ design: String, _ controller: HostMSIController = .gicv2mUnsafe, devices: Int = 1,
    usage: GuestUsage = .dmaAPI,
    workload: Workload = .synthetic(vectors: 2, messages: 4, every: 50_000)
  ) throws -> RunSpecification {
    var specification = Fixtures.specification(
      try TopologyTests.folder.design(named: design), workload, usage: usage)
    specification.topology.controller = controller
    specification.topology.devices = devices
    return specification
  }

  /// `iommufd_device_bind` without IRQ_DOMAIN_FLAG_ISOLATED_MSI.
  @Test(
    "no design gets a device, unless interrupts may be unsafe",
    arguments: ["cookie", "rmr-identity", "forward-address", "gicv2m"])
  func isolation(design: String) throws {
    let refused = try specification(design, .gicv2m).run()
    guard case .refused(let refusal) = refused.setup else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.agent == .host)
    #expect(refusal.errno == "EPERM")
    #expect(refused.verdict == .refused)
    #expect(try specification(design).run().verdict == .delivered)
  }

  @Test(
    "the message is the frame's page and an SPI, which the host injects by irqfd",
    arguments: ["cookie", "rmr-identity", "rmr-moved-window"])
  func message(design: String) throws {
    let result = try specification(design).run()
    #expect(result.verdicts == Array(repeating: .delivered, count: 4), "\(result.why)")
    #expect(result.message?.data == 80)
    #expect(result.exits.delivery == 4)
    let payloads = result.steps.filter { $0.agent != .guest }.compactMap(\.payload)
    #expect(payloads.contains(.interrupt(81, isEnabled: true)))
    #expect(payloads.contains(.route(vector: 1, intid: 81)))
    #expect(!payloads.contains { if case .itsCommands = $0 { true } else { false } })
  }

  @Test("several devices share the frame, each with SPIs of its own")
  func devices() throws {
    let result = try specification("rmr-identity", devices: 3).run()
    #expect(result.devices.map(\.message?.address) == [0x800_0040, 0x800_0040, 0x800_0040])
    #expect(result.devices.map(\.message?.data) == [80, 82, 84])
    #expect(result.devices.allSatisfy { $0.verdict == .delivered })
  }

  @Test("a frame of 64 SPIs has none for the 33rd device of two vectors")
  func exhausted() throws {
    let result = try specification("cookie", devices: 33).run()
    #expect(result.devices.prefix(32).allSatisfy { $0.verdict == .delivered })
    #expect(result.devices[32].verdict == .refused)
    #expect(result.devices[32].why.contains("ENOSPC"))
  }

  @Test("plain MSI counts from the first of its SPIs on")
  func plainMSI() throws {
    var workload = Workload.synthetic(vectors: 4, messages: 8, every: 50_000)
    let device = workload.device
    workload = Workload(
      device: .init(
        name: device.name, guestID: device.guestID, hostID: device.hostID, vectors: 4,
        store: .msi),
      entries: workload.entries)
    let result = try specification("rmr-identity", devices: 2, workload: workload).run()
    #expect(result.verdicts == Array(repeating: .delivered, count: 16), "\(result.why)")
    #expect(result.devices.map(\.message?.data) == [80, 84])
  }

  @Test(
    "what needs an ITS cannot run on it",
    arguments: ["rmr-identity,delivery=gicv4", "untrapped", "untrapped,delivery=gicv4.1"])
  func needsITS(design: String) throws {
    let specification = try specification(design)
    #expect(specification.design.inconsistency(with: .gicv2mUnsafe) != nil)
    #expect(specification.design.inconsistency(with: .its) == nil)
    #expect(throws: RunFailure.self) { try specification.run() }
  }

  @Test("two ITSs and a frame are no machine")
  func oneController() throws {
    var specification = try specification("rmr-identity")
    specification.topology.itses = 2
    let twoITSs = specification
    #expect(throws: RunFailure.self) { try twoITSs.run() }
  }

  /// The frame takes a number and no DeviceID.
  @Test("any device signals another's SPI, which an ITS prevents", arguments: [true, false])
  func attack(isFrame: Bool) throws {
    let specification = try specification("rmr-identity", isFrame ? .gicv2mUnsafe : .its)
    let finding = try specification.attacked(by: #require(Attack.named("foreign-event")))
    #expect(finding.outcome == (isFrame ? .breach : .contained), "\(finding.detail)")
    #expect(finding.victim == (isFrame ? .neighbour : nil))
    if isFrame { #expect(finding.stations.contains { $0.name == "v2m frame" }) }
    let flood = try specification.attacked(by: #require(Attack.named("flood-messages")))
    #expect(flood.outcome == .noise, "\(flood.detail)")
  }
}
