import Bits
import Designs
import Guest
import HostKernel
import KVM
import Linux
import Machine
import PCI
import Simulation
import Software
import Testing
import Timing
import VMM

@testable import Engine

/// VMs beside each other, each with several virtual CPUs.
@Suite("Many machines")
struct ManyMachinesTests {
  /// A host with room for `machines` VMs of `cpus` virtual CPUs, each with one device.
  static func description(machines: Int, cpus: Int, vectors: Int) -> MachineDescription {
    var host = MachineDescription.Host.qemuVirt
    host.cpus = max(2, machines * cpus)
    host.ram[host.ram.count - 1] = AddressRange(from: 0x1_0000_0000, length: 0x2_0000_0000)
    // Behind everything else, where there are more frames than QEMU's map has room for.
    host.redistributors = 0x30_0000_0000
    let devices = (0..<machines).map { number in
      var device = MachineDescription.Device(
        name: "device \(number)", vectors: vectors,
        requester: RequesterID(rawValue: UInt16(0x10 + number)),
        guestRequester: RequesterID(rawValue: 0x1100),
        bar: AddressRange(from: 0x80_0000_0000 + UInt64(number) * 0x1_0000, length: 0x1_0000))
      device.machine = number
      return device
    }
    var description = MachineDescription(
      name: "many", host: host, guest: VMMPersonality.qemuVirt.map(virtualCPUs: cpus),
      devices: devices)
    description.base = VMMPersonality.qemuVirt.rawValue
    description.machines = machines
    description.virtualCPUs = cpus
    return description
  }

  static func specification(
    _ design: Design, machines: Int, cpus: Int, vectors: Int = 8,
    _ entries: [Workload.Entry]? = nil
  ) -> RunSpecification {
    let device = Workload.Device(name: "nic", guestID: 0x1100, hostID: 0x10, vectors: vectors)
    let messages = (0..<vectors).map {
      Workload.Entry(nanoseconds: UInt64($0) * 1000, .message(vector: $0))
    }
    var specification = Fixtures.specification(
      design, Workload(device: device, entries: entries ?? messages))
    specification.machine = description(machines: machines, cpus: cpus, vectors: vectors)
    specification.topology.devices = machines
    return specification
  }

  private static func at(_ microseconds: UInt64, _ activity: Workload.Activity) -> Workload.Entry {
    .init(nanoseconds: microseconds * 1000, activity)
  }

  /// A run to its end, which keeps the engine.
  private static func engine(
    _ specification: RunSpecification
  ) throws -> Engine<NoTrace<EngineEvent>> {
    var engine = try Engine(specification, sink: NoTrace())
    engine.start()
    while engine.step() {}
    return engine
  }

  static let designs = Fixtures.designs + Fixtures.bypassing

