import Bits
import Designs
import Engine
import Guest
import HostKernel
import Linux
import Scenarios
import Software
import Testing
import Timing
import VMM

/// Exits by when they come, what the guest's kernel was doing, and how it left the guest. The numbers are
/// those of recorded guests: one function behind one virtual SMMU, one virtual CPU, KVM's controllers.
@Suite("Exits")
struct ExitsTests {
  static func run(
    _ design: Design = Fixtures.rmr, vectors: Int = 4, driver: DeviceDriver = .plain,
    unbindAt time: UInt64? = nil, idle: IdleVirtualCPU = .runs, messages: Int = 4
  ) throws -> RunResult {
    var entries = (0..<messages).map {
      Workload.Entry(nanoseconds: UInt64($0) * 10_000, .message(vector: $0 % vectors))
    }
    if let time { entries.append(.init(nanoseconds: time, .unbind)) }
    let device = Workload.Device(
      name: "nic", guestID: 0x1100, hostID: 0x10, vectors: vectors, driver: driver)
    var specification = Fixtures.specification(design, Workload(device: device, entries: entries))
    specification.idle = idle
    return try specification.run()
  }

  @Test(
    "set-up of N vectors of N: 125 exits and 14 + 14N, 7N less with the table untrapped",
    arguments: 1...6)
  func setup(vectors: Int) throws {
    for (design, saved) in [(Fixtures.rmr, 0), (Fixtures.untrapped, 7)] {
      let exits = try Self.run(design, vectors: vectors, messages: vectors).exits
      #expect(exits.setup == 125 + 14 + 14 * vectors - saved * vectors, "\(design.name)")
    }
  }

  @Test("rows, causes and occasions add up to the same total", arguments: Fixtures.designs)
  func sums(design: Design) throws {
    for idle in IdleVirtualCPU.allCases {
      let exits = try Self.run(design, unbindAt: 90_000, idle: idle).exits
      #expect(exits.rows.reduce(0) { $0 + $1.total } == exits.total)
      #expect(exits.causes.reduce(0) { $0 + $1.count } == exits.total)
      let occasions = RunResult.Exits.Occasion.allCases
      #expect(occasions.reduce(0) { $0 + exits[$1] } == exits.total)
      #expect(exits.total > 0)
      for row in exits.rows where row.occasion == .delivery || row.occasion == .idle {
        #expect(row.phase == nil && row.reads == 0 && row.writes == 0)
      }
    }
  }

  @Test(
    "what a driver does when it is unbound is tear-down: masks, messages of zeros, DISCARD, MAPD")
  func tearDown() throws {
    let exits = try Self.run(unbindAt: 90_000).exits
    #expect(exits[.tearDown] > 0)
    #expect(exits[.run] == 0)
    let phases = Set(exits.rows.filter { $0.occasion == .tearDown }.compactMap(\.phase))
    #expect(phases == [.freeIRQ, .msixDisable, .itsDeviceFree, .pciDisable])
    // 13 for each vector's free_irq under KVM.
    let freeing = exits.rows.filter { $0.phase == .freeIRQ }.reduce(0) { $0 + $1.total }
    #expect(freeing == 13 * 4)
    #expect(try Self.run().exits[.tearDown] == 0)
  }

  @Test(
    "drivers differ in what they do before the same MSIs arrive", arguments: DeviceDriver.allCases)
  func drivers(driver: DeviceDriver) throws {
    let result = try Self.run(driver: driver)
    #expect(result.verdict == .delivered || driver == .xhci, "\(result.why)")
    let plain = try Self.run().exits.setup
    switch driver {
    case .nvme, .igb: #expect(result.exits.setup > plain)
    case .plain: #expect(result.exits.setup == plain)
    // It requests its first vector alone.
    case .xhci: #expect(result.exits.setup < plain)
    default: break
    }
  }

  @Test("an interrupt that meets an idle CPU wakes it, and is no exit")
  func idleCPU() throws {
    let awake = try Self.run().exits
    #expect((awake.delivery, awake.wakeUps) == (4, 0))
    let asleep = try Self.run(idle: .blocks).exits
    #expect((asleep.delivery, asleep.wakeUps) == (0, 4))
    #expect(asleep[.idle] > 0)
  }
}
