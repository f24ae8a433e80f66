import ArmFormats
import Bits
import GIC
import PCI
import TestRandom
import Testing

@testable import Machine

@Suite("Descriptions of machines")
struct MachineDescriptionTests {
  static func machine(
    _ guest: AddressMap = .qemuVirt, host: MachineDescription.Host = .qemuVirt
  ) -> MachineDescription {
    MachineDescription(
      name: "test", host: host, guest: guest,
      devices: [
        .init(
          name: "nvme", vectors: 4, requester: RequesterID(rawValue: 0x10),
          guestRequester: RequesterID(rawValue: 0x1100),
          bar: AddressRange(from: 0x80_0000_0000, length: 0x1_0000))
      ])
  }

  static let maps: [(String, @Sendable (Int) -> AddressMap)] = [
    ("qemu", { _ in .qemuVirt }),
    ("openvmm", { .openVMM(ramBase: 0x4000_0000, virtualCPUs: $0) }),
    ("cloud-hypervisor", { .cloudHypervisor(virtualCPUs: $0) }),
    ("crosvm", { .crosvm(virtualCPUs: $0) }), ("kvmtool", { .kvmtool(virtualCPUs: $0) }),
  ]

  @Test("a built-in map has no conflict, whatever the number of virtual CPUs", arguments: 0..<5)
  func builtIn(index: Int) {
    for cpus in [1, 2, 64, 123, 124, 200, 512] {
      var machine = Self.machine(Self.maps[index].1(cpus))
      machine.virtualCPUs = cpus
      #expect(machine.problem == nil, "\(Self.maps[index].0), \(cpus)")
    }
  }

  @Test(
    "the window covers what the sources put there",
    arguments: [
      (0, 1, ["guest.gicd", "guest.gicr", "guest.its"]), (1, 1, []), (2, 1, []),
      (2, 118, []), (2, 119, ["guest.its"]), (3, 512, []), (4, 512, []),
    ] as [(Int, Int, [String])])
  func window(map: Int, cpus: Int, fields: [String]) {
    var machine = Self.machine(Self.maps[map].1(cpus))
    machine.virtualCPUs = cpus
    let covered = machine.findings.filter { $0.kind == .windowOverRegisters }
    #expect(covered.map(\.field).sorted() == fields)
  }

  @Test("RAM under the window is a note, since a run shows what comes of it")
  func windowOverRAM() {
    let findings = Self.machine(.openVMM(ramBase: 0)).findings
    #expect(findings.map(\.kind) == [.windowOverRAM])
    #expect(!MachineFinding.Kind.windowOverRAM.isError)
  }

  /// A machine with one thing changed, and what must be found at which field.
  static let mistakes:
    [(MachineFinding.Kind, String, @Sendable (inout MachineDescription) -> Void)] = [
      (.count, "machines", { $0.machines = 0 }),
      (.count, "virtual-cpus", { $0.virtualCPUs = 513 }),
      (.count, "devices", { $0.devices = [] }),
      (.count, "devices[0].vectors", { $0.devices[0].vectors = 2049 }),
      (.count, "devices[0].dma-bits", { $0.devices[0].dmaBits = 65 }),
      (.count, "host.smmus", { $0.host.smmus = [] }),
      (.count, "host.v2m-spis", { $0.host.messageSPIs = 16..<80 }),
      (.misaligned, "host.its[0]", { $0.host.itses[0] = 0x808_1000 }),
      (.beyondAddressSpace, "guest.smmu", { $0.guest.smmuBase = 0x1000_0000_0000 }),
      (.overlap, "host.its[0]", { $0.host.itses[0] = 0x80a_0000 }),
      (.overlap, "guest.ram", { $0.guest.itsBase = 0x7000_0000 - 0x1_0000 }),
      (
        .overlap, "guest.ram",
        { $0.guest.furtherRAM = [AddressRange(from: 0x6fff_f000, length: 0x1000)] }
      ),
      (
        .tooFewFrames, "virtual-cpus",
        {
          $0.virtualCPUs = 124
          $0.guest.furtherRedistributors = nil
        }
      ),
      (
        .ecamTooSmall, "host.bridges[0].ecam",
        {
          $0.host.bridges[0].ecam = AddressRange(from: 0x40_1000_0000, length: 0xff0_0000)
        }
      ),
      (
        .ecamTooSmall, "guest.ecam",
        {
          $0.guest.ecam = AddressRange(from: 0x40_1000_0000, length: 0x110_0000)
        }
      ),
      (
        .outsideWindow, "devices[0].bar",
        {
          $0.devices[0].bar = AddressRange(from: 0x50_0000_0000, length: 0x1_0000)
        }
      ),
      (.outsideWindow, "guest.bars", { $0.guest.msixTable = 0x50_0000_2000 }),
      (
        .barTooSmall, "devices[0].bar",
        {
          $0.devices[0].bar = AddressRange(from: 0x80_0000_0000, length: 0x8000)
        }
      ),
      (
        .noBus, "devices[0].requester",
        {
          $0.host.bridges[0].buses = 1...255
        }
      ),
      (
        .sharedBus, "host.bridges[1].buses",
        {
          $0.host.bridges.append(.init(buses: 255...255))
        }
      ),
      (.identifier, "devices[1].requester", { $0.devices.append($0.devices[0]) }),
      (.identifier, "devices[0].requester", { $0.host.bridges[0].streamOffset = 0xffff }),
      (.reference, "devices[0].its", { $0.devices[0].its = 1 }),
      (.reference, "devices[0].machine", { $0.devices[0].machine = 1 }),
      (.reference, "devices[0].virtual-cpus", { $0.devices[0].virtualCPUs = [0, 1] }),
      (.hostMemory, "host.ram", { $0.machines = 2 }),
      (
        .misaligned, "host.msi-window",
        { $0.host.messageWindow = AddressRange(from: 0x800_1000, length: 0x10_0000) }
      ),
      (
        .misaligned, "host.msi-window",
        { $0.host.messageWindow = AddressRange(from: 0x800_0000, length: 0x1000) }
      ),
      (
        .count, "host.msi-window",
        { $0.host.messageWindow = AddressRange(from: 0x800_0000, length: 0x200_0000) }
      ),
      (
        .beyondAddressSpace, "host.msi-window",
        { $0.host.messageWindow = AddressRange(from: 0xffff_ffff_0000_0000, length: 0x1_0000) }
      ),
    ]

