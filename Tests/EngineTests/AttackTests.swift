import Attacks
import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import Machine
import Testing
import VMM

/// What each attack must come to, from what manuals and kernels say and not from what the models
/// gave.
@Suite("attacks")
struct AttackTests {
  static let workload = Fixtures.messages([0, 1, 2])

  static func finding(
    _ attack: String, _ design: Design = Fixtures.rmr
  ) throws -> IsolationFinding {
    try Fixtures.specification(design, workload).attacked(by: #require(Attack.named(attack)))
  }

  @Test("names are unique, and each attack says what it does, what a breach is and by whose word")
  func names() {
    #expect(Set(Attack.all.map(\.name)).count == Attack.all.count)
    for attack in Attack.all {
      #expect(!attack.action.isEmpty && !attack.breach.isEmpty && !attack.source.isEmpty)
    }
  }

  /// Designs that differ in the firmware's word, in the trap and in stage 2.
  static let everywhereContained = [
    "foreign-event", "event-out-of-range", "doorbell-page", "doorbell-window", "host-addresses",
    "cached-translation", "spoofed-requester", "doorbell-alias", "stage1-anywhere",
    "tables-anywhere", "msix-entry", "foreign-vmid", "foreign-stream", "illegal-commands",
    "forged-entry", "stale-translation", "unplugged-device", "reused-device", "reused-vmid",
    "restored-tables",
  ]

  @Test(
    "what two stages, the DeviceID and the host's checks contain", arguments: everywhereContained)
  func contained(attack: String) throws {
    for design in [Fixtures.rmr, Fixtures.plain, Fixtures.forward, Fixtures.untrapped] {
      let finding = try Self.finding(attack, design)
      #expect(finding.outcome == .contained, "\(design.name): \(finding.detail)")
      #expect(finding.victim == nil)
    }
  }

  /// One on which no ID equals a requester ID, RAM lies elsewhere, and a second VM runs.
  static var ownMachine: MachineDescription {
    get throws {
      var machine = ManyMachinesTests.description(machines: 2, cpus: 2, vectors: 4)
      machine.host.bridges = [MachineDescription.Bridge(buses: 0...3)]
      machine.host.bridges[0].streamOffset = 0x400
      machine.host.bridges[0].deviceOffset = 0x40
      machine.host.ram = [AddressRange(from: 0x20_0000_0000, length: 0x2_0000_0000)]
      return machine
    }
  }

  @Test(
    "a machine of one's own contains what a built-in one does", arguments: everywhereContained)
  func ownMachine(attack: String) throws {
    var specification = Fixtures.specification(Fixtures.rmr, Self.workload)
    specification.machine = try Self.ownMachine
    specification.topology.devices = 2
    let finding = try specification.attacked(by: #require(Attack.named(attack)))
    #expect(finding.outcome == .contained, "\(finding.detail)")
  }

  @Test("without room for a neighbour's RAM, an attack is unknown and says what to add")
  func noRoom() throws {
    var specification = Fixtures.specification(Fixtures.rmr, Self.workload)
    var machine = try Self.ownMachine
    machine.host.ram = [AddressRange(from: 0x20_0000_0000, length: 0xc000_0000)]
    specification.machine = machine
    specification.topology.devices = 2
    let finding = try specification.attacked(by: #require(Attack.named("foreign-event")))
    #expect(finding.outcome == .unknown)
    #expect(finding.detail.contains("host.ram"), "\(finding.detail)")
  }

  @Test(
    "the requester ID is believed: only Source Validation stops another bus, and nothing the same",
    arguments: ["spoofed-requester-no-acs", "spoofed-requester-same-bus"])
  func spoofed(attack: String) throws {
    let finding = try Self.finding(attack)
    #expect(finding.outcome == .breach)
    #expect(finding.victim == .neighbour)
    #expect(finding.measures.first { $0.name == "neighbour's interrupts" }?.value == 1)
    #expect(finding.stations.contains { $0.name == "DTE" })
  }

  /// Row 54 of the scenario table.
  @Test("before a driver binds, an RMR opens the guest's RAM, and its absence aborts")
  func boot() throws {
    let open = try Self.finding("boot-dma")
    #expect(open.outcome == .breach)
    #expect(open.victim == .guest)
    #expect(open.measures.first { $0.name == "guest's pages reached" }?.value == 768)
    #expect(try Self.finding("boot-dma", Fixtures.plain).outcome == .contained)
    #expect(try Self.finding("boot-dma", Fixtures.untrapped).outcome == .contained)
  }

  @Test("a translation outlives its unmapping in lazy mode, and no invalidation in any")
  func stale() throws {
    let strict = try Self.finding("stale-translation")
    let lazy = try Self.finding("stale-translation-lazy")
    #expect(lazy.outcome == .breach)
    #expect(lazy.victim == .guest)
    func open(_ finding: IsolationFinding) -> Int {
      finding.measures.first { $0.name == "microseconds open after the unmapping" }?.value ?? -1
    }
    #expect(open(strict) == 0)
    // IOVA_DEFAULT_FQ_TIMEOUT, and the flush itself; the unmapping's last steps come off.
    #expect((9_950...10_050).contains(open(lazy)))
    for finding in [strict, lazy] {
      #expect(finding.measures.first { $0.name == "open after the invalidation" }?.value == 0)
    }
  }

  /// IHI 0070, 7.4: the queue of Linux has 2^8 records here.
  @Test("unread records of one VM fill the event queue for the other")
  func eventFlood() throws {
    let finding = try Self.finding("flood-events")
    #expect(finding.outcome == .breach)
    #expect(finding.victim == .neighbour)
    let counts = Dictionary(uniqueKeysWithValues: finding.measures.map { ($0.name, $0.value) })
    #expect(counts["records of the actor's, unread"] == 256)
    #expect(counts["neighbour's records lost, read every 128 faults"] == 0)
  }

  /// `vgic_its_restore_tables_v0` restores KVM's own lists; the physical ITT is the host's.
  @Test(
    "an older snapshot decides which LPI comes, unless the hardware injects what the guest mapped",
    arguments: Fixtures.designs + Fixtures.bypassing)
  func olderSnapshot(design: Design) throws {
    let finding = try Self.finding("older-snapshot", design)
    let isStale = design.eventIDOwner == .guest && design.delivery != .irqfd
    #expect(finding.outcome == (isStale ? .breach : .contained), "\(finding.detail)")
    let counts = Dictionary(uniqueKeysWithValues: finding.measures.map { ($0.name, $0.value) })
    let arrives = isStale ? "LPI since then" : "LPI of the restored tables"
    #expect(counts["LPI that arrives"] == counts[arrives], "\(finding.detail)")
  }

  @Test("a finding names the usage under which it was made")
  func usages() throws {
    for usage in GuestUsage.allCases {
      let finding = try Fixtures.specification(Fixtures.forward, Self.workload, usage: usage)
        .attacked(by: #require(Attack.named("foreign-event")))
      #expect(finding.usage == usage)
    }
  }

  @Test("a flood of messages loses nobody's interrupt")
  func messageFlood() throws {
    let finding = try Self.finding("flood-messages")
    #expect(finding.outcome == .noise)
    #expect(finding.measures.first { $0.name == "neighbour's interrupts lost" }?.value == 0)
  }

  @Test("the virtual ITS's commands reach the physical one only where the guest owns the EventIDs")
  func commandFlood() throws {
    func physical(_ design: Design) throws -> Int? {
      try Self.finding("flood-commands", design).measures
        .first { $0.name == "physical ITS commands" }?.value
    }
    #expect(try physical(Fixtures.rmr) == 0)
    #expect(try #require(try physical(Fixtures.untrapped)) >= 200)
  }

  @Test("without a vIOMMU there is no stage 1 and no virtual SMMU to attack")
  func withoutIOMMU() throws {
    let design = Design(
      name: "cookie", title: "", source: "", advertisement: .nothing, stageTwo: .softwareWindow,
      msixEntry: .replaced, eventIDOwner: .host, delivery: .irqfd, iommu: .none)
    for attack in ["doorbell-alias", "foreign-vmid", "boot-dma", "stale-translation"] {
      #expect(try Self.finding(attack, design).outcome == .notApplicable)
    }
    #expect(try Self.finding("foreign-event", design).outcome == .contained)
  }

  @Test("an attack on a set-up that is refused says who refused")
  func refused() throws {
    let specification = Fixtures.specification(
      Fixtures.rmr, Self.workload, usage: .vfio, kernel: .init(6, 6))
    let finding = try specification.attacked(by: #require(Attack.named("foreign-event")))
    #expect(finding.outcome == .notApplicable)
    #expect(finding.detail.contains("EINVAL"))
  }

  @Test("the same attack on the same design gives the same finding")
  func deterministic() throws {
    for attack in Attack.all {
      let specification = Fixtures.specification(Fixtures.rmr, Self.workload)
      #expect(specification.attacked(by: attack) == specification.attacked(by: attack))
    }
  }
}
