import ArmFormats
import Bits
import GIC
import Memory
import SMMU
import SMMUFixtures
import Testing

/// Where a peer emulator stops the simulation, the models give the architected answer.
@Suite("gem5 rows")
struct RobustnessRowTests {
  @Test("GEM-02: a full event queue drops events, flags it once, and traffic goes on")
  func fullQueue() throws {
    for bits in 0...3 as ClosedRange<UInt64> {
      let machine = try Machine(queueBits: bits)
      let stream = Stream(machine, .nested)
      stream.low.map(0x5000, to: 0x7_0000_5000, stage1Leaf)
      stream.stage2.map(0x7_0000_5000, to: 0x4200_0000, stage2Leaf)
      var lost = 0
      for number in 0..<50 as Range<UInt64> {
        let result = machine.access(0x6000 + number)
        if case .faulted(_, .lost) = result { lost += 1 }
        #expect(machine.output(0x5000) == 0x4200_0000)
      }
      let room = 1 << bits
      #expect(lost == 50 - room)
      #expect(machine.read(SMMURegister.eventQueueProducer) == 0x8000_0000 | UInt64(room))
      #expect(machine.read(SMMURegister.globalError) == 0)
      let events = machine.events()
      #expect(events.map { $0[.inputAddress] } == (0..<UInt64(room)).map { 0x6000 + $0 })
    }
  }

