import ArmFormats
import Bits
import Memory
import SMMUFixtures
import TestRandom
import Testing

@testable import SMMU

@Suite("Caches")
struct CacheTests {
  static let input: UInt64 = 0x12_3456_7000
  static let ipa: UInt64 = 0x7_0000_5000

  func nested(_ caches: SMMUCacheGeometry = .strict) throws -> (Machine, Stream) {
    let machine = try Machine(caches: caches)
    let stream = Stream(machine, .nested)
    stream.low.map(Self.input, to: Self.ipa, stage1Leaf)
    stream.stage2.map(Self.ipa, to: 0x4200_0000, stage2Leaf)
    return (machine, stream)
  }

  func command(_ opcode: SMMUOpcode, _ change: (inout SMMUCommand) -> Void = { _ in })
    -> SMMUCommand
  {
    var command = SMMUCommand(opcode)
    command[.stream] = opcode.rawValue < 0x10 ? 1 : 0
    if opcode.rawValue >= 0x10 && opcode.rawValue < 0x40 {
      command[.vmid] = 7
      command[.asid] = 3
    }
    change(&command)
    return command
  }

  func page(_ opcode: SMMUOpcode, _ address: UInt64, leaf: Bool = true) -> SMMUCommand {
    command(opcode) {
      if opcode == .tlbiS2IPA { $0[.asid] = 0 }
      $0[.page] = address >> 12
      $0[.leaf] = leaf
    }
  }

  @Test("a changed stage 1 page stays stale until an invalidation that covers it")
  func staleStage1() throws {
    let useless: [SMMUCommand] = [
      command(.sync), page(.tlbiNHVA, Self.input + 0x1000),
      command(.tlbiNHAll) { $0[.vmid] = 8 }, command(.tlbiNHASID) { $0[.asid] = 4 },
      page(.tlbiS2IPA, Self.ipa), command(.invalidateStream), command(.tlbiEL2All),
    ]
    let useful: [SMMUCommand] = [
      page(.tlbiNHVA, Self.input), page(.tlbiNHVAA, Self.input),
      command(.tlbiNHAll), command(.tlbiNHASID), command(.tlbiS12VMAll),
      command(.tlbiNSNHAll),
    ]
    for last in useful {
      let (machine, stream) = try nested()
      #expect(machine.output(Self.input) == 0x4200_0000)
      stream.stage2.map(Self.ipa + 0x1000, to: 0x4300_0000, stage2Leaf)
      stream.low.map(Self.input, to: Self.ipa + 0x1000, stage1Leaf)
      for one in useless {
        machine.send(one)
        #expect(machine.output(Self.input) == 0x4200_0000, "after \(one[.opcode])")
      }
      machine.send(last)
      #expect(machine.output(Self.input) == 0x4300_0000, "after \(last[.opcode])")
    }
  }

  @Test("TLBI_S2_IPA leaves what stage 1 combined; NH_ALL after it does the rest (4.4.3)")
  func staleCombined() throws {
    let (machine, stream) = try nested()
    #expect(machine.output(Self.input) == 0x4200_0000)
    stream.stage2.map(Self.ipa, to: 0x4300_0000, stage2Leaf)
    machine.send(page(.tlbiS2IPA, Self.ipa))
    #expect(machine.output(Self.input) == 0x4200_0000)
    machine.send(command(.tlbiNHAll))
    #expect(machine.output(Self.input) == 0x4300_0000)
    stream.stage2.map(Self.ipa, to: 0x4200_0000, stage2Leaf)
    machine.send(command(.tlbiNHAll))
    #expect(machine.output(Self.input) == 0x4300_0000, "the other half alone is not enough")
  }

