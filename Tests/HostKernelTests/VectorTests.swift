import ArmFormats
import Bits
import HostFixtures
import HostKernel
import Software
import TestRandom
import Testing

@Suite("HostKernel: the function's vectors")
struct VectorTests {
  @Test(
    "the first vector maps the window's page to the doorbell's, and writes the window's address")
  func firstVector() throws {
    var bench = try HostBench.started()
    #expect(bench.kernel.translate(0x800_0000, of: .first) == nil)
    let steps = try bench.handle(.enableVector(0, guestAddress: nil))
    #expect(bench.kernel.translate(0x800_0040, of: .first) == HostBench.doorbell)
    #expect(bench.kernel.translate(0x800_1000, of: .first) == nil)
    #expect(
      tableWrites(steps).map { [$0.offset, $0.value] }
        == [[0, 0x800_0040], [4, 0], [8, 0], [12, 0]])
    #expect(
      itsCommands(steps).map { $0[.opcode] } == [.mapd, .mapti, .sync, .inv, .sync])
  }

  @Test("the mapping is device memory for reads and writes")
  func mapping() throws {
    var bench = try HostBench.started()
    let steps = try bench.handle(.enableVector(0, guestAddress: nil))
    let words = steps.first { $0.function == "iommufd_sw_msi" }.map(\.action)
    guard case .write(let writes)? = words else {
      Issue.record("no mapping")
      return
    }
    #expect(writes.last?.value == 0x809_06c7)
  }

  @Test("a later vector reuses the page, and has its own EventID and LPI")
  func laterVectors() throws {
    var bench = try HostBench.started()
    try bench.handle(.enableVector(2, guestAddress: nil))
    let steps = try bench.handle(.enableVector(0, guestAddress: nil))
    #expect(!steps.contains { $0.function == "iommufd_sw_msi" })
    let mapti = try #require(itsCommands(steps).first { $0[.opcode] == .mapti })
    #expect(mapti[.eventID] == 0)
    #expect(mapti[.physicalINTID] == 8192)
    #expect(mapti[.deviceID] == HostBench.device)
  }

  @Test("a forwarded address stands in the entry, with the host's EventID and no mapping")
  func forwarded() throws {
    var bench = try HostBench.started(stageTwoDoorbell: .guestDoorbell)
    try bench.handle(.mapGuestDoorbell(0x809_0000))
    #expect(bench.kernel.translate(0x809_0040, of: .first) == HostBench.doorbell)
    let steps = try bench.handle(.enableVector(3, guestAddress: 0x1_ffff_f040))
    #expect(
      tableWrites(steps).map { [$0.offset, $0.value] }
        == [[48, 0xffff_f040], [52, 1], [56, 3], [60, 0]])
    #expect(bench.kernel.translate(0x800_0000, of: .first) == nil)
  }

  @Test("a vector that gets another address is masked while its entry changes")
  func readdress() throws {
    var bench = try HostBench.started(stageTwoDoorbell: .guestDoorbell)
    try bench.handle(.enableVector(1, guestAddress: 0xffff_f040))
    #expect(try bench.handle(.enableVector(1, guestAddress: 0xffff_f040)).isEmpty)
    let steps = try bench.handle(.enableVector(1, guestAddress: 0xffff_e040))
    #expect(
      tableWrites(steps).map { [$0.offset, $0.value] }
        == [[28, 1], [16, 0xffff_e040], [20, 0], [24, 1], [28, 0]])
    #expect(itsCommands(steps).isEmpty)
  }

  @Test("a vector beyond the table is EINVAL", arguments: [-1, 4, 2048, Int.max, Int.min])
  func badVector(vector: Int) throws {
    var bench = try HostBench.started()
    #expect(bench.refusal(.enableVector(vector, guestAddress: nil))?.errno == "EINVAL")
    #expect(try bench.handle(.releaseVector(vector)).isEmpty)
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
    #expect(bench.refusal(.enableVector(0, guestAddress: nil))?.errno == "EOPNOTSUPP")
  }

  @Test("disabling masks and unmaps every vector in order, and they can be enabled again")
  func disable() throws {
    var bench = try HostBench.started()
    for vector in [2, 0] { try bench.handle(.enableVector(vector, guestAddress: nil)) }
    let route = InjectionRoute(doorbell: 0x809_0040, deviceID: 0x1100, eventID: 0)
    try bench.handle(.route(vector: 0, route))
    #expect(bench.kernel.signalTarget(ofLPI: 8192) == .kvm(route))
    let steps = try bench.handle(.disableVectors)
    #expect(tableWrites(steps).map { [$0.offset, $0.value] } == [[12, 1], [44, 1]])
    let discards = itsCommands(steps).filter { $0[.opcode] == .discard }.map { $0[.eventID] }
    #expect(discards == [0, 2])
    #expect(bench.kernel.signalTarget(ofLPI: 8192) == nil)
    #expect(try bench.handle(.disableVectors).isEmpty)
    let again = itsCommands(try bench.handle(.enableVector(0, guestAddress: nil)))
    #expect(again.first { $0[.opcode] == .mapti }?[.physicalINTID] == 8192)
    #expect(!again.contains { $0[.opcode] == .mapd })
  }

  @Test("a released vector signals the VMM until it has a route again")
  func release() throws {
    var bench = try HostBench.started()
    try bench.handle(.enableVector(1, guestAddress: nil))
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == nil)
    try bench.handle(.releaseVector(1))
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == .vmm(vector: 1))
    let route = InjectionRoute(doorbell: 0x809_0040, deviceID: 0x1100, eventID: 9)
    try bench.handle(.route(vector: 1, route))
    #expect(bench.kernel.signalTarget(ofLPI: 8193) == .kvm(route))
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