  @Test("a mistake is found, at its field", arguments: mistakes.indices)
  func mistake(index: Int) {
    let (kind, field, change) = Self.mistakes[index]
    var machine = Self.machine()
    change(&machine)
    #expect(
      machine.findings.contains { $0.kind == kind && $0.field == field },
      "\(kind) at \(field): \(machine.findings)")
    #expect(machine.problem != nil)
  }

  @Test("a reserved range that no device has, or over RAM, is a note")
  func reservedRange() {
    var machine = Self.machine()
    machine.guest.reservedRange = .init(
      range: AddressRange(from: 0x4800_0000, length: 0x10_0000), requesters: 0x2000...0x20ff)
    let kinds = machine.findings.map(\.kind)
    #expect(kinds.contains(.rangeOverRAM) && kinds.contains(.unusedRange))
    #expect(machine.problem == nil)
    machine.guest.reservedRange?.requesters = 0x1000...0x11ff
    #expect(!machine.findings.map(\.kind).contains(.unusedRange))
  }

  @Test("an overlap of any two parts of a map is found", arguments: 0..<40)
  func anyOverlap(seed: UInt64) {
    var random = SplitMix(state: seed)
    var machine = Self.machine()
    #expect(machine.problem == nil)
    // Any fixed-size part is put over any other.
    let parts = machine.hostParts
    let target = parts[Int(random.next() % UInt64(parts.count))].range
    let place = PA(target.base + random.next() % max(1, target.length / 0x1_0000) * 0x1_0000)
    switch random.next() % 4 {
    case 0: machine.host.itses.append(place)
    case 1: machine.host.smmus.append(place)
    case 2: machine.host.ram.insert(AddressRange(from: place.rawValue, length: 0x1000), at: 0)
    default:
      machine.host.bridges[0].windows = []
      machine.devices.append(machine.devices[0])
      machine.devices[1].requester = RequesterID(rawValue: 0x18)
      machine.devices[1].guestRequester = RequesterID(rawValue: 0x1108)
      machine.devices[1].bar = AddressRange(from: place.rawValue, length: 0x1_0000)
    }
    #expect(machine.findings.contains { $0.kind == .overlap }, "\(place) of \(target)")
  }

  @Test("firmware's offsets make StreamIDs of requester IDs, and DeviceIDs of those")
  func identifiers() {
    var host = MachineDescription.Host.qemuVirt
    host.bridges = [.init(buses: 0...15), .init(buses: 16...31)]
    host.bridges[1].streamOffset = 0x2000
    host.bridges[1].deviceOffset = 0x100
    let first = RequesterID(rawValue: 0x0f08)
    let second = RequesterID(rawValue: 0x1008)
    #expect(host.stream(of: first) == 0xf08)
    #expect(host.device(of: first) == 0xf08)
    #expect(host.stream(of: second) == 0x3008)
    #expect(host.device(of: second) == 0x3108)
  }

  @Test("vectors go to virtual CPUs in turn, or as a list says")
  func targets() {
    var device = Self.machine().devices[0]
    #expect((0..<6).map { device.virtualCPU(of: $0, count: 4) } == [0, 1, 2, 3, 0, 1])
    device.virtualCPUs = [3, 1]
    #expect((0..<4).map { device.virtualCPU(of: $0, count: 4) } == [3, 1, 3, 1])
  }
}

@Suite("Ranges of addresses")
struct AddressRangeTests {
  @Test("a range has a byte, and ends below 2^64")
  func bounds() {
    #expect(AddressRange(base: 0, length: 0) == nil)
    #expect(AddressRange(base: .max, length: 2) == nil)
    #expect(AddressRange(base: .max, length: 1)?.last == .max)
    #expect(AddressRange(from: .max, length: .max).length == 1)
  }

  @Test("overlap is symmetric, and agrees with membership", arguments: 0..<50)
  func overlap(seed: UInt64) {
    var random = SplitMix(state: seed)
    let first = AddressRange(from: random.next() % 16, length: 1 + random.next() % 8)
    let second = AddressRange(from: random.next() % 16, length: 1 + random.next() % 8)
    let shared = (0..<32).contains { first.contains($0) && second.contains($0) }
    #expect(first.overlaps(second) == shared)
    #expect(second.overlaps(first) == shared)
  }
}