  /// Something wrong with the configuration, and the event that reports it.
  struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let kind: EventKind?
    var stream: UInt32 = 1
    var substream: UInt32?
    let change: @Sendable (inout Stream) -> Void
  }

  static let damages: [Damage] = [
    Damage(testDescription: "STE.V is 0", kind: .badStreamEntry) { $0.entry[.valid] = false },
    Damage(testDescription: "CD.V is 0", kind: .badContext) { $0.context[.valid] = false },
    Damage(testDescription: "StreamID out of range", kind: .badStreamID, stream: 256) { _ in },
    Damage(testDescription: "the largest StreamID", kind: .badStreamID, stream: .max) { _ in },
    Damage(
      testDescription: "SubstreamID without a table of them", kind: .badSubstreamID, substream: 1
    ) { _ in },
    Damage(
      testDescription: "SubstreamID beyond S1CDMax", kind: .badSubstreamID, substream: 16
    ) {
      $0.entry[.substreamBits] = 4
      $0.entry[.defaultSubstream] = .substream0
    },
    Damage(testDescription: "L1CD not valid", kind: .badSubstreamID, substream: 0x4c) {
      $0.entry[.substreamBits] = 8
      $0.entry[.contextTableFormat] = 1
      $0.entry[.contextPointer] = $0.machine.table() >> 6
    },
    // Every encoding of Config below 4 is abort (5.2); there is no unknown one.
    Damage(testDescription: "Config 1", kind: nil) { $0.entry[.config] = .init(rawValue: 1) },
    Damage(testDescription: "Config 2", kind: nil) { $0.entry[.config] = .init(rawValue: 2) },
    Damage(testDescription: "Config 3", kind: nil) { $0.entry[.config] = .init(rawValue: 3) },
  ]

  @Test("GEM-03: bad configuration is a recorded event, never a stop", arguments: damages)
  func badConfiguration(damage: Damage) throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
    stream.install()
    #expect(machine.output(0x5000) == 0x4200_0000)
    damage.change(&stream)
    stream.install()
    let result = machine.access(0x5000, stream: damage.stream, substream: damage.substream)
    let events = machine.events()
    #expect(events.map { $0[.kind] } == (damage.kind.map { [$0] } ?? []))
    #expect(events.allSatisfy { $0[.stream] == damage.stream })
    if damage.kind == nil { #expect(result == .aborted) }
  }

  @Test("GEM-03: an L1 stream table descriptor that is not valid is C_BAD_STREAMID")
  func badFirstLevel() throws {
    for word in [0, 12, 31, Machine.hole, Machine.hole | 0x1f] as [UInt64] {
      let machine = try Machine()
      machine.write(SMMURegister.cr0, 0)
      machine.write(SMMURegister.streamTableConfig, 1 << 16 | 8 << 6 | 10)
      machine.write(SMMURegister.cr0, 0xf)
      machine.memory.store64(PA(Machine.streamTable + 8), word)
      _ = machine.access(0x5000, stream: 0x102)
      #expect(machine.events().map(\.words) == [[0x102_0000_0002, 0, 0, 0]], "\(hex(word))")
    }
  }

  /// An ITS whose commands its caller runs, one at a time.
  private struct SteppedITS: ~Copyable {
    static let queue: UInt64 = 0x4128_0000
    static let configuration: UInt64 = 0x4100_0000
    let memory: PhysicalMemory
    var its = ITS(
      profile: ITSProfile(runsCommandsOnWrite: false), personality: .architectureSkippingErrors)
    var redistributors = Redistributors(profile: RedistributorProfile(count: 2))
    private var end: UInt64 = 0

    init() throws {
      memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x400_0000)])
      for cpu in 0..<2 {
        let pending = 0x4180_0000 + 0x1_0000 * UInt64(cpu)
        for (offset, value) in [(0x70, Self.configuration | 15), (0x78, pending), (0, 1)]
          as [(UInt64, UInt64)]
        {
          redistributors.writeRegister(
            offset, value, width: offset == 0 ? 4 : 8, at: cpu, memory: memory)
        }
      }
      write(0x100, 1 << 63 | 1 << 56 | 7 << 48 | 0x4120_0000 | 2 << 8 | 3)
      write(0x108, 1 << 63 | 4 << 56 | 7 << 48 | 0x4124_0000 | 2 << 8)
      write(0x80, 1 << 63 | Self.queue | 15)
      write(0, 1)
    }

    mutating func write(_ offset: UInt64, _ value: UInt64) {
      var none = NoITSObserver()
      its.writeRegister(
        offset, value, width: 8, memory: memory, redistributors: &redistributors, observer: &none)
    }

    mutating func read(_ offset: UInt64) -> UInt64 { its.readRegister(offset, width: 8) }

    mutating func queue(_ commands: [ITSCommand]) {
      for command in commands {
        memory.store(command, at: PA(Self.queue + end))
        end += 32
      }
      write(0x88, end)
    }

    var hasCommands: Bool { its.hasCommands }

    mutating func step() -> ITSOpcode? {
      var none = NoITSObserver()
      return its.processNextCommand(
        memory: memory, redistributors: &redistributors, observer: &none)?.command[.opcode]
    }

    mutating func message(_ event: UInt32) -> MessageOutcome {
      var none = NoITSObserver()
      return its.receiveMessage(
        deviceID: 2, eventID: event, memory: memory, redistributors: &redistributors,
        observer: &none)
    }

    /// Takes whatever LPI waits at `cpu`.
    mutating func acknowledge(_ cpu: Int) -> UInt32? {
      guard let best = redistributors.highestPendingLPI(at: cpu, memory: memory) else { return nil }
      redistributors.acknowledgeLPI(best.intid, at: cpu, memory: memory)
      return best.intid
    }
  }

  @Test("GEM-06: a SYNC completes what was queued before it, and nothing that was not")
  func sync() throws {
    var machine = try SteppedITS()
    machine.memory.store8(PA(SteppedITS.configuration + 3), 0xa3)
    machine.queue([
      .mapd(device: 2, eventBits: 8, table: 0x4010_0000), .mapc(collection: 1, target: 0),
      .mapti(device: 2, event: 20, lpi: 8195, collection: 1), .sync(target: 0),
    ])
    // Nothing happens by itself: each effect comes with its own command.
    #expect(machine.message(20) == .dropped(.deviceUnmapped))
    #expect(machine.step() == .mapd)
    #expect(machine.message(20) == .dropped(.eventUnmapped))
    #expect(machine.step() == .mapc)
    #expect(machine.message(20) == .dropped(.eventUnmapped))
    #expect(machine.step() == .mapti)
    #expect(machine.read(0x90) == 0x60, "SYNC still waits")
    #expect(machine.step() == .sync)
    #expect(machine.read(0x90) == 0x80)
    #expect(
      machine.message(20)
        == .delivered(intid: 8195, redistributor: 0, effect: .newlyPending))
    #expect(machine.acknowledge(0) == 8195)

    // A changed configuration byte counts from INV on, so not before its SYNC is reached.
    machine.memory.store8(PA(SteppedITS.configuration + 3), 0xa2)
    machine.queue([
      .inv(device: 2, event: 20), .sync(target: 0), .movi(device: 2, event: 20, collection: 2),
    ])
    #expect(
      machine.message(20)
        == .delivered(intid: 8195, redistributor: 0, effect: .newlyPending), "the old byte")
    #expect(machine.acknowledge(0) == 8195)
    #expect(machine.step() == .inv)
    #expect(machine.step() == .sync)
    #expect(
      machine.message(20)
        == .delivered(intid: 8195, redistributor: 0, effect: .disabledButPending))
    #expect(machine.acknowledge(0) == nil)
    let waits = machine.hasCommands
    #expect(waits, "what follows SYNC is not complete")
    #expect(machine.step() == .movi)
    #expect(machine.step() == nil)
  }

  @Test("GEM-06: a CMD_SYNC of the SMMU signals after the invalidations before it took effect")
  func smmuSync() throws {
    let machine = try Machine(caches: .strict)
    let stream = Stream(machine, .stage1)
    stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
    #expect(machine.output(0x5000) == 0x4200_0000)
    stream.low.map(0x5000, to: 0x4300_0000, stage1Leaf)
    var sync = SMMUCommand(.sync)
    sync[.completion] = 1
    machine.send(sync)
    #expect(machine.smmu.takeInterrupts() == .commandSync)
    #expect(machine.output(0x5000) == 0x4200_0000, "SYNC alone invalidates nothing")
    var drop = SMMUCommand(.tlbiNHAll)
    drop[.vmid] = 7
    machine.send(drop, sync)
    #expect(machine.smmu.takeInterrupts() == .commandSync)
    #expect(machine.output(0x5000) == 0x4300_0000)
  }
}
