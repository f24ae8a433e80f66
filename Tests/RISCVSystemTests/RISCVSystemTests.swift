import Attacks
import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import RISCVSystem
import Scenarios
import Software
import Testing
import Timing
import VMM

@Suite("Linux on a RISC-V host")
struct RISCVSystemTests {
  static let window = Design(
    name: "window", title: "", source: "", advertisement: .nothing, stageTwo: .softwareWindow,
    msixEntry: .replaced, eventIDOwner: .host, delivery: .irqfd, iommu: .none)
  static var messageTable: Design {
    var design = window
    design.name = "table"
    design.delivery = .gicv4
    return design
  }

  /// A device with two vectors that signals eight times.
  private static func specification(
    _ design: Design, _ platform: HostPlatform, moves: [Workload.Entry] = []
  ) throws -> RunSpecification {
    var specification = RunSpecification(
      design: design, workload: .synthetic(vectors: 2, messages: 8, every: 1000, moves: moves),
      guestKernel: Kernel(Kernel.newest), hostKernel: Kernel(Kernel.newest),
      costs: CostModel(name: "none", platform: "", costs: [:]))
    specification.platform = platform
    return specification
  }

  @Test(
    "who writes the device's message, and exits for each",
    arguments: [
      (window, HostPlatform.riscvUnsafe, 0x800_0000, 8, 0),
      (messageTable, .riscv, 0x2800_0000, 0, 8),
      (messageTable, .riscvUnsafe, 0x2800_0000, 0, 8),
    ] as [(Design, HostPlatform, UInt64, Int, Int)])
  func delivers(
    design: Design, platform: HostPlatform, address: UInt64, exits: Int, byHardware: Int
  ) throws {
    let result = try Self.specification(design, platform).run()
    #expect(result.setup == .enabled)
    #expect(result.verdicts == Array(repeating: .delivered, count: 8))
    #expect(result.message?.address.rawValue == address)
    #expect(result.exits.delivery == exits)
    #expect(result.injectedByHardware == byHardware)
    // Nothing is published of what it costs.
    #expect(result.latencies.isEmpty)
  }

  @Test("the window is no isolated MSI, so VFIO refuses it unless it may be unsafe")
  func refused() throws {
    let result = try Self.specification(Self.window, .riscv).run()
    guard case .refused(let refusal) = result.setup else {
      Issue.record("set-up is \(result.setup)")
      return
    }
    #expect(refusal.errno == "EPERM")
    #expect(refusal.agent == .host)
    #expect(result.verdicts.allSatisfy { $0 == .refused })
  }

  @Test("a virtual hart that moves to another hart takes its interrupts along")
  func moves() throws {
    let move = Workload.Entry(nanoseconds: 3500, .migrate(virtualCPU: 0, to: 1))
    for (design, platform) in [
      (Self.window, HostPlatform.riscvUnsafe), (Self.messageTable, .riscv),
    ] {
      let result = try Self.specification(design, platform, moves: [move]).run()
      #expect(result.verdicts == Array(repeating: .delivered, count: 8))
      #expect(result.steps.contains { $0.function == "imsic_vsfile_read" })
    }
  }

  @Test("wherever an MSI falls while the virtual hart moves, it arrives")
  func moveRaces() throws {
    let move = Workload.Entry(nanoseconds: 3500, .migrate(virtualCPU: 0, to: 1))
    let plain = try Self.specification(Self.messageTable, .riscv, moves: [move]).run()
    let first = try #require(plain.steps.lastIndex { $0.function == "kvm_riscv_aia_alloc_hgei" })
    for gap in first...plain.steps.count {
      var specification = try Self.specification(Self.messageTable, .riscv, moves: [move])
      specification.interposed = Interposition(afterSteps: gap, vector: 1)
      let journey = try #require(try specification.run().journey)
      #expect(journey.verdict == .delivered, "gap \(gap): \(journey.reason)")
    }
  }

  @Test(
    "while the first vector is handed over, the device's context is not valid, and an MSI is lost")
  func handOver() throws {
    let plain = try Self.specification(Self.messageTable, .riscv).run()
    let outcomes = try (0...plain.setupSteps.count).map { gap in
      var specification = try Self.specification(Self.messageTable, .riscv)
      specification.interposed = Interposition(afterSteps: gap, vector: 0)
      return try #require(try specification.run().journey)
    }
    let lost = outcomes.filter { $0.isSent && $0.verdict != .delivered }
    #expect(!lost.isEmpty)
    #expect(lost.allSatisfy { $0.verdict == .lost && $0.reason.hasPrefix("fault ") })
    #expect(outcomes.last?.verdict == .delivered)
  }

  @Test(
    "what no release and no series has does not exist",
    arguments: [
      { $0.iommu = .nested }, { $0.controller = .gicv2m }, { $0.msixEntry = .untrapped },
      { $0.msixEntry = .forwarded }, { $0.stageTwo = .movedWindow },
    ] as [@Sendable (inout Design) -> Void])
  func absent(change: @Sendable (inout Design) -> Void) throws {
    var design = Self.window
    change(&design)
    let specification = try Self.specification(design, .riscv)
    #expect(throws: RunFailure.self) { try RISCVAnswer(specification) }
  }

  @Test("journeys name the tables that the IOMMU read")
  func journey() throws {
    var specification = try Self.specification(Self.messageTable, .riscv)
    specification.journeyOf = 0
    let journey = try #require(try specification.run().journey)
    let names = journey.stations.map(\.name)
    #expect(
      names == [
        "device", "DDT L2", "DDT L1", "DC", "MSI PTE", "VS-file", "acknowledge", "handler",
      ])
  }

  @Test("every attack ends on this platform, too")
  func attacks() throws {
    for attack in Attack.all {
      let finding = try Self.specification(Self.messageTable, .riscv).attacked(by: attack)
      #expect(!finding.detail.isEmpty, "\(attack.name)")
    }
    let foreign = try #require(Attack.named("foreign-event"))
    let onWindow = try Self.specification(Self.window, .riscvUnsafe).attacked(by: foreign)
    #expect(onWindow.outcome == .breach)
    let onTable = try Self.specification(Self.messageTable, .riscv).attacked(by: foreign)
    #expect(onTable.outcome == .contained)
  }

  @Test("more vectors than an interrupt file has identities are refused")
  func tooMany() throws {
    var specification = try Self.specification(Self.messageTable, .riscv)
    specification.workload = .synthetic(vectors: 300, messages: 1, every: 1000)
    guard case .refused(let refusal) = try specification.run().setup else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.errno == "ENOSPC")
  }
}
