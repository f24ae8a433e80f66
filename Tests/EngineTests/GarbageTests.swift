import ArmFormats
import Bits
import Linux
import Memory
import Simulation
import TestRandom
import Testing

@testable import Designs
@testable import Engine
@testable import Guest

/// Whatever a guest writes gives each of its messages a verdict, and the host survives.
@Suite("A guest that writes garbage")
struct GarbageTests {
  /// A specification with a few dozen messages behind a set-up by hand.
  private func specification(_ design: Design, _ extra: [Workload.Activity]) -> RunSpecification {
    var entries = HandMade.setup(of: [0, 1, 2])
    for (index, activity) in extra.enumerated() {
      entries += HandMade.at(10 + UInt64(index), [activity, .message(vector: index % 3)])
    }
    return Fixtures.specification(
      design, Workload(device: Fixtures.device, entries: entries))
  }

  private func expectVerdicts(_ result: RunResult, _ count: Int, _ seed: UInt64) {
    #expect(result.verdicts.count == count, "seed \(seed)")
  }

  @Test("random MSI-X entries and control", arguments: Fixtures.designs)
  func entries(design: Design) throws {
    for seed in 1...UInt64(6) {
      var random = SplitMix(state: seed)
      let extra = (0..<60).map { _ -> Workload.Activity in
        let value = random.next()
        return random.below(6) == 0
          ? .msixControl(enable: value & 1 != 0, functionMask: value & 2 != 0)
          : .msixWrite(
            offset: random.below(12) * 4,
            value: value & 1 == 0 ? UInt32(value >> 33) : UInt32(value >> 62))
      }
      expectVerdicts(try specification(design, extra).run(), extra.count, seed)
    }
  }

  @Test("random ITS commands", arguments: Fixtures.designs)
  func commands(design: Design) throws {
    for seed in 1...UInt64(6) {
      var random = SplitMix(state: seed)
      let opcodes: [UInt64] = [1, 3, 4, 5, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x2a, 0x77]
      let extra = (0..<60).map { _ -> Workload.Activity in
        let isOwn = random.below(3) != 0
        let device = isOwn ? 0x1100 << 32 : random.next() & ~lowBits(32)
        let opcode = opcodes[Int(random.below(UInt64(opcodes.count)))]
        return .itsCommands([
          ITSCommand(
            device | opcode,
            isOwn ? random.below(40) | random.next() & ~lowBits(32) : random.next(),
            random.next(), random.next())
        ])
      }
      expectVerdicts(try specification(design, extra).run(), extra.count, seed)
    }
  }

  @Test(
    "random bytes in the guest's own tables, and random redistributor registers",
    arguments: Fixtures.designs)
  func bytes(design: Design) throws {
    for seed in 1...UInt64(4) {
      var random = SplitMix(state: seed)
      let extra = (0..<80).map { _ -> Workload.Activity in
        random.below(8) == 0
          ? .redistributorWrite(offset: random.below(0x2_0000) & ~7, value: random.next())
          : .lpiConfiguration(
            IPA(Self.place(&random)), UInt8(truncatingIfNeeded: random.next()))
      }
      expectVerdicts(try specification(design, extra).run(), extra.count, seed)
    }
  }

  @Test("random mappings and unmappings", arguments: Fixtures.designs)
  func mappings(design: Design) throws {
    for seed in 1...UInt64(4) {
      var random = SplitMix(state: seed)
      let extra = (0..<40).map { _ -> Workload.Activity in
        let input = IOVA(random.below(3) == 0 ? random.next() & ~0xfff : 0xffff_f000)
        return random.below(2) == 0
          ? .unmap(input, size: 0x1000)
          : .map(input, IPA(random.next() & 0xfff_ffff_f000), size: 0x1000, .buffer)
      }
      // A mapping that the kernel refuses ends the set-up: what follows is refused with it.
      expectVerdicts(try specification(design, extra).run(), extra.count, seed)
    }
  }

  @Test(
    "words that change under the kernel's feet: STE, CD, descriptors, queues, ITS tables",
    arguments: Fixtures.designs)
  func corruption(design: Design) throws {
    var seen: Set<Verdict> = []
    for seed in 1...UInt64(8) {
      var random = SplitMix(state: seed)
      // Unmappings make the guest send commands, and attach again what its tables say.
      let extra = (0..<20).map { _ in
        Workload.Activity.unmap(IOVA(0xfff0_0000), size: 0x1000)
      }
      var system = try Engine(specification(design, extra), sink: NoTrace())
      system.start()
      var events = 0
      while system.step() {
        events += 1
        try #require(events < 1_000_000)
        guard random.below(4) == 0 else { continue }
        let place = PA(Self.place(&random) & ~7)
        let word = system.machines[0].memory.load64(place) ?? 0
        let corrupt = random.below(2) == 0 ? random.next() : word ^ 1 << random.below(64)
        // Half of the time a word that is in use.
        if word != 0 || random.below(2) == 0 { system.machines[0].memory.store64(place, corrupt) }
      }
      let result = system.result()
      seen.formUnion(result.verdicts)
      expectVerdicts(result, extra.count, seed)
    }
    #expect(seen.count > 1, "the corruption hit nothing")
  }

  @Test("an STE that is garbage when the guest's SMMU reads it", arguments: Fixtures.designs)
  func streamTableEntries(design: Design) throws {
    var seen: Set<Verdict> = []
    for seed in 1...UInt64(12) {
      var random = SplitMix(state: seed)
      var system = try Engine(
        specification(design, [.message(vector: 0)]), sink: NoTrace())
      let entry = StreamTableEntry(
        words: [random.next() | 1, random.next() & random.next(), random.next(), random.next()])
      system.start()
      var events = 0
      while system.step() {
        events += 1
        // Between the guest's write of its entry and its command to read it.
        let place = (system.machines[0].guest as? GuestKernel)?.smmus[0]?.address(
          of: Fixtures.device.guestID)
        if let place, system.machines[0].guest.isTranslating(for: 0), events % 3 == Int(seed % 3) {
          system.machines[0].memory.store(entry, at: place)
        }
      }
      let result = system.result()
      #expect(result.verdicts.count == 2)
      seen.formUnion(result.verdicts)
    }
    #expect(seen.contains { $0 != .delivered }, "the garbage hit nothing")
  }

  /// A place in the guest's memory where something is: ITS tables, SMMU structures, stage 1.
  private static func place(_ random: inout SplitMix) -> UInt64 {
    switch random.below(6) {
    case 0: 0x400b_0000 + random.below(0x400)
    case 1: 0x400c_0000 + 0x1100 * 8 + random.below(16)
    case 2: 0x400d_0000 + random.below(0x2_0100)
    case 3: 0x4010_0000 + random.below(0x8_0000)
    case 4: HandMade.translationTable.rawValue + random.below(64)
    default: 0x6000_0000 + random.below(5) << 12 + [0, 0x200, 0xff8][Int(random.below(3))]
    }
  }
}
