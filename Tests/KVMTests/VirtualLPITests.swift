import ArmFormats
import Bits
import GIC
import HostFixtures
import HostKernel
import Linux
import Memory
import Software
import Testing

@testable import KVM

/// What KVM and the ITS driver do to the hardware for GICv4: arch/arm64/kvm/vgic/vgic-v4.c and
/// drivers/irqchip/irq-gic-v3-its.c.
@Suite("KVM: virtual LPIs")
struct VirtualLPITests {
  static let deliveries: [InterruptDelivery] = [.gicv4, .gicv4Point1]
  static let event = HostEvent(deviceID: HostBench.device, eventID: 1)

  /// A VM of two virtual CPUs on a host with one assigned function.
  struct Bench: ~Copyable {
    var host: HostBench
    var kvm: KVM

    init(_ delivery: InterruptDelivery) throws {
      let host = try HostBench.started(delivery: delivery)
      let memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x1000)])
      self.host = host
      kvm = KVM(
        .first, cpus: 2, itsBase: 0x808_0000, doorbell: 0x809_0040, redistributors: 0x80a_0000,
        delivery: delivery, memory: memory)
    }

    mutating func createVirtualPEs() throws -> [Step<Never>] {
      try kvm.createVirtualPEs(on: [0, 1], firstPE: 0, host: &host.kernel)
    }

    mutating func map(
      _ event: HostEvent, to interrupt: ForwardedInterrupt, properties: UInt8 = 0
    ) -> [Step<Never>] {
      kvm.map(event, of: .first, to: interrupt, properties: properties, host: &host.kernel)
    }

    mutating func unforward() -> [Step<Never>] {
      kvm.unforwardVLPI(VirtualLPITests.event, host: &host.kernel)
    }

    mutating func follow(_ action: ForwardingAction) -> [Step<Never>] {
      kvm.follow(action, host: &host.kernel)
    }
  }

  /// A VM whose device has vector 1 enabled.
  private func bench(_ delivery: InterruptDelivery) throws -> Bench {
    var bench = try Bench(delivery)
    _ = try bench.createVirtualPEs()
    try bench.host.handle(.setIRQs(first: 1, [.kvm(guestAddress: nil)]))
    return bench
  }

  private func forward(_ bench: inout Bench, pending: Bool = false) -> [Step<Never>] {
    bench.map(
      Self.event, to: ForwardedInterrupt(vINTID: 8200, vCPU: 0, wasPending: pending),
      properties: 0xa3)
  }

  private func opcodes(_ steps: [Step<Never>]) -> [ITSOpcode] {
    itsCommands(steps).map { $0[.opcode] }
  }

  @Test("a VM's vPEs are mapped when its vGIC starts, once", arguments: deliveries)
  func start(delivery: InterruptDelivery) throws {
    var bench = try Bench(delivery)
    let steps = try bench.createVirtualPEs()
    let maps = itsCommands(steps).filter { $0[.opcode] == .vmapp }
    #expect(maps.map { $0[.virtualPE] } == [0, 1])
    let isNew = delivery == .gicv4Point1
    for (map, number) in zip(maps, 0...) {
      let found = bench.kvm.virtualPE(of: VCPUIndex(number))
      let vPE = try #require(found)
      #expect(PA(map[.virtualTableAddress] << 16) == vPE.pendingTable)
      // Only GICv4.1 has a default doorbell, which is enabled from the start.
      #expect(map[.defaultDoorbell] == (isNew ? vPE.doorbell : 0))
    }
    #expect(opcodes(steps).contains(.invdb) == isNew)
    let again = try bench.createVirtualPEs()
    #expect(again.isEmpty)
  }

  @Test("without GICv4 there is nothing to start, to load or to forward")
  func none() throws {
    var bench = try bench(.irqfd)
    let none = bench.kvm.virtualPE(of: .boot)
    #expect(none == nil)
    let loaded = bench.kvm.load(.boot, host: &bench.host.kernel)
    let blocked = bench.kvm.block(.boot, host: &bench.host.kernel)
    let forwarded = forward(&bench)
    #expect(loaded.isEmpty && blocked.isEmpty && forwarded.isEmpty)
  }

  @Test(
    "forwarding writes the property byte, discards the physical event and maps the virtual one",
    arguments: deliveries)
  func forwarded(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    let steps = forward(&bench)
    guard case .writeByte(_, let byte)? = steps.first?.action else {
      Issue.record("no property byte first")
      return
    }
    #expect(byte == 0xa3)
    #expect(opcodes(steps) == [.discard, .sync, .vmapti, .vsync])
    let vmapti = itsCommands(steps)[2]
    #expect(vmapti[.deviceID] == HostBench.device)
    #expect(vmapti[.eventID] == 1)
    #expect(vmapti[.virtualINTID] == 8200)
    let vPE = bench.kvm.virtualPE(of: .boot)
    let doorbell = try #require(vPE).doorbell
    #expect(vmapti[.doorbell] == (delivery == .gicv4 ? doorbell : 1023))
  }

  @Test("what was pending in software goes along", arguments: deliveries)
  func pending(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    let steps = forward(&bench, pending: true)
    #expect(opcodes(steps).suffix(2) == [.int, .vsync])
  }

  @Test("unforwarding restores the physical LPI, once", arguments: deliveries)
  func unforwarded(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    _ = forward(&bench)
    let steps = bench.unforward()
    #expect(opcodes(steps) == [.discard, .sync, .mapti, .sync, .inv, .sync])
    #expect(itsCommands(steps)[2][.eventID] == 1)
    let again = bench.unforward()
    #expect(again.isEmpty)
  }

  @Test("the end of the vectors ends their virtual LPIs first", arguments: deliveries)
  func disable(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    _ = forward(&bench)
    let steps = try bench.kvm.answer(
      .disableVectors, for: .first, guestID: HostBench.guestStream, host: &bench.host.kernel)
    #expect(
      opcodes(steps).filter { $0 != .sync } == [.discard, .mapti, .inv, .inv, .discard, .discard])
    let left = bench.host.kernel[.first].forwarded
    #expect(left.isEmpty)
  }

  @Test(
    "each command of the guest has its counterpart",
    arguments: [
      (ForwardingAction.configure(event, 0xa2), [ITSOpcode.inv, .vsync]),
      (.setPending(event, true), [.int, .vsync]),
      (.setPending(event, false), [.clear, .vsync]),
      (.move(event, vCPU: 1), [.vmovi, .vsync]),
      (.move(event, vCPU: 2), []),
      (.unmap(event), [.discard, .sync, .mapti, .sync, .inv, .sync]),
    ])
  func follow(action: ForwardingAction, expected: [ITSOpcode]) throws {
    var bench = try bench(.gicv4)
    // Nothing is forwarded yet.
    let early = bench.follow(action)
    #expect(early.isEmpty)
    _ = forward(&bench)
    let steps = bench.follow(action)
    #expect(opcodes(steps) == expected)
    if case .move(_, 1) = action {
      let command = try #require(itsCommands(steps).first)
      #expect(command[.virtualPE] == 1)
      let moved = bench.kvm.virtualLPI(of: Self.event)?.virtualPE.number
      #expect(moved == 1)
    }
  }

  @Test("events of another device, and of none, are not forwarded", arguments: deliveries)
  func foreign(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    let interrupt = ForwardedInterrupt(vINTID: 8200, vCPU: 0, wasPending: false)
    // A device without a translation table.
    _ = try bench.host.handle(.disableVectors)
    let untranslated = bench.host.kernel.endMachine(.first)
    #expect(!untranslated.isEmpty)
    let unknown = bench.map(Self.event, to: interrupt)
    #expect(unknown.isEmpty)
    let noCPU = ForwardedInterrupt(vINTID: 8200, vCPU: 7, wasPending: false)
    let homeless = bench.map(Self.event, to: noCPU)
    #expect(homeless.isEmpty)
    let left = bench.host.kernel[.first].forwarded
    #expect(left.isEmpty)
  }
}
