import ArmFormats
import Bits
import Engine
import GIC
import Guest
import HostKernel
import Linux
import Machine
import PCI
import SMMU
import Scenarios
import Simulation
import Software
import TestRandom
import Testing
import VMM

@testable import Designs

/// Runs on machines of the user's own: random maps, unlike devices, identifiers that differ.
@Suite("Machines of one's own")
struct OwnMachineTests {
  static let designs = [
    "rmr-identity", "rmr-relaxable", "forward-address", "untrapped", "coincident", "per-its-s2",
    "gicv4", "gicv2m",
  ]

  /// A design of the folder; `gicv4` is 'rmr-identity' with virtual LPIs.
  static func design(_ name: String) throws -> Design {
    var design = try TopologyTests.folder.design(named: name == "gicv4" ? "rmr-identity" : name)
    if name == "gicv4" { design.delivery = .gicv4 }
    return design
  }

  static func run(_ machine: MachineDescription, _ design: Design) throws -> RunResult {
    var specification = Fixtures.specification(
      design, .synthetic(vectors: 2, messages: 6, every: 50_000))
    specification.machine = machine
    specification.topology.devices = machine.devices.count
    specification.topology.itses = machine.host.itses.count
    specification.topology.smmus = machine.host.smmus.count
    return try specification.run()
  }

  /// A machine whose parts stand anywhere, in any order.
  static func random(_ seed: UInt64) -> MachineDescription {
    var random = SplitMix(state: seed)
    func below(_ limit: UInt64) -> UInt64 { random.next() % limit }
    var cursor: UInt64 = 0
    /// The next free range of one map, some way behind the last.
    func place(_ length: UInt64, alignment: UInt64 = 0x1_0000) -> UInt64 {
      cursor += (1 + below(0x400)) << 16
      cursor = (cursor + alignment - 1) & ~(alignment - 1)
      defer { cursor += length }
      return cursor
    }
    let smmus = 1 + Int(below(3))
    let itses = 1 + Int(below(3))
    let count = 1 + Int(below(4))
    cursor = below(2) << 30
    let small = AddressRange(from: place(0x1000_0000, alignment: 0x1000), length: 0x1000_0000)
    let smmuBases = (0..<smmus).map { _ in PA(place(0x2_0000)) }
    let distributor = PA(place(0x1_0000))
    let cpus = 1 + Int(below(4))
    let redistributors = PA(place(0x4_0000 * UInt64(cpus)))
    let itsBases = (0..<itses).map { _ in PA(place(0x2_0000)) }
    let frame = PA(place(0x1000))
    let bars = (0..<count).map { _ in
      AddressRange(from: place(0x1_0000), length: 0x1_0000)
    }
    let large = AddressRange(from: place(0x1_0000_0000, alignment: 0x1000), length: 0x1_0000_0000)
    var bridge = MachineDescription.Bridge(buses: 0...127)
    bridge.streamOffset = UInt32(below(0x4000))
    bridge.deviceOffset = UInt32(below(0x100))
    var host = MachineDescription.Host(
      ram: [small, large], cpus: cpus, distributor: distributor, redistributors: redistributors,
      itses: itsBases, messageFrame: frame, messageSPIs: 64..<128, smmus: smmuBases,
      bridges: [bridge])
    host.bridges[0].buses = 0...7
    host.deviceTable = below(2) == 0 ? .flat : .twoLevel
    // The guest's map, clear of the software MSI window.
    cursor = 0x1000_0000
    let gicd = place(0x1_0000)
    let gicr = place(0x8_0000)
    let its = place(0x2_0000)
    let v2m = place(0x1000)
    let smmu = place(0x2_0000 * UInt64(smmus))
    let bar = place(0x1_0000 * UInt64(count), alignment: 0x1000)
    let ram = place(768 << 20, alignment: 0x20_0000)
    let guest = AddressMap(
      distributor: IPA(gicd), itsBase: IPA(its), redistributors: IPA(gicr),
      redistributorsSize: 0x8_0000, smmuBase: IPA(smmu), msixTable: IPA(bar + 0x2000),
      ramBase: IPA(ram), messageFramePlace: IPA(v2m))
    let devices = (0..<count).map { index in
      var device = MachineDescription.Device(
        name: "device \(index)", vectors: [1, 2, 3, 64][Int(below(4))],
        requester: RequesterID(rawValue: UInt16(0x100 * index + Int(below(0x100)))),
        guestRequester: RequesterID(rawValue: 0), bar: bars[index])
      device.smmu = Int(below(UInt64(smmus)))
      device.its = Int(below(UInt64(itses)))
      device.guestRequester = RequesterID(
        rawValue: UInt16(0x1100 + device.smmu * 0x200 + index * 8))
      return device
    }
    return MachineDescription(name: "random", host: host, guest: guest, devices: devices)
  }