  @Test(
    "each VM's MSIs reach its own virtual CPUs, spread over them",
    arguments: designs, [(2, 4), (3, 2), (1, 8)])
  func spread(design: Design, counts: (machines: Int, cpus: Int)) throws {
    let specification = Self.specification(design, machines: counts.machines, cpus: counts.cpus)
    let result = try specification.run()
    #expect(result.setup == .enabled)
    #expect(
      result.verdicts == Array(repeating: .delivered, count: 8 * counts.machines), "\(result.why)")
    let engine = try Self.engine(specification)
    for number in 0..<counts.machines {
      let own = engine.flights.records.filter { $0.vm == VMIndex(number) }
      #expect(own.map(\.vector).sorted() == Array(0..<8))
      for flight in own {
        #expect(flight.device == DeviceIndex(number))
        #expect(flight.virtualCPU.rawValue == flight.vector % counts.cpus)
      }
    }
    let vmids = (0..<counts.machines).map { engine.host.vmid(of: DeviceIndex($0)) }
    #expect(Set(vmids).count == counts.machines && !vmids.contains(0))
  }

  @Test("a machine's list says which virtual CPU each vector goes to", arguments: designs)
  func list(design: Design) throws {
    var specification = Self.specification(design, machines: 1, cpus: 4)
    specification.machine?.devices[0].virtualCPUs = [3, 1]
    let engine = try Self.engine(specification)
    #expect(engine.flights.records.map(\.virtualCPU.rawValue) == [3, 1, 3, 1, 3, 1, 3, 1])
    #expect(engine.flights.records.allSatisfy { $0.verdict == .delivered })
  }

  @Test(
    "MOVI takes a vector to another virtual CPU, and VMOVI where the hardware injects",
    arguments: designs)
  func affinity(design: Design) throws {
    let engine = try Self.engine(
      Self.specification(
        design, machines: 2, cpus: 4, vectors: 2,
        [
          Self.at(0, .message(vector: 1)), Self.at(100, .setAffinity(vector: 1, cpu: 3)),
          Self.at(200, .message(vector: 1)),
          // None of these is a change.
          Self.at(300, .setAffinity(vector: 1, cpu: 3)),
          Self.at(300, .setAffinity(vector: 9, cpu: 1)),
          Self.at(300, .setAffinity(vector: 1, cpu: 77)), Self.at(400, .message(vector: 1)),
        ]))
    for machine in 0..<2 {
      let own = engine.flights.records.filter { $0.vm == VMIndex(machine) }
      #expect(own.map(\.virtualCPU.rawValue) == [1, 3, 3])
      #expect(own.allSatisfy { $0.verdict == .delivered })
    }
    let moves = engine.recorder.steps.filter { $0.function == "its_set_affinity" }
    #expect(moves.count == 2 * 2, "the commands and GITS_CWRITER, in each VM")
  }

  @Test("a CPU that goes off line gives its interrupts to one that is on line", arguments: designs)
  func offline(design: Design) throws {
    let engine = try Self.engine(
      Self.specification(
        design, machines: 1, cpus: 4, vectors: 4,
        [
          Self.at(0, .takeOffline(cpu: 2)), Self.at(50, .takeOffline(cpu: 9)),
          Self.at(100, .message(vector: 2)), Self.at(110, .message(vector: 3)),
          Self.at(200, .takeOffline(cpu: 0)), Self.at(300, .message(vector: 0)),
        ]))
    #expect(engine.flights.records.allSatisfy { $0.verdict == .delivered })
    #expect(engine.flights.records.map(\.virtualCPU.rawValue) == [0, 3, 1])
  }

  @Test(
    "VMOVP takes a virtual CPU's interrupts along to another CPU", arguments: Fixtures.bypassing)
  func migration(design: Design) throws {
    var specification = Self.specification(
      design, machines: 1, cpus: 2, vectors: 2,
      [
        Self.at(0, .message(vector: 1)), Self.at(100, .migrate(virtualCPU: 1, to: 3)),
        Self.at(200, .message(vector: 1)), Self.at(300, .migrate(virtualCPU: 7, to: 3)),
        Self.at(300, .migrate(virtualCPU: 1, to: 99)), Self.at(400, .message(vector: 0)),
      ])
    specification.machine?.host.cpus = 4
    for idle in IdleVirtualCPU.allCases {
      specification.idle = idle
      let engine = try Self.engine(specification)
      #expect(engine.flights.records.allSatisfy { $0.verdict == .delivered }, "\(idle)")
      #expect(engine.flights.records.map(\.cpu) == [1, 3, 0], "\(idle)")
      #expect(engine.recorder.steps.count { $0.function == "its_send_vmovp" } == 2)
    }
  }

  @Test("virtual CPUs sleep and wake one by one", arguments: designs)
  func idle(design: Design) throws {
    var specification = Self.specification(
      design, machines: 1, cpus: 4, vectors: 4,
      [Self.at(100, .message(vector: 2)), Self.at(200, .message(vector: 2))])
    specification.idle = .blocks
    let result = try specification.run()
    #expect(result.verdicts == [.delivered, .delivered], "\(result.why)")
    // All four sleep once, and the one that the MSIs go to again after each.
    let sleeps = result.exits.causes.first { $0.cause == .waitForInterrupt }?.count
    #expect(sleeps == 4 + 2)
  }

  @Test(
    "up to 512 virtual CPUs, over both regions of redistributors",
    arguments: [123, 124, 512], [InterruptDelivery.irqfd, .gicv4Point1])
  func large(cpus: Int, delivery: InterruptDelivery) throws {
    var design = Fixtures.rmr
    design.delivery = delivery
    let last = cpus - 1
    let engine = try Self.engine(
      Self.specification(
        design, machines: 1, cpus: cpus, vectors: 2,
        [
          Self.at(0, .message(vector: 1)), Self.at(100, .setAffinity(vector: 1, cpu: last)),
          Self.at(200, .message(vector: 1)),
        ]))
    #expect(engine.flights.records.map(\.virtualCPU.rawValue) == [1, last])
    #expect(engine.flights.records.allSatisfy { $0.verdict == .delivered })
  }

  @Test("where the hardware injects, each virtual CPU needs a physical one")
  func tooFewCPUs() throws {
    for design in Fixtures.bypassing {
      var specification = Self.specification(design, machines: 2, cpus: 4)
      specification.machine?.host.cpus = 7
      #expect(throws: RunFailure.self) { try specification.run() }
    }
  }

  @Test("a VM that is refused leaves the others alone")
  func refused() throws {
    var specification = Self.specification(Fixtures.forward, machines: 2, cpus: 1, vectors: 4)
    // No page below 4 KiB is ever given, so that the second one has no IOVA for its doorbell.
    specification.machine?.devices[1].dmaBits = 12
    let result = try specification.run()
    #expect(result.devices.map(\.verdict) == [.delivered, .refused], "\(result.why)")
    #expect(result.why.contains("no IOVA is free (ENOMEM)"), "\(result.why)")
  }
}
