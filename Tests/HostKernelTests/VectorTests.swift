import ArmFormats
import Bits
import HostFixtures
import HostKernel
import Linux
import Software
import TestRandom
import Testing

@Suite("HostKernel: the function's vectors")
struct VectorTests {
  private static func opcodes(_ steps: [Step<Never>]) -> [ITSOpcode] {
    itsCommands(steps).map { $0[.opcode] }.filter { $0 != .sync }
  }

  @Test("MSI-X goes on without an eventfd: one vector, its message, every entry masked")
  func withoutVectors() throws {
    var bench = try HostBench.started()
    #expect(bench.kernel.translate(0x800_0000, of: .first) == nil)
    let steps = try bench.handle(.setIRQs(first: 0, [.none]))
    #expect(bench.kernel.translate(0x800_0040, of: .first) == HostBench.doorbell)
    #expect(bench.kernel.translate(0x800_1000, of: .first) == nil)
    #expect(
      tableWrites(steps).map { [$0.offset, $0.value] }
        == [[0, 0x800_0040], [4, 0], [8, 0], [12, 1], [28, 1], [44, 1], [60, 1]])
    #expect(Self.opcodes(steps) == [.mapd, .mapti])
  }

  @Test("the mapping is device memory for reads and writes")
  func mapping() throws {
    var bench = try HostBench.started()
    let steps = try bench.handle(.setIRQs(first: 0, [.none]))
    let words = steps.first { $0.function == "iommufd_sw_msi" }.map(\.action)
    guard case .write(let writes)? = words else {
      Issue.record("no mapping")
      return
    }
    #expect(writes.last?.value == 0x809_06c7)
  }

  // drivers/vfio/pci/vfio_pci_intrs.c `vfio_msi_set_vector_signal`, `vfio_msi_alloc_irq`.
  @Test("a vector is added to running ones, with the same page and an EventID and LPI of its own")
  func laterVectors() throws {
    var bench = try HostBench.started()
    try bench.handle(.setIRQs(first: 0, [.none]))
    let steps = try bench.handle(.setIRQs(first: 2, [.kvm(guestAddress: nil)]))
    #expect(!steps.contains { $0.function == "iommufd_sw_msi" })
    #expect(Self.opcodes(steps) == [.mapti, .inv])
    let mapti = try #require(itsCommands(steps).first { $0[.opcode] == .mapti })
    #expect(mapti[.eventID] == 2)
    #expect(mapti[.physicalINTID] == 8194)
    #expect(mapti[.deviceID] == HostBench.device)
    // The message twice: as it is allocated, and before it is requested.
    #expect(
      tableWrites(steps).map { [$0.offset, $0.value] }
        == [
          [32, 0x800_0040], [36, 0], [40, 2], [32, 0x800_0040], [36, 0], [40, 2], [44, 0],
        ])
  }

  @Test("a host that cannot add vectors refuses those beyond the first call's", arguments: [0, 3])
  func cannotAdd(last: Int) throws {
    var bench = try HostBench.started(kernel: Kernel(6, 15))
    try bench.handle(
      .setIRQs(first: 0, Array(repeating: .kvm(guestAddress: nil), count: last + 1)))
    for vector in 0..<4 {
      #expect(
        bench.refusal(.setIRQs(first: vector, [.vmm]))?.errno
          == (vector > last ? "EINVAL" : nil))
    }
  }

  // lab F15: each mask of a guest costs INV, DISCARD, MAPTI, INV.
  @Test("another eventfd frees the vector's interrupt and requests it again")
  func mask() throws {
    var bench = try HostBench.started()
    let route = InjectionRoute(doorbell: 0x809_0040, deviceID: 0x1100, eventID: 9)
    #expect(try bench.handle(.route(vector: 1, route)).count == 1)
    try bench.handle(.setIRQs(first: 0, [.none]))
    try bench.handle(.setIRQs(first: 1, [.kvm(guestAddress: nil)]))
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == .kvm(route))
    let steps = try bench.handle(.setIRQs(first: 1, [.vmm]))
    #expect(Self.opcodes(steps) == [.inv, .discard, .mapti, .inv])
    #expect(
      tableWrites(steps).map { [$0.offset, $0.value] }
        == [
          [28, 1], [16, 0], [20, 0], [24, 0], [16, 0], [20, 0], [24, 0],
          [16, 0x800_0040], [20, 0], [24, 1], [28, 0],
        ])
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == .vmm(vector: 1))
    try bench.handle(.setIRQs(first: 1, [.kvm(guestAddress: nil)]))
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == .kvm(route))
    #expect(Self.opcodes(try bench.handle(.setIRQs(first: 1, [.none]))) == [.inv, .discard])
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == nil)
    #expect(Self.opcodes(try bench.handle(.setIRQs(first: 1, [.none]))).isEmpty)
  }

  @Test("KVM leaves an eventfd alone whose route is taken from it")
  func unroute() throws {
    var bench = try HostBench.started()
    let route = InjectionRoute(doorbell: 0x809_0040, deviceID: 0x1100, eventID: 9)
    try bench.handle(.setIRQs(first: 0, [.kvm(guestAddress: nil)]))
    #expect(try bench.handle(.unroute(vector: 0)).isEmpty)
    try bench.handle(.route(vector: 0, route))
    #expect(bench.kernel.signalTarget(ofLPI: 8192) == .kvm(route))
    #expect(try bench.handle(.unroute(vector: 0)).count == 1)
    #expect(bench.kernel.signalTarget(ofLPI: 8192) == .vmm(vector: 0))
  }

  @Test("a forwarded address stands in the entry, with the host's EventID and no mapping")
  func forwarded() throws {
    var bench = try HostBench.started(stageTwoDoorbell: .guestDoorbell)
    try bench.handle(.mapGuestDoorbell(0x809_0000))
    #expect(bench.kernel.translate(0x809_0040, of: .first) == HostBench.doorbell)
    let steps = try bench.handle(.setIRQs(first: 3, [.kvm(guestAddress: 0x1_ffff_f040)]))
    #expect(
      tableWrites(steps).suffix(4).map { [$0.offset, $0.value] }
        == [[48, 0xffff_f040], [52, 1], [56, 3], [60, 0]])
    #expect(bench.kernel.translate(0x800_0000, of: .first) == nil)
    let again = try bench.handle(.setIRQs(first: 3, [.kvm(guestAddress: 0xffff_e040)]))
    #expect(
      tableWrites(again).suffix(4).map { [$0.offset, $0.value] }
        == [[48, 0xffff_e040], [52, 0], [56, 3], [60, 0]])
  }

  @Test("vectors beyond the table are EINVAL", arguments: [-1, 4, 2048, Int.max, Int.min])
  func badVector(vector: Int) throws {
    var bench = try HostBench.started()
    for signal in [VectorSignal.none, .vmm, .kvm(guestAddress: nil)] {
      #expect(bench.refusal(.setIRQs(first: vector, [signal]))?.errno == "EINVAL")
    }
    #expect(bench.refusal(.setIRQs(first: 0, []))?.errno == "EINVAL")
    #expect(
      bench.refusal(.setIRQs(first: 1, Array(repeating: .none, count: 4)))?.errno == "EINVAL")
    let route = InjectionRoute(doorbell: 0x809_0040, deviceID: 1, eventID: 0)
    #expect(try bench.handle(.route(vector: vector, route)).isEmpty)
  }

  @Test("guest RAM where the window belongs keeps the device from being attached")
  func occupiedWindow() throws {
    var bench = try HostBench()
    try bench.handle(
      .createStageTwo([.init(ipa: 0x800_0000, pa: 0x1_0000_0000, size: 0x10_0000)]))
    let refusal = bench.refusal(.attachStageTwo)
    #expect(refusal?.errno == "EADDRINUSE")
    #expect(refusal?.function == "iopt_reserve_iova")
  }

  @Test("before it is attached a device has no domain that doorbells could go into")
  func unattached() throws {
    var bench = try HostBench()
    try bench.handle(.createStageTwo([]))
    #expect(bench.refusal(.setIRQs(first: 0, [.none]))?.errno == "EOPNOTSUPP")
  }

  @Test("disabling frees every vector in order, and they can be enabled again")
  func disable() throws {
    var bench = try HostBench.started()
    for vector in [2, 0] {
      try bench.handle(.setIRQs(first: vector, [.kvm(guestAddress: nil)]))
    }
    let route = InjectionRoute(doorbell: 0x809_0040, deviceID: 0x1100, eventID: 0)
    try bench.handle(.route(vector: 0, route))
    #expect(bench.kernel.signalTarget(ofLPI: 8192) == .kvm(route))
    let steps = try bench.handle(.disableVectors)
    let discards = itsCommands(steps).filter { $0[.opcode] == .discard }.map { $0[.eventID] }
    // Vector 1 came with vector 2, and nothing had requested it.
    #expect(discards == [0, 2, 1])
    #expect(
      tableWrites(steps).filter { $0.offset % 16 == 12 }.map { [$0.offset, $0.value] }
        == [[12, 1], [44, 1], [12, 1], [28, 1], [44, 1]])
    #expect(bench.kernel.signalTarget(ofLPI: 8192) == nil)
    #expect(try bench.handle(.disableVectors).isEmpty)
    let again = itsCommands(try bench.handle(.setIRQs(first: 0, [.none])))
    #expect(again.first { $0[.opcode] == .mapti }?[.physicalINTID] == 8192)
    #expect(!again.contains { $0[.opcode] == .mapd })
  }

  // Before the ITT lived as long as the device's MSI domain (6.16), it ended with MSI-X.
  @Test("an older host unmaps the device with its last vector", arguments: [(6, 15), (7, 3)])
  func table(release: (Int, Int)) throws {
    var bench = try HostBench.started(kernel: Kernel(release.0, release.1))
    try bench.handle(.setIRQs(first: 0, [.none]))
    let last = itsCommands(try bench.handle(.disableVectors)).last { $0[.opcode] == .mapd }
    #expect((last.map { $0[.valid] } == false) == (release.0 == 6))
  }

  @Test(
    "memory space is on around each vector, and the command register is put back",
    arguments: [0, 6])
  func memorySpace(command: UInt16) throws {
    var bench = try HostBench.started()
    try bench.handle(.command(command))
    let writes = try bench.handle(.setIRQs(first: 0, [.none])).compactMap { step -> UInt32? in
      guard case .config(offset: 4, let value, width: 2) = step.action else { return nil }
      return value
    }
    #expect(writes == (command == 0 ? [2, 0x402, 0] : [0x406, 6]))
  }

  // `vfio_basic_config_write`, `vfio_pci_intx_mask`.
  @Test("the guest's bit for INTx is VFIO's own; it masks INTx behind the write")
  func intx() throws {
    var bench = try HostBench.started()
    func writes(_ call: HostCall) throws -> [UInt32] {
      try bench.handle(call).compactMap { step in
        if case .config(offset: 4, let value, width: 2) = step.action { value } else { nil }
      }
    }
    #expect(try writes(.command(6)) == [6])
    #expect(try writes(.setINTx(.enable)).isEmpty)
    #expect(try writes(.setINTx(.mask)) == [0x406])
    #expect(try writes(.setINTx(.mask)).isEmpty)
    #expect(try writes(.setINTx(.unmask)) == [6])
    #expect(try writes(.command(0x406)) == [6, 0x406])
    #expect(try writes(.setINTx(.unmask)).isEmpty)
    #expect(try writes(.command(6)) == [0x406, 6])
    #expect(try writes(.setINTx(.disable)).isEmpty)
    #expect(try writes(.command(0x402)) == [2, 0x402])
  }
}

