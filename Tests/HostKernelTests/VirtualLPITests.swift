import ArmFormats
import Bits
import GIC
import HostKernel
import Linux
import Software
import Testing

/// What KVM and the ITS driver do to the hardware for GICv4: arch/arm64/kvm/vgic/vgic-v4.c and
/// drivers/irqchip/irq-gic-v3-its.c.
@Suite("HostKernel: virtual LPIs")
struct VirtualLPITests {
  static let deliveries: [InterruptDelivery] = [.gicv4, .gicv4Point1]
  static let event = HostEvent(deviceID: HostBench.device, eventID: 1)

  /// A VM of two virtual CPUs whose device has vector 1 enabled.
  private func bench(_ delivery: InterruptDelivery) throws -> HostBench {
    var bench = try HostBench.started(delivery: delivery)
    _ = try bench.kernel.startVirtualGIC(virtualCPUs: 2)
    try bench.handle(.enableVector(1, guestAddress: nil))
    return bench
  }

  private func forward(_ bench: inout HostBench, pending: Bool = false) -> [Step<Never>] {
    bench.kernel.forward(
      Self.event, to: ForwardedInterrupt(vINTID: 8200, vCPU: 0, wasPending: pending),
      properties: 0xa3)
  }

  private func opcodes(_ steps: [Step<Never>]) -> [ITSOpcode] {
    itsCommands(steps).map { $0[.opcode] }
  }

  @Test("a VM's vPEs are mapped when its vGIC starts, once", arguments: deliveries)
  func start(delivery: InterruptDelivery) throws {
    var bench = try HostBench.started(delivery: delivery)
    let steps = try bench.kernel.startVirtualGIC(virtualCPUs: 2)
    let maps = itsCommands(steps).filter { $0[.opcode] == .vmapp }
    #expect(maps.map { $0[.virtualPE] } == [0, 1])
    let isNew = delivery == .gicv4Point1
    for (map, number) in zip(maps, 0...) {
      let vPE = try #require(bench.kernel.virtualPE(ofCPU: number))
      #expect(PA(map[.virtualTableAddress] << 16) == vPE.pendingTable)
      // Only GICv4.1 has a default doorbell, which is enabled from the start.
      #expect(map[.defaultDoorbell] == (isNew ? vPE.doorbell : 0))
    }
    #expect(opcodes(steps).contains(.invdb) == isNew)
    #expect(try bench.kernel.startVirtualGIC(virtualCPUs: 2).isEmpty)
  }

  @Test("without GICv4 there is nothing to start, to load or to forward")
  func none() throws {
    var bench = try bench(.irqfd)
    #expect(bench.kernel.virtualPE(ofCPU: 0) == nil)
    #expect(bench.kernel.load(virtualCPU: 0).isEmpty)
    #expect(bench.kernel.block(virtualCPU: 0).isEmpty)
    #expect(forward(&bench).isEmpty)
  }

  @Test(
    "handing over writes the property byte, discards the physical event and maps the virtual one",
    arguments: deliveries)
  func handOver(delivery: InterruptDelivery) throws {
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
    let doorbell = try #require(bench.kernel.virtualPE(ofCPU: 0)).doorbell
    #expect(vmapti[.doorbell] == (delivery == .gicv4 ? doorbell : 1023))
  }

  @Test("what was pending in software goes along", arguments: deliveries)
  func pending(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    #expect(opcodes(forward(&bench, pending: true)).suffix(2) == [.int, .vsync])
  }

  @Test("taking back restores the physical LPI, once", arguments: deliveries)
  func takeBack(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    _ = forward(&bench)
    let steps = bench.kernel.takeBack(Self.event)
    #expect(opcodes(steps) == [.discard, .sync, .mapti, .sync, .inv, .sync])
    #expect(itsCommands(steps)[2][.eventID] == 1)
    #expect(bench.kernel.takeBack(Self.event).isEmpty)
  }

  @Test("the end of the vectors ends their virtual LPIs first", arguments: deliveries)
  func disable(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    _ = forward(&bench)
    let steps = try bench.handle(.disableVectors)
    #expect(opcodes(steps).filter { $0 != .sync } == [.discard, .mapti, .inv, .inv, .discard])
    #expect(bench.kernel.forwardedEvents().isEmpty)
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
    #expect(bench.kernel.follow(action).isEmpty)
    _ = forward(&bench)
    let steps = bench.kernel.follow(action)
    #expect(opcodes(steps) == expected)
    if case .move(_, 1) = action {
      let command = try #require(itsCommands(steps).first)
      #expect(command[.virtualPE] == 1)
      #expect(bench.kernel.virtualLPI(of: Self.event)?.virtualPE.number == 1)
    }
  }

  @Test("events of another device, and of none, are not forwarded", arguments: deliveries)
  func foreign(delivery: InterruptDelivery) throws {
    var bench = try bench(delivery)
    let interrupt = ForwardedInterrupt(vINTID: 8200, vCPU: 0, wasPending: false)
    let foreign = HostEvent(deviceID: 0x20, eventID: 1)
    #expect(bench.kernel.forward(foreign, to: interrupt, properties: 0).isEmpty)
    let noCPU = ForwardedInterrupt(vINTID: 8200, vCPU: 7, wasPending: false)
    #expect(bench.kernel.forward(Self.event, to: noCPU, properties: 0).isEmpty)
    #expect(bench.kernel.forwardedEvents().isEmpty)
  }
}
