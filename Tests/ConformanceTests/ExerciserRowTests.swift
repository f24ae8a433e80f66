import ArmFormats
import Bits
import GIC
import Machine
import Memory
import PCI
import SMMU
import Testing

/// A device that software can make do things, behind an SMMU and an ITS, as Arm's compliance
/// suite has it; everything is set up through memory and registers.
struct Exerciser: ~Copyable {
  static let ram: UInt64 = 0x4000_0000
  static let streamTable: UInt64 = 0x4010_0000
  static let queues: UInt64 = 0x4020_0000
  static let commands: UInt64 = 0x4030_0000
  static let configuration: UInt64 = 0x4040_0000
  static let doorbell: UInt64 = 0x809_0040
  /// Where the device sees the doorbell.
  static let doorbellInput: UInt64 = 0x800_0040
  static let layout = Machine.Layout(
    smmuBase: 0x905_0000, itsBase: 0x808_0000, redistributors: 0x80a_0000, bar: 0x1000_0000,
    barSize: 0x1_0000)
  static let cpus = 4
  static let stream: UInt32 = 0x0108

  var machine: Machine
  private var top: UInt64 = 0x4200_0000
  private var commandEnd: UInt64 = 0

  init(vectors: Int) throws {
    let memory = try PhysicalMemory(regions: [.init(base: PA(Self.ram), size: 64 << 20)])
    let requester = RequesterID(rawValue: UInt16(Self.stream))
    machine = Machine(
      memory: memory, layout: Self.layout, smmu: SMMU(profile: .full),
      its: ITS(
        profile: ITSProfile()),
      redistributors: Redistributors(profile: RedistributorProfile(count: Self.cpus)),
      function: PCIFunction(
        profile: PCIFunctionProfile(requesterID: requester, msix: .init(vectors: vectors))))
    enableSMMU()
    enableITS()
  }

  mutating func write(_ address: UInt64, _ value: UInt64, _ width: Int = 8) {
    #expect(machine.write(value, at: PA(address), width: width).isAnswered)
  }

  private mutating func enableSMMU() {
    let base = Self.layout.smmuBase.rawValue
    write(base + SMMURegister.streamTableBase, Self.streamTable)
    write(base + SMMURegister.streamTableConfig, 10, 4)
    write(base + SMMURegister.commandQueueBase, Self.queues | 8)
    write(base + SMMURegister.eventQueueBase, Self.queues + 0x1_0000 | 8)
    write(base + SMMURegister.cr2, 2, 4)
    write(base + SMMURegister.cr0, 0xd, 4)
    let root = table()
    map(root, Self.doorbellInput, to: Self.doorbell)
    let context = table()
    var descriptor = ContextDescriptor()
    descriptor[.valid] = true
    descriptor[.aarch64] = true
    descriptor[.abort] = true
    descriptor[.record] = true
    descriptor[.inputSize0] = 16
    descriptor[.granule0] = .kib4
    descriptor[.walkDisabled1] = true
    descriptor[.outputSize] = .bits48
    descriptor[.table0] = root >> 4
    machine.memory.store(descriptor, at: PA(context))
    var entry = StreamTableEntry()
    entry[.valid] = true
    entry[.config] = .stage1
    entry[.contextPointer] = context >> 6
    machine.memory.store(entry, at: PA(Self.streamTable + UInt64(Self.stream) * 64))
  }

  private mutating func table() -> UInt64 {
    defer { top += 0x1000 }
    return top
  }

  /// A page of 4 KiB, by four levels.
  private mutating func map(_ root: UInt64, _ input: UInt64, to output: UInt64) {
    var place = root
    for level in 0..<3 as Range<UInt64> {
      place += (input >> (39 - 9 * level) & 0x1ff) * 8
      let next = table()
      machine.memory.store64(PA(place), next | 3)
      place = next
    }
    place += (input >> 12 & 0x1ff) * 8
    // AF, nG, read-write for everybody.
    machine.memory.store64(PA(place), output & ~0xfff | 0xc43)
  }

  private mutating func enableITS() {
    for cpu in 0..<UInt64(Self.cpus) {
      let frame = Self.layout.redistributors.rawValue + cpu * 0x2_0000
      write(frame + 0x70, Self.configuration | 15)
      write(frame + 0x78, 0x4050_0000 + cpu * 0x1_0000)
      write(frame, 1, 4)
    }
    let its = Self.layout.itsBase.rawValue
    write(its + 0x100, 1 << 63 | 1 << 56 | 7 << 48 | 0x4060_0000 | 2 << 8 | 3)
    write(its + 0x108, 1 << 63 | 4 << 56 | 7 << 48 | 0x4070_0000 | 2 << 8)
    write(its + 0x80, 1 << 63 | Self.commands | 15)
    write(its, 1, 4)
  }

