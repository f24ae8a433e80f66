import ArmFormats
import Bits
import Linux
import Software
import Testing

@Suite("ITSDriver")
struct ITSDriverTests {
  struct Bench {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    var driver: ITSDriver

    init(_ table: ITSDriver.DeviceTable = .init()) throws {
      let layout = try #require(ITSDriver.Layout(cpus: 2, devices: table, frames: &frames))
      driver = ITSDriver(
        agent: .host, base: 0x808_0000, redistributors: 0x80a_0000, layout: layout,
        deviceTable: table)
    }

    mutating func create(_ device: UInt32, vectors: Int) throws -> [ITSCommand] {
      commands(try driver.createDevice(device, vectors: vectors, frames: &frames))
    }
  }

  @Test(
    "the translation table has a power of two of entries, two at least",
    arguments: [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (32, 5), (33, 6), (2048, 11)])
  func tableSize(vectors: Int, bits: UInt8) throws {
    var bench = try Bench()
    let mapd = try #require(try bench.create(0x10, vectors: vectors).first)
    #expect(mapd[.opcode] == .mapd)
    // The field holds the number of EventID bits less one.
    #expect(mapd[.size] == bits - 1)
    #expect(mapd[.valid])
  }

  @Test("a device's LPIs follow each other, and the next device's come behind them")
  func consecutiveLPIs() throws {
    var bench = try Bench()
    _ = try bench.create(0x10, vectors: 3)
    _ = try bench.create(0x20, vectors: 2)
    let lpi = { bench.driver.lpi(ofEvent: $0, device: $1) }
    #expect([lpi(0, 0x10), lpi(3, 0x10), lpi(4, 0x10)] == [8192, 8195, nil])
    #expect([lpi(0, 0x20), lpi(1, 0x20), lpi(0, 0x30)] == [8196, 8197, nil])
  }

  @Test("a device that goes away gives its LPIs and its table back, however often")
  func reuse() throws {
    var bench = try Bench()
    _ = try bench.create(0x10, vectors: 2)
    for _ in 0..<2000 {
      _ = try bench.create(0x20, vectors: 1 << 14)
      #expect(bench.driver.lpi(ofEvent: 0, device: 0x20) == 8194)
      #expect(!bench.driver.removeDevice(0x20).isEmpty)
    }
    #expect(bench.driver.removeDevice(0x20).isEmpty)
  }

  @Test("more LPIs than there are: the device gets half, and the last one none")
  func scarceLPIs() throws {
    var bench = try Bench()
    _ = try bench.create(1, vectors: 1 << 16)
    #expect(bench.driver.lpi(ofEvent: 0x7fff, device: 1) == 40959)
    #expect(bench.driver.lpi(ofEvent: 0x8000, device: 1) == nil)
    for device in 2..<UInt32(40) {
      guard let refusal = refusal({ _ = try bench.create(device, vectors: 1 << 14) }) else {
        continue
      }
      #expect(refusal.errno == "ENOSPC")
      return
    }
    Issue.record("LPIs never ran out")
  }

  @Test("a DeviceID beyond the device table is refused")
  func deviceOutOfRange() throws {
    var bench = try Bench()
    #expect(refusal { _ = try bench.create(0x1_0000, vectors: 1) }?.errno == "ENODEV")
    #expect(refusal { _ = try bench.create(0xffff, vectors: 1) } == nil)
  }

  @Test("an event is mapped, synchronised, configured and invalidated")
  func activation() throws {
    var bench = try Bench()
    _ = try bench.create(0x10, vectors: 2)
    let steps =
      bench.driver.activate(device: 0x10, event: 1, lpi: 8193, cpu: 0)
      + bench.driver.configure(device: 0x10, event: 1, lpi: 8193, cpu: 0, enabled: true)
    #expect(commands(steps).map { $0[.opcode] } == [.mapti, .sync, .inv, .sync])
    let bytes = steps.compactMap { step -> UInt8? in
      if case .writeByte(let place, let byte) = step.action,
        place == bench.driver.layout.propertyTable + 1
      {
        byte
      } else {
        nil
      }
    }
    #expect(bytes == [0xc3])
  }

  @Test("the command queue wraps at its end")
  func wraps() throws {
    var bench = try Bench()
    _ = try bench.create(0x10, vectors: 2)
    var offsets: [UInt64] = []
    var places: [PA] = []
    for _ in 0..<1100 {
      for step in bench.driver.deactivate(device: 0x10, event: 0, cpu: 0) {
        switch step.action {
        case .write(let words): places += words.map(\.address)
        case .mmio(_, let value, _): offsets.append(value)
        default: break
        }
      }
    }
    let queue = bench.driver.layout.commandQueue
    #expect(offsets.allSatisfy { $0 < 0x1_0000 && $0 % 32 == 0 })
    #expect(offsets.contains(32))
    #expect(places.allSatisfy { $0 >= queue && $0 < queue + 0x1_0000 })
  }

  @Test(
    "the last DeviceID of Devbits can be mapped; a flat table is 4 MiB at most",
    arguments: [(16, true, 16), (20, true, 20), (26, true, 26), (16, false, 16), (22, false, 19)])
  func lastDevice(bits: UInt64, isTwoLevel: Bool, room: UInt32) throws {
    var bench = try Bench(.init(bits: bits, isTwoLevel: isTwoLevel))
    let steps = try bench.driver.createDevice(
      1 << room - 1, vectors: 1, frames: &bench.frames)
    #expect(steps.contains { $0.function == "its_alloc_table_entry" } == isTwoLevel)
    #expect(commands(steps).first?[.opcode] == .mapd)
    let refusal = #expect(throws: Refusal.self) { try bench.create(1 << room, vectors: 1) }
    #expect(refusal?.errno == "ENODEV")
  }

  @Test("the device table has pages for all DeviceIDs", arguments: [(16, 8), (19, 64)])
  func flatPages(bits: UInt64, pages: UInt64) throws {
    let bench = try Bench(.init(bits: bits, isTwoLevel: false))
    let bases = bench.driver.probe().compactMap { step -> ITSTableBase? in
      guard case .mmio(let place, let value, _) = step.action,
        step.function == "its_setup_baser", place == PA(0x808_0000) + ITSRegister.tableBase
      else { return nil }
      return ITSTableBase(rawValue: value)
    }
    let base = try #require(bases.first)
    #expect(!base[.indirect])
    #expect(base.byteCount == pages * 0x1_0000)
  }
}

/// The ITS commands that steps write, as they stand in the queue.
func commands(_ steps: [Step<Never>]) -> [ITSCommand] {
  steps.flatMap { step -> [ITSCommand] in
    guard case .write(let words) = step.action, case .itsCommands = step.payload else { return [] }
    return stride(from: 0, to: words.count, by: 4).map {
      ITSCommand(words[$0].value, words[$0 + 1].value, words[$0 + 2].value, words[$0 + 3].value)
    }
  }
}

/// What `body` is refused with.
func refusal(_ body: () throws -> Void) -> Refusal? {
  do {
    try body()
    return nil
  } catch {
    return error as? Refusal
  }
}