  @Test("a leaf invalidation leaves cached tables; without Leaf they go too")
  func staleTables() throws {
    let (machine, stream) = try nested()
    #expect(machine.output(Self.input) == 0x4200_0000)
    let other = Tables(machine, .kib4, inputBits: 40, offset: Stream.offset)
    stream.stage2.map(Self.ipa + 0x1000, to: 0x4300_0000, stage2Leaf)
    other.map(Self.input, to: Self.ipa + 0x1000, stage1Leaf)
    let place = PA(stream.low.place(Self.input, 2))
    machine.memory.store64(place, machine.memory.load64(PA(other.place(Self.input, 2))) ?? 0)
    machine.send(page(.tlbiNHVA, Self.input, leaf: true))
    #expect(machine.output(Self.input) == 0x4200_0000)
    machine.send(page(.tlbiNHVA, Self.input, leaf: false))
    #expect(machine.output(Self.input) == 0x4300_0000)
  }

  @Test("an STE and a CD stay stale until their own invalidation, also when invalid at first")
  func staleConfiguration() throws {
    let (machine, stream) = try nested()
    #expect(machine.output(Self.input) == 0x4200_0000)
    var changed = stream
    changed.context[.valid] = false
    changed.install()
    #expect(machine.output(Self.input) == 0x4200_0000)
    machine.send(command(.invalidateContext) { $0[.substream] = 5 })
    #expect(machine.output(Self.input) == 0x4200_0000)
    machine.send(command(.invalidateContext))
    #expect(machine.output(Self.input) == nil)
    stream.install()
    #expect(machine.output(Self.input) == nil, "the invalid CD is cached as well")
    machine.send(command(.invalidateContexts))
    #expect(machine.output(Self.input) == 0x4200_0000)
    changed.entry[.config] = .abort
    changed.install()
    machine.send(command(.invalidateContext), command(.invalidateStream) { $0[.stream] = 2 })
    changed.context[.valid] = true
    changed.install()
    machine.send(command(.invalidateContext))
    #expect(machine.output(Self.input) == 0x4200_0000, "the STE is cached apart from its CDs")
    machine.send(command(.invalidateStream))
    #expect(machine.access(Self.input) == .aborted)
  }

  @Test("CFGI_STE_RANGE covers 2^(Range+1) streams, and all of them with 31")
  func streamRange() throws {
    for (range, stream, isCovered) in [(UInt8(0), UInt32(1), true), (0, 2, false), (31, 200, true)]
    {
      let machine = try Machine(caches: .strict)
      var entry = StreamTableEntry()
      entry[.valid] = true
      entry[.config] = .bypass
      machine.set(entry, stream: stream)
      #expect(machine.output(0x1000, stream: stream) == 0x1000)
      entry[.config] = .abort
      machine.set(entry, stream: stream)
      machine.send(
        command(.invalidateStreamRange) {
          $0[.stream] = 0
          $0[.streamRange] = range
        })
      #expect((machine.output(0x1000, stream: stream) == nil) == isCovered)
    }
  }

  @Test("a range invalidation drops its pages and no others; TTL and TG narrow it (4.4.1.1)")
  func ranges() throws {
    let machine = try Machine(caches: .strict)
    let stream = Stream(machine, .stage1)
    for index in 0..<16 as Range<UInt64> {
      stream.low.map(0x10_0000 + index << 12, to: 0x4200_0000, stage1Leaf)
      _ = machine.output(0x10_0000 + index << 12)
      stream.low.map(0x10_0000 + index << 12, to: 0x4300_0000, stage1Leaf)
    }
    func moved() -> [Bool] {
      (0..<16 as Range<UInt64>).map { machine.output(0x10_0000 + $0 << 12) == 0x4300_0000 }
    }
    func range(granule: UInt8, level: UInt8) -> SMMUCommand {
      command(.tlbiNHVA) {
        $0[.page] = 0x10_4000 >> 12
        $0[.granule] = granule
        $0[.level] = level
        $0[.rangeCount] = 2
        $0[.rangeScale] = 1
        $0[.leaf] = true
      }
    }
    machine.send(range(granule: 2, level: 0), range(granule: 1, level: 2))
    #expect(!moved().contains(true), "another granule, another level")
    machine.send(range(granule: 1, level: 3))
    #expect(moved() == (0..<16).map { (4..<10).contains($0) })
  }