  mutating func run(_ commands: [ITSCommand]) {
    for command in commands {
      machine.memory.store(command, at: PA(Self.commands + commandEnd))
      commandEnd = (commandEnd + 32) % 0x1_0000
    }
    write(Self.layout.itsBase.rawValue + 0x88, commandEnd)
  }

  /// Maps event n of the device to LPI 8192 + 3n at PE n mod 4, and writes vector n's entry.
  mutating func prepare(vectors: Int) {
    var commands: [ITSCommand] = [.mapd(device: Self.stream, eventBits: 12, table: 0x4080_0000)]
    for cpu in 0..<Self.cpus {
      commands.append(.mapc(collection: UInt16(cpu), target: UInt64(cpu)))
    }
    for vector in 0..<vectors {
      machine.memory.store8(PA(Self.configuration + UInt64(vector) * 3), 0xa3)
      commands.append(
        .mapti(
          device: Self.stream, event: UInt32(vector), lpi: Self.intid(vector),
          collection: UInt16(vector % Self.cpus)))
      let entry = Self.layout.bars[0].base + 0x2000 + UInt64(vector) * 16
      write(entry, Self.doorbellInput)
      write(entry + 8, UInt64(vector))
    }
    run(commands + [.sync(target: 0)])
    _ = machine.writeConfig(0xc000_0000 & 0x8000_0000, at: 0x70, width: 4)
    setBusMaster(true)
  }

  static func intid(_ vector: Int) -> UInt32 { 8192 + 3 * UInt32(vector) }

  mutating func setBusMaster(_ isOn: Bool) {
    _ = machine.writeConfig(isOn ? 0x6 : 0x2, at: 4, width: 2)
  }

  /// The device signals a vector; what became of the write, if it made one.
  mutating func trigger(_ vector: Int, log: inout TranslationLog) -> WriteOutcome? {
    guard case .sent(let message) = machine.function.signal(vector) else { return nil }
    var none = NoITSObserver()
    return machine.send(message, translation: &log, tables: &none)
  }

  /// What every PE acknowledges until nothing is left.
  mutating func acknowledgeAll() -> [[UInt32]] {
    let memory = machine.memory
    return (0..<Self.cpus).map { cpu in
      var taken: [UInt32] = []
      while let best = machine.redistributors.highestPendingLPI(at: cpu, memory: memory) {
        machine.redistributors.acknowledgeLPI(best.intid, at: cpu, memory: memory)
        taken.append(best.intid)
      }
      return taken
    }
  }
}

@Suite("Arm ACS rows: exerciser")
struct ExerciserRowTests {
  @Test("ACS-09: each vector of MSI-X is its own LPI, taken once, from device to PE")
  func vectors() throws {
    let count = 64
    var exerciser = try Exerciser(vectors: count)
    exerciser.prepare(vectors: count)
    var seen: Set<UInt32> = []
    for vector in 0..<count {
      var log = TranslationLog()
      let outcome = exerciser.trigger(vector, log: &log)
      #expect(
        outcome
          == .message(
            PA(Exerciser.doorbell),
            .delivered(
              intid: Exerciser.intid(vector), redistributor: vector % 4, effect: .newlyPending)))
      #expect(!log.reads.isEmpty, "it went through the SMMU")
      var expected: [[UInt32]] = [[], [], [], []]
      expected[vector % 4] = [Exerciser.intid(vector)]
      let taken = exerciser.acknowledgeAll()
      #expect(taken == expected)
      seen.formUnion(taken.joined())
      #expect(exerciser.acknowledgeAll().joined().isEmpty, "once")
    }
    #expect(seen.count == count)
    // All at once: each still once, at its own PE.
    for vector in 0..<count {
      var log = TranslationLog()
      _ = exerciser.trigger(vector, log: &log)
    }
    let taken = exerciser.acknowledgeAll()
    for cpu in 0..<4 {
      #expect(
        taken[cpu].sorted() == stride(from: cpu, to: count, by: 4).map { Exerciser.intid($0) })
    }
  }

  @Test("ACS-14: without bus mastering nothing arrives at the SMMU or the ITS")
  func busMaster() throws {
    var exerciser = try Exerciser(vectors: 4)
    exerciser.prepare(vectors: 4)
    exerciser.setBusMaster(false)
    #expect(!exerciser.machine.function.isBusMaster)
    var log = TranslationLog()
    for vector in 0..<4 { #expect(exerciser.trigger(vector, log: &log) == nil) }
    #expect(log.reads.isEmpty)
    #expect(exerciser.acknowledgeAll().joined().isEmpty)
    let events = exerciser.machine.smmu.readRegister(SMMURegister.eventQueueProducer, width: 4)
    #expect(events == 0)
    exerciser.setBusMaster(true)
    #expect(exerciser.acknowledgeAll().joined().isEmpty, "what was not sent does not come later")
    #expect(exerciser.trigger(2, log: &log) != nil)
    #expect(exerciser.acknowledgeAll() == [[], [], [Exerciser.intid(2)], []])
  }
}
