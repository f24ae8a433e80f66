import ArmFormats
import Bits
import Designs
import Engine
import Firmware
import Guest
import HostKernel
import Linux
import Machine
import Simulation
import Software
import Testing
import Timing
import VMM

/// A guest whose MSIs a GICv2m frame takes (Linux drivers/irqchip/irq-gic-v2m.c).
@Suite("A guest with a GICv2m frame")
struct MessageFrameTests {
  static let design: Design = {
    var design = Fixtures.rmr
    design.name = "gicv2m"
    design.controller = .gicv2m
    return design
  }()

  @Test(
    "it finds frame and SPIs in its tables or its device tree, and no ITS",
    arguments: [FirmwareVariant.complete, .deviceTree])
  func tables(variant: FirmwareVariant) throws {
    let vmm = VMM(
      map: VMMPersonality.qemuVirt.map.withMessageFrame, advertisement: .rmrDirect,
      stageTwoDoorbell: .softwareWindow, msixEntry: .replaced,
      devices: [.init(guestID: 0x1100, vectors: 4)], firmware: variant)
    let firmware = try GuestFirmware(reading: vmm.tables())
    #expect(firmware.itsBase == nil)
    // QEMU's virt machine: 64 SPIs from 48 on, INTIDs 80 to 143.
    #expect(
      firmware.messageFrame == .init(base: 0x802_0000, spis: 80..<144, distributor: 0x800_0000))
  }

  @Test("a vector's message is the frame's doorbell and an SPI, which the guest's handler gets")
  func delivers() throws {
    let result = try Fixtures.specification(Self.design, Fixtures.messages([0, 1, 2, 0])).run()
    #expect(result.verdicts == Array(repeating: .delivered, count: 4), "\(result.why)")
    #expect(result.exits.delivery == 4)
    #expect(result.message == .init(address: 0x800_0040, data: 0))
    let written = result.steps.filter { $0.agent == .guest }.compactMap { step -> Payload? in
      if case .message = step.payload { step.payload } else { nil }
    }
    #expect(
      written
        == (0..<3).map { .message(vector: $0, address: 0xffff_f040, data: 80 + UInt32($0)) })
    #expect(
      result.steps.filter { $0.agent == .vmm }.compactMap(\.payload)
        == (0..<3).map { .route(vector: $0, intid: 80 + UInt32($0)) })
  }

  @Test("a burst of one vector merges, and one that comes while the SPI is active follows it")
  func burst() throws {
    let result = try Fixtures.specification(
      Self.design, Fixtures.messages([0, 0, 0, 1]),
      costs: [.guestHandler: .nanoseconds(1500)]
    ).run()
    #expect(result.verdicts == Array(repeating: .delivered, count: 4), "\(result.why)")
  }

  @Test("more vectors than the frame has SPIs are refused")
  func exhausted() throws {
    let device = Workload.Device(name: "nic", guestID: 0x1100, hostID: 0x10, vectors: 65)
    let result = try Fixtures.specification(
      Self.design, Fixtures.messages([64], of: device)
    ).run()
    guard case .refused(let refusal) = result.setup else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.errno == "ENOSPC")
    #expect(refusal.function == "gicv2m_irq_domain_alloc")
  }

  @Test("VFIO in the guest is refused: its devices' interrupts are not isolated")
  func vfio() throws {
    var design = Self.design
    design.advertisement = .rmrRelaxable
    let result = try Fixtures.specification(
      design, Fixtures.messages([0]), usage: .vfio
    ).run()
    guard case .refused(let refusal) = result.setup else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.errno == "EPERM")
  }

  @Test("what needs a virtual ITS cannot stand beside a frame")
  func inconsistent() {
    func reason(_ change: (inout Design) -> Void) -> String? {
      var design = Self.design
      change(&design)
      return design.inconsistency
    }
    #expect(reason { _ in } == nil)
    #expect(reason { $0.delivery = .gicv4 } != nil)
    #expect(reason { $0.route = .walk } != nil)
    #expect(reason { $0.virtualITS = .atWindow } != nil)
    #expect(
      reason {
        ($0.msixEntry, $0.eventIDOwner, $0.stageTwo) = (.untrapped, .guest, .guestDoorbell)
      } != nil)
  }
}
