import ArmFormats
import Bits
import GIC
import HostKernel
import Linux
import Memory
import Software
import TestRandom
import Testing

@testable import KVM

/// What KVM makes of a route: virt/kvm/eventfd.c, arch/arm64/kvm/vgic/vgic-irqfd.c, vgic-its.c.
@Suite("KVM: injection")
struct InjectionTests {
  static let doorbell: IPA = 0x809_0040
  static let queue: PA = 0x4002_0000
  static let device: UInt32 = 0x1100

  /// A VM whose guest has brought its ITS and its LPIs up, and has mapped `events` of one device.
  static func kvm(cpus: Int = 2, events: UInt32 = 4) throws -> KVM {
    let memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x10_0000)])
    var kvm = KVM(
      .first, cpus: cpus, itsBase: 0x808_0000, doorbell: Self.doorbell,
      redistributors: 0x80a_0000, delivery: .irqfd, memory: memory)
    for cpu in 0..<cpus {
      let vcpu = VCPUIndex(cpu)
      kvm.writeRedistributor(
        of: vcpu, 0x4001_0000 | 13, at: RedistributorRegister.configurationBase, width: 8)
      kvm.writeRedistributor(
        of: vcpu, 0x4004_0000 + 0x1_0000 * UInt64(cpu), at: RedistributorRegister.pendingBase,
        width: 8)
      kvm.writeRedistributor(of: vcpu, 1, at: RedistributorRegister.control, width: 4)
    }
    let table: UInt64 = 1 << 63 | 7 << 48
    _ = kvm.writeITS(table | 1 << 56 | 0x4008_0000, at: ITSRegister.tableBase, width: 8)
    _ = kvm.writeITS(table | 4 << 56 | 0x4009_0000, at: ITSRegister.tableBase + 8, width: 8)
    _ = kvm.writeITS(1 << 63 | queue.rawValue, at: ITSRegister.commandBase, width: 8)
    _ = kvm.writeITS(1, at: ITSRegister.control, width: 4)
    var commands: [ITSCommand] = (0..<cpus).map {
      .mapc(collection: UInt16($0), target: UInt64($0), valid: true)
    }
    commands.append(.mapd(device: device, eventBits: 4, table: 0x400a_0000))
    for event in 0..<events {
      commands.append(
        .mapti(
          device: device, event: event, lpi: INTID.firstLPI + event,
          collection: UInt16(Int(event) % cpus)))
      memory.store8(0x4001_0000 + UInt64(event), 0xa3)
    }
    for (index, command) in commands.enumerated() {
      memory.store(command, at: queue + UInt64(index) * 32)
    }
    let done = kvm.writeITS(
      UInt64(commands.count) * 32, at: ITSRegister.commandWrite, width: 8)
    try #require(done.count == commands.count)
    return kvm
  }

  private static func inject(_ kvm: inout KVM, _ route: InjectionRoute) -> KVM.Injection {
    var none = NoITSObserver()
    return kvm.inject(route, observer: &none)
  }

  @Test("a message reaches the LPI of its DeviceID and EventID, at its collection's virtual CPU")
  func message() throws {
    var kvm = try Self.kvm()
    for event: UInt32 in 0..<4 {
      let route = InjectionRoute(
        doorbell: Self.doorbell, deviceID: Self.device, eventID: event)
      let result = Self.inject(&kvm, route)
      guard case .message(.delivered(let lpi, let cpu, .newlyPending)) = result else {
        Issue.record("\(result)")
        continue
      }
      #expect(lpi == INTID.firstLPI + event)
      #expect(cpu == Int(event % 2))
      let place = kvm.cpuWithPending(lpi)
      #expect(place == VCPUIndex(cpu))
      let isDue = kvm.isDue(lpi, at: VCPUIndex(cpu))
      #expect(isDue)
      // A second one before the guest acknowledges merges with it.
      guard case .message(.delivered(_, _, .alreadyPending)) = Self.inject(&kvm, route) else {
        Issue.record("it does not merge")
        continue
      }
      kvm.acknowledge(lpi, at: VCPUIndex(cpu))
      let rest = kvm.cpuWithPending(lpi)
      #expect(rest == nil)
    }
  }

  @Test(
    "a route that the guest's ITS does not have comes to nothing, and says why",
    arguments: [
      (Self.doorbell + 0x40, device, 0, nil), (0x800_0040, device, 0, nil),
      (Self.doorbell, device + 1, 0, .deviceUnmapped), (Self.doorbell, device, 4, .eventUnmapped),
      (Self.doorbell, device, .max, .eventOutOfRange),
    ] as [(IPA, UInt32, UInt32, DropReason?)])
  func nowhere(doorbell: IPA, device: UInt32, event: UInt32, reason: DropReason?) throws {
    var kvm = try Self.kvm()
    let result = Self.inject(
      &kvm, InjectionRoute(doorbell: doorbell, deviceID: device, eventID: event))
    if let reason {
      #expect(result == .message(.dropped(reason)))
    } else {
      #expect(result == .noITS)
    }
    for event: UInt32 in 0..<4 {
      let place = kvm.cpuWithPending(INTID.firstLPI + event)
      #expect(place == nil)
    }
  }

  @Test(
    "an SPI is pending once, until the guest acknowledges it", arguments: [32, 95, 287] as [UInt32])
  func sharedInterrupt(spi: UInt32) throws {
    var kvm = try Self.kvm()
    let route = InjectionRoute(spi: spi, doorbell: 0x802_0040)
    guard case .spi(spi, wasPending: false, isDue: _) = Self.inject(&kvm, route),
      case .spi(spi, wasPending: true, isDue: _) = Self.inject(&kvm, route)
    else { return #expect(Bool(false), "the SPI is not pending once") }
    kvm.acknowledge(spi, at: .boot)
    guard case .spi(_, wasPending: false, isDue: _) = Self.inject(&kvm, route) else {
      return #expect(Bool(false), "the SPI is pending still")
    }
  }

  @Test(
    "an SPI that the distributor does not have is said to be none", arguments: [0, 31, 288, 1020])
  func noSharedInterrupt(spi: UInt32) throws {
    var kvm = try Self.kvm()
    let result = Self.inject(&kvm, InjectionRoute(spi: spi, doorbell: 0x802_0040))
    #expect(result == .noSPI(spi))
  }

  @Test("a VM has at most 4,096 routes, and one too many leaves the table as it was")
  func routes() throws {
    var table = RoutingTable()
    try table.set(RoutingTable.limit)
    let refusal = #expect(throws: Refusal.self) { try table.set(RoutingTable.limit + 1) }
    #expect(refusal?.errno == "EINVAL")
    #expect(table.count == RoutingTable.limit)
    try table.set(0)
    #expect(table.count == 0)
  }

  @Test("saved tables restore to the same routes, whatever moved before", arguments: 0..<16)
  func savedTables(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var kvm = try Self.kvm(cpus: 1 + Int(seed % 4), events: 12)
    var commands: [ITSCommand] = []
    for event: UInt32 in 0..<12 where random.next() % 3 == 0 {
      commands.append(
        random.next() % 2 == 0
          ? .discard(device: Self.device, event: event)
          : .movi(
            device: Self.device, event: event,
            collection: UInt16(random.next() % UInt64(kvm.cpus.count))))
    }
    let start = UInt64(1 + kvm.cpus.count + 12)
    for (index, command) in commands.enumerated() {
      kvm.memory.store(command, at: Self.queue + (start + UInt64(index)) * 32)
    }
    _ = kvm.writeITS(
      (start + UInt64(commands.count)) * 32, at: ITSRegister.commandWrite, width: 8)
    let before = Self.outcomes(&kvm)
    try kvm.saveTables()
    try kvm.restoreTables()
    let after = Self.outcomes(&kvm)
    #expect(after == before)
  }

  /// Where each event of the device arrives, with nothing left pending.
  private static func outcomes(_ kvm: inout KVM) -> [String] {
    var outcomes: [String] = []
    for event: UInt32 in 0..<14 {
      let result = inject(
        &kvm, InjectionRoute(doorbell: doorbell, deviceID: device, eventID: event))
      outcomes.append("\(result)")
      guard case .message(.delivered(let lpi, let cpu, _)) = result else { continue }
      kvm.acknowledge(lpi, at: VCPUIndex(cpu))
    }
    return outcomes
  }
}