  @Test("with TBI, a range from below a tagged page over the change of tag drops it (4.4.2)")
  func rangeOverTag() throws {
    let machine = try Machine(caches: .strict)
    var stream = Stream(machine, .stage1)
    stream.context[.topByteIgnored0] = true
    stream.install()
    let tagged: UInt64 = 0xc8 << 56 | 0x3000
    stream.low.map(0x3000, to: 0x4200_0000, stage1Leaf)
    #expect(machine.output(tagged) == 0x4200_0000)
    stream.low.map(0x3000, to: 0x4300_0000, stage1Leaf)
    machine.send(
      command(.tlbiNHVA) {
        $0[.page] = (tagged - 0x8000) >> 12
        $0[.granule] = 1
        $0[.rangeCount] = 15
      })
    #expect(machine.output(tagged) == 0x4300_0000)
  }

  @Test("a global page outlives an invalidation by ASID where the geometry shares it")
  func globals() throws {
    for (geometry, survives) in [(SMMUCacheGeometry.strict, true), (.default, false)] {
      let (machine, stream) = try nested(geometry)
      stream.low.map(Self.input, to: Self.ipa, stage1Leaf & ~(1 << 11))
      #expect(machine.output(Self.input) == 0x4200_0000)
      stream.low.map(Self.input, to: 0, 0)
      machine.memory.store64(PA(stream.low.place(Self.input)), 0)
      machine.send(command(.tlbiNHASID))
      #expect((machine.output(Self.input) != nil) == survives)
      machine.send(page(.tlbiNHVA, Self.input))
      #expect(machine.output(Self.input) == nil)
    }
  }

  @Test(
    "with correct invalidations, caches of any size give the answers of no caches",
    arguments: 0..<12)
  func equality(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let tiny = SMMUCacheGeometry(
      streamEntries: 1, contexts: 2, pages: 8, stage2Pages: 4, stage1Tables: 4, stage2Tables: 4,
      ways: 2, sharesGlobalPages: true)
    let (plain, first) = try nested(.none)
    let (cached, second) = try nested(seed % 2 == 0 ? .strict : tiny)
    let inputs = (0..<24).map { _ in Self.input + random.next() % 64 << 12 }
    let ipas = (0..<12).map { _ in Self.ipa + random.next() % 32 << 12 }
    for step in 0..<600 {
      let input = inputs[Int(random.next() % 24)]
      let ipa = ipas[Int(random.next() % 12)]
      let flags = random.next()
      switch random.next() % 6 {
      case 0:
        let leaf = stage1Leaf ^ (flags & (1 << 7 | 1 << 11))
        for stream in [first, second] { stream.low.map(input, to: ipa, leaf) }
        let address = page(.tlbiNHVA, input, leaf: flags & 1 == 0)
        for machine in [plain, cached] { machine.send(address) }
      case 1:
        let leaf = stage2Leaf ^ (flags & (1 << 7)) ^ (flags & 1)
        for stream in [first, second] {
          stream.stage2.map(ipa, to: 0x4200_0000 + flags % 16 << 12, leaf)
        }
        for machine in [plain, cached] {
          machine.send(page(.tlbiS2IPA, ipa), command(.tlbiNHAll))
        }
      default:
        let write = flags & 1 != 0
        let expected = plain.access(input, write: write)
        let got = cached.access(input, write: write)
        #expect(outcome(got) == outcome(expected), "step \(step) of seed \(seed)")
      }
    }
  }

  private func outcome(_ result: TranslationResult) -> [UInt64] {
    switch result {
    case .translated(let page): [0, page.address.rawValue]
    case .faulted(let event, _): [1] + event.words
    default: [2]
    }
  }
}