  @Test(
    "a map that passes the check runs, and every device's doorbell is translated",
    arguments: 0..<24)
  func passes(seed: UInt64) throws {
    var machine = Self.random(seed)
    machine.base = VMMPersonality.qemuVirt.rawValue
    try #require(machine.problem == nil, "\(machine.findings)")
    for name in [Self.designs[Int(seed) % 8], Self.designs[Int(seed / 8 + 3) % 8]] {
      let design = try Self.design(name)
      if let problem = machine.problem(under: design) {
        Issue.record("\(name): \(problem)")
        continue
      }
      // Where stage 2 has one doorbell for all ITSs, a second ITS's device cannot reach its own.
      let result = try Self.run(machine, design)
      let single = machine.devices.allSatisfy { $0.its == machine.devices[0].its }
      guard single || design.msixEntry == .replaced || name == "per-its-s2" else { continue }
      #expect(result.verdict == .delivered, "\(name): \(result.why)")
      #expect(result.message != nil)
      #expect(result.devices.allSatisfy { $0.verdict == .delivered && $0.message != nil })
    }
  }

  @Test("a map with an overlap never runs", arguments: 0..<24)
  func overlap(seed: UInt64) throws {
    var machine = Self.random(seed)
    machine.base = VMMPersonality.qemuVirt.rawValue
    var random = SplitMix(state: seed &+ 1000)
    // A part that is moved over another one; over one of its own kind, it would only make room.
    let moved = ["guest.its", "guest.smmu", "host.smmus"][Int(random.next() % 3)]
    let parts = machine.guestParts.filter { $0.field != moved }
    let target = IPA(parts[Int(random.next() % UInt64(parts.count))].range.base & ~0xffff)
    switch moved {
    case "guest.its": machine.guest.itsBase = target
    case "guest.smmu": machine.guest.smmuBase = target
    default: machine.host.smmus[0] = machine.host.itses[0]
    }
    #expect(machine.problem?.kind == .overlap, "\(machine.findings)")
    let design = try TopologyTests.folder.design(named: "rmr-identity")
    #expect(throws: RunFailure.self) { try Self.run(machine, design) }
  }

  /// An NVMe with 3 vectors and a NIC with 64, each behind its own SMMU and ITS, whose StreamIDs and
  /// DeviceIDs are not their requester IDs.
  static var unlike: MachineDescription {
    get throws {
      var topology = Topology()
      topology.devices = 2
      topology.itses = 2
      topology.smmus = 2
      var machine = try MachineDescription.builtIn(.qemuVirt, topology)
      machine.host.bridges[0].streamOffset = 0x800
      machine.host.bridges[0].deviceOffset = 0x40
      machine.devices[0].vectors = 3
      machine.devices[1].vectors = 64
      return machine
    }
  }