@Suite("HostKernel: a guest that drives the physical ITT")
struct MirrorTests {
  private func bench() throws -> HostBench {
    try HostBench.started(stageTwoDoorbell: .guestDoorbell, eventIDOwner: .guest)
  }

  private func mirror(_ bench: inout HostBench, _ command: ITSCommand) throws -> [ITSCommand] {
    itsCommands(try bench.handle(.mirror(command, doorbell: 0x809_0040)))
  }

  private func mapd(bits: UInt8, valid: Bool = true) -> ITSCommand {
    .mapd(device: HostBench.guestStream, eventBits: bits, table: 0x4000_0000, valid: valid)
  }

  @Test("MAPD has the guest's size and the physical DeviceID")
  func size() throws {
    var bench = try bench()
    let command = try #require(try mirror(&bench, mapd(bits: 5)).first)
    #expect(command[.deviceID] == HostBench.device)
    #expect(command[.size] == 4)
  }

  @Test("MAPTI maps the guest's EventID, enables its LPI, and routes it to the guest's event")
  func event() throws {
    var bench = try bench()
    _ = try mirror(&bench, mapd(bits: 5))
    let commands = try mirror(
      &bench, .mapti(device: HostBench.guestStream, event: 17, lpi: 9000, collection: 0))
    #expect(commands.map { $0[.opcode] } == [.mapti, .sync, .inv, .sync])
    #expect(commands.first?[.eventID] == 17)
    let lpi = try #require(commands.first?[.physicalINTID])
    #expect(
      bench.kernel.signalTarget(ofLPI: lpi)
        == .kvm(InjectionRoute(doorbell: 0x809_0040, deviceID: 0x1100, eventID: 17)))
    let again = try mirror(
      &bench, .mapti(device: HostBench.guestStream, event: 17, lpi: 9001, collection: 0))
    #expect(again.isEmpty)
  }

  @Test("a second MAPD ends the events of the first, and takes the new size")
  func remap() throws {
    var bench = try bench()
    _ = try mirror(&bench, mapd(bits: 2))
    _ = try mirror(
      &bench, .mapti(device: HostBench.guestStream, event: 1, lpi: 9000, collection: 0))
    let commands = try mirror(&bench, mapd(bits: 6))
    #expect(commands.map { $0[.opcode] } == [.discard, .sync, .mapd, .mapd])
    #expect(commands.map { $0[.valid] }.suffix(2) == [false, true])
    #expect(commands.last?[.size] == 5)
    let late = try mirror(
      &bench, .mapti(device: HostBench.guestStream, event: 40, lpi: 9000, collection: 0))
    #expect(late.first?[.eventID] == 40)
  }

  @Test("MAPD V=0 and DISCARD end the physical events")
  func ends() throws {
    var bench = try bench()
    _ = try mirror(&bench, mapd(bits: 2))
    let mapti = ITSCommand.mapti(
      device: HostBench.guestStream, event: 1, lpi: 9000, collection: 0)
    let discard = ITSCommand.discard(device: HostBench.guestStream, event: 1)
    _ = try mirror(&bench, mapti)
    #expect(try mirror(&bench, discard).map { $0[.opcode] } == [.discard, .sync])
    #expect(try mirror(&bench, discard).isEmpty)
    _ = try mirror(&bench, mapti)
    #expect(
      try mirror(&bench, mapd(bits: 2, valid: false)).map { $0[.opcode] }
        == [.discard, .sync, .mapd])
    #expect(try mirror(&bench, mapti).isEmpty)
  }

  @Test("another device's commands, and any command of a guest that owns no EventIDs, do nothing")
  func foreign() throws {
    var own = try bench()
    #expect(
      try mirror(
        &own, .mapd(device: HostBench.device, eventBits: 5, table: 0x4000_0000)
      ).isEmpty)
    var other = try HostBench.started()
    #expect(try mirror(&other, mapd(bits: 5)).isEmpty)
  }

  @Test("no command of a guest is refused or crashes the host", arguments: [1, 2, 3, 4])
  func garbage(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var bench = try bench()
    for _ in 0..<2000 {
      let opcodes: [UInt64] = [1, 3, 4, 5, 8, 8, 9, 0xa, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x2a]
      let opcode = opcodes[Int(random.below(UInt64(opcodes.count)))]
      let device = random.below(8) == 0 ? random.next() & ~lowBits(32) : UInt64(0x1100) << 32
      let command = ITSCommand(
        opcode | device, random.below(2) == 0 ? random.next() : random.below(64),
        random.next(), random.next())
      #expect(bench.refusal(.mirror(command, doorbell: 0x809_0040)) == nil)
    }
  }
}