  @Test("a guest's RAM in several ranges is all reached by DMA, and by nothing beside it")
  func severalRanges() throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    machine.guest.furtherRAM = [
      AddressRange(from: 0x1_0000_0000, length: 0x800_0000),
      AddressRange(from: 0x8_0000_0000, length: 0x1_0000),
    ]
    for (target, isRAM) in [
      (0x5000_0000, true), (0x1_07ff_f000, true), (0x8_0000_f000, true), (0x1_0800_0000, false),
      (0x7_ffff_f000, false), (0x8_0001_0000, false),
    ] as [(UInt64, Bool)] {
      var specification = Fixtures.specification(
        try Self.design("rmr-identity"),
        Workload(
          device: Fixtures.device,
          entries: [
            .init(
              nanoseconds: 0,
              .map(0x6000_0000, IPA(target), size: 0x1000, [.read, .write, .cache])),
            .init(nanoseconds: 1000, .dma(0x6000_0010, isWrite: true, count: 1)),
            .init(nanoseconds: 2000, .message(vector: 0)),
          ]))
      specification.machine = machine
      let result = try specification.run()
      #expect(result.verdict == .delivered, "\(result.why)")
      #expect(result.accesses.count == 1)
      #expect(
        (result.accesses.first?.translated != nil) == isRAM, "\(hex(target)): \(result.accesses)")
    }
  }

  @Test("unlike devices signal each of their own vectors, under every way to deliver")
  func unlikeDevices() throws {
    for name in ["rmr-identity", "per-its-s2", "gicv4"] {
      var specification = Fixtures.specification(
        try Self.design(name),
        .synthetic(vectors: 4, messages: 128, every: 50_000))
      specification.machine = try Self.unlike
      specification.topology.devices = 2
      specification.topology.itses = 2
      specification.topology.smmus = 2
      specification.wantsTimeline = true
      let result = try specification.run()
      #expect(result.verdict == .delivered, "\(name): \(result.why)")
      let vectors = try #require(result.timeline).messages.map(\.vector)
      #expect(vectors.count == 256)
      #expect(Set(vectors) == Set(0..<64))
      #expect(vectors.enumerated().filter { $0.offset % 2 == 0 }.allSatisfy { $0.element < 3 })
    }
  }

  @Test("the STE, and the device table's entry, are those of the mapped identifiers")
  func identifiers() throws {
    var specification = Fixtures.specification(
      try TopologyTests.folder.design(named: "rmr-identity"),
      .synthetic(vectors: 1, messages: 2, every: 50_000), journeyOf: 0)
    specification.machine = try Self.unlike
    specification.topology.devices = 2
    specification.topology.itses = 2
    specification.topology.smmus = 2
    let journey = try #require(try specification.run().journey)
    let entry = try #require(journey.stations.first { $0.place == .table(.device) })
    #expect(entry.meaning.contains("0x850"), "\(entry.meaning)")
    #expect(journey.verdict == .delivered)
  }

  @Test("a DMA mask bounds what the guest's DMA API gives the doorbell")
  func mask() throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    machine.devices[0].dmaBits = 30
    let design = try TopologyTests.folder.design(named: "forward-address")
    let result = try Self.run(machine, design)
    #expect(result.verdict == .delivered, "\(result.why)")
    #expect(result.message.map { $0.address < 0x4000_0000 } == true)
    machine.devices[0].dmaBits = 12
    let none = try Self.run(machine, design)
    guard case .refused(let refusal) = none.setup else {
      Issue.record("a page was found below 4 KiB")
      return
    }
    #expect(refusal.errno == "ENOMEM")
  }

  @Test("without a coherent path or S2FWB, the host refuses a vIOMMU")
  func coherence() throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    let design = try TopologyTests.folder.design(named: "rmr-identity")
    for (features, isAllowed) in [
      ([.coherentPath], true), ([.forceWriteBack], true), ([], false),
      ([.rangeInvalidation], false),
    ] as [(MachineDescription.SMMUFeatureSet, Bool)] {
      machine.host.smmuFeatures = features
      let result = try Self.run(machine, design)
      #expect((result.verdict == .delivered) == isAllowed, "\(result.why)")
      guard !isAllowed, case .refused(let refusal) = result.setup else { continue }
      #expect(refusal.function == "arm_vsmmu_alloc")
      #expect(refusal.errno == "EOPNOTSUPP")
    }
  }

  /// Two devices whose StreamIDs and DeviceIDs are equal, each at an SMMU and an ITS of its own.
  static func twins() throws -> MachineDescription {
    var topology = Topology()
    topology.devices = 2
    topology.itses = 2
    topology.smmus = 2
    var machine = try MachineDescription.builtIn(.qemuVirt, topology)
    machine.host.cpus = 8
    machine.host.bridges = [.init(buses: 0...1), .init(buses: 2...3)]
    machine.host.bridges[0].streamOffset = 0x200
    machine.devices[0].requester = RequesterID(rawValue: 0x100)
    machine.devices[1].requester = RequesterID(rawValue: 0x300)
    return machine
  }

  @Test(
    "a StreamID is an SMMU's own, and a DeviceID an ITS's: devices of other units may have the same",
    arguments: designs.filter { $0 != "gicv2m" } + ["untrapped-gicv4"])
  func equalIdentifiers(name: String) throws {
    let machine = try Self.twins()
    #expect(machine.problem == nil)
    #expect(machine.host.stream(of: machine.devices[0].requester) == 0x300)
    #expect(machine.host.device(of: machine.devices[1].requester) == 0x300)
    var design = try Self.design(name == "untrapped-gicv4" ? "untrapped" : name)
    if name == "untrapped-gicv4" { design.delivery = .gicv4Point1 }
    let result = try Self.run(machine, design)
    // Where all devices reach the first ITS's doorbell, that ITS takes the second for the first.
    let isShared = design.stageTwo == .guestDoorbell
    #expect(
      result.devices.map(\.verdict) == [.delivered, isShared ? .misrouted : .delivered],
      "\(result.why)")
    var other = machine
    other.host.bridges[0].streamOffset = 0
    #expect(
      try Self.run(other, design).devices.map(\.verdict)
        == [.delivered, isShared ? .dropped : .delivered])
  }

  @Test("equal StreamIDs at one SMMU, or equal DeviceIDs at one ITS, are an error")
  func sharedIdentifiers() throws {
    for path in [\MachineDescription.Device.smmu, \.its] {
      var machine = try Self.twins()
      machine.devices[1][keyPath: path] = 0
      #expect(machine.problem?.kind == .identifier)
      #expect(machine.problem?.field == "devices[1].requester")
    }
  }

  @Test(
    "an RMR for privileged accesses refuses the MSI in stage 1; memory attributes do not",
    arguments: [true, false], AddressMap.ReservedRange.Attributes.allCases)
  func reservedRangeFlags(isPrivileged: Bool, attributes: AddressMap.ReservedRange.Attributes)
    throws
  {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    var range = AddressMap.ReservedRange(range: MachineDescription.Host.linuxWindow)
    range.isPrivileged = isPrivileged
    range.attributes = attributes
    machine.guest.reservedRange = range
    let result = try Self.run(machine, try Self.design("rmr-identity"))
    #expect(result.verdict == (isPrivileged ? .fault : .delivered), "\(result.why)")
    #expect(!isPrivileged || result.why.contains("F_PERMISSION at stage 1"))
    let kinds = machine.findings.map(\.kind)
    #expect(kinds.contains(.privilegedRange) == isPrivileged)
    #expect(kinds.contains(.rangeAttributes) == !attributes.isDevice)
  }

  @Test("each LPI goes to the CPU that has the fewest, or all go to the first")
  func spreadInterrupts() throws {
    var machine = try MachineDescription.builtIn(
      .qemuVirt, like: .init(name: "nic", guestID: 0x1100, hostID: 0x10, vectors: 7))
    machine.host.cpus = 3
    for (placement, cpus) in [
      (.first, [0, 0, 0, 0, 0, 0, 0]), (.leastLoaded, [0, 1, 2, 0, 1, 2, 0]),
    ] as [(MachineDescription.InterruptPlacement, [Int])] {
      machine.host.interrupts = placement
      var specification = Fixtures.specification(
        try Self.design("rmr-identity"), .synthetic(vectors: 7, messages: 7, every: 50_000))
      specification.machine = machine
      var engine = try Engine(specification, sink: NoTrace<EngineEvent>())
      engine.start()
      while engine.step() {}
      #expect((0..<7).map { engine.host.cpu(ofEvent: $0, of: .first) } == cpus)
      #expect(engine.result().verdict == .delivered)
    }
  }

  @Test(
    "ATS: a device with stage 2 alone gets it, one under a nested table does not ask for it",
    arguments: [("untrapped-no-iommu", true), ("rmr-identity", false)])
  func translationServices(name: String, isOn: Bool) throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    let design = try Self.design(name)
    let without = try Self.run(machine, design)
    machine.host.smmuFeatures.insert(.ats)
    #expect(machine.problem == nil && machine.findings.map(\.kind).contains(.translationServices))
    var specification = Fixtures.specification(
      design, .synthetic(vectors: 2, messages: 6, every: 50_000))
    specification.machine = machine
    var engine = try Engine(specification, sink: NoTrace<EngineEvent>())
    engine.start()
    while engine.step() {}
    #expect(engine.machine.smmu.profile.idr0[.ats])
    #expect(engine.machine.function.readConfig(0x100, width: 2) == 0xf)
    #expect(engine.machine.function.isATSEnabled == isOn)
    #expect(engine.host.entry(of: .first)[.ats] == (isOn ? .full : .disabled))
    let result = engine.result()
    #expect(result.verdict == .delivered, "\(result.why)")
    #expect(result.verdicts == without.verdicts && result.message == without.message)
  }

  @Test("the host's window is where its kernel has it: the advertised range follows or misses it")
  func messageWindow() throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    let design = try Self.design("rmr-identity")
    machine.host.messageWindow = AddressRange(from: 0xa00_0000, length: 0x20_0000)
    let missed = try Self.run(machine, design)
    #expect(missed.verdict == .fault, "\(missed.why)")
    #expect(missed.message?.address == 0xa00_0040)
    #expect(machine.findings.map(\.kind).contains(.rangeMissesWindow))
    machine.guest.reservedRange = .init(range: machine.host.messageWindow)
    #expect(!machine.findings.map(\.kind).contains(.rangeMissesWindow))
    #expect(try Self.run(machine, design).verdict == .delivered)
    var specification = Fixtures.specification(
      design, .synthetic(vectors: 1, messages: 1, every: 50_000))
    specification.machine = machine
    #expect(specification.missingInterfaces == [.messageWindow])
    specification.machine?.host.messageWindow = MachineDescription.Host.linuxWindow
    #expect(specification.missingInterfaces == [])
  }

  @Test(
    "StreamIDs and DeviceIDs of more than 16 bits arrive where the units have as many",
    arguments: [
      (20, 20, MachineDescription.DeviceTable.twoLevel), (25, 26, .twoLevel), (17, 19, .flat),
    ])
  func wideIdentifiers(
    streamBits: Int, deviceBits: Int, table: MachineDescription.DeviceTable
  ) throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    machine.host.deviceTable = table
    machine.host.bridges[0].streamOffset = UInt32(1) << UInt32(streamBits - 1)
    // Of the DeviceID's highest bit, what the StreamID does not make.
    machine.host.bridges[0].deviceOffset =
      UInt32(1) << UInt32(deviceBits - 1) &- machine.host.bridges[0].streamOffset
    #expect(machine.findings.contains { $0.message.contains("host.device-bits") })
    machine.host.streamBits = streamBits
    machine.host.deviceBits = deviceBits
    #expect(machine.problem == nil)
    for name in ["rmr-identity", "gicv4"] {
      let result = try Self.run(machine, Self.design(name))
      #expect(result.verdict == .delivered, "\(name): \(result.why)")
    }
  }

  @Test("a flat device table of more than 19 bits is refused by its field")
  func largeFlatTable() throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    machine.host.deviceTable = .flat
    machine.host.deviceBits = 20
    #expect(machine.problem?.field == "host.device-bits")
  }

  /// What the engine does not have, and the field that is named.
  static let unmodelled: [(String, @Sendable (inout MachineDescription) -> Void)] = [
    ("guest.ram", { $0.guest.ramSize = 512 << 20 }),
    ("host.gic", { $0.host.gic = .v3 }),
    (
      "devices[1].guest-requester",
      {
        $0.devices.append($0.devices[0])
        $0.devices[1].requester = RequesterID(rawValue: 0x18)
        $0.devices[1].guestRequester = RequesterID(rawValue: 0x2100)
        $0.devices[1].bar = AddressRange(from: 0x80_0001_0000, length: 0x1_0000)
      }
    ),
  ]

  @Test("what the engine does not have is refused by its field", arguments: unmodelled.indices)
  func refused(index: Int) throws {
    var machine = try MachineDescription.builtIn(.qemuVirt)
    Self.unmodelled[index].1(&machine)
    let design = try Self.design("gicv4")
    let failure = #expect(throws: RunFailure.self) { try Self.run(machine, design) }
    #expect(
      failure?.message.contains(Self.unmodelled[index].0) == true, "\(failure?.message ?? "")")
  }

  @Test("the VMM axis replaces the guest's map; counts of units cannot be varied")
  func axes() throws {
    var specification = Fixtures.specification(
      try TopologyTests.folder.design(named: "forward-address"),
      .synthetic(vectors: 1, messages: 2, every: 50_000))
    specification.machine = try .builtIn(.qemuVirt)
    specification.vmm = .kvmtool
    #expect(try specification.run().machine?.guest == .kvmtool())
    specification.topology.devices = 2
    #expect(throws: RunFailure.self) { try specification.run() }
  }
}
