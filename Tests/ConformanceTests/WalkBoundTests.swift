import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import TestRandom
import Testing

/// However memory looks, a translation reads a bounded number of descriptors.
@Suite("Walk bounds")
struct WalkBoundTests {
  /// L1STD, STE; L1CD and CD, each behind a stage 2 walk; four stage 1 levels, each behind one;
  /// the output behind one. A stage 2 walk reads four.
  static let nested = 2 + 2 * (4 + 1) + 4 * (4 + 1) + 4

  /// A word that looks like a descriptor of a table, a block or a page of RAM, most of the time.
  private func word(_ random: inout SplitMix) -> UInt64 {
    let bits = random.next()
    guard bits & 7 != 0 else { return random.next() }
    let place = Machine.ram + (bits >> 8) % (32 << 20) & ~0xfff
    let offset: UInt64 = bits & 8 != 0 ? Stream.offset : 0
    let attributes: UInt64 = bits & 16 != 0 ? 0x7c0 : bits & 0x7fc
    return place + offset | attributes | (bits & 0x60 != 0 ? 3 : 1)
  }

  @Test("no translation of random memory reads more than a nested walk of full depth")
  func bounded() throws {
    var random = SplitMix(state: 5)
    var deepest = 0
    for granule in [TranslationGranule.kib4, .kib16, .kib64] {
      for config in [StreamConfig.stage1, .stage2, .nested] {
        for round in 0..<6 {
          let machine = try Machine(caches: round % 2 == 0 ? .none : .strict)
          var stream = Stream(
            machine, config, granule, stage1Bits: 48, stage2Bits: 48,
            stage2Start: granule == .kib16 ? 1 : nil)
          stream.context[.hardwareAccess] = round % 3 == 0
          stream.context[.hardwareDirty] = round % 3 == 0
          stream.entry[.stage2HardwareAccess] = round % 3 == 1
          stream.entry[.stage2AccessFaultDisabled] = round % 3 == 2
          if round >= 3 {
            stream.entry[.substreamBits] = 10
            stream.entry[.contextTableFormat] = 1
            stream.entry[.defaultSubstream] = .substream0
          }
          stream.install()
          // Tables hold random words; also those that stage 1 tables and CDs are reached by.
          for _ in 0..<60_000 {
            let place = 0x4100_0000 + random.next() % 0x20_0000 & ~7
            if round % 2 == 0 || place >> 12 != stream.contextPlace >> 12 {
              machine.memory.store64(PA(place), word(&random))
            }
          }
          stream.install()
          for _ in 0..<200 {
            let access = Transaction(
              streamID: 1, substreamID: random.next() % 2 == 0 ? nil : 0,
              address: IOVA(random.next() >> (random.next() % 40)), isWrite: random.next() % 2 == 0)
            var log = TranslationLog()
            _ = machine.smmu.translate(access, in: machine.memory, observer: &log)
            deepest = max(deepest, log.reads.count)
            #expect(log.reads.count <= Self.nested)
          }
          #expect(machine.read(SMMURegister.eventQueueProducer) < 0xffff_ffff)
        }
      }
    }
    #expect(deepest >= 9, "the memory was not random enough to walk: \(deepest)")
  }

  @Test("tables that point at themselves end after the last level, at either stage and nested")
  func loops() throws {
    for granule in [TranslationGranule.kib4, .kib16, .kib64] {
      for config in [StreamConfig.stage1, .stage2, .nested] {
        let machine = try Machine()
        let stream = Stream(
          machine, config, granule, stage1Bits: 48, stage2Bits: 48,
          stage2Start: granule == .kib16 ? 1 : nil)
        let tables = config == .stage2 ? stream.stage2 : stream.low
        let size = UInt64(1) << granule.shift
        let loop = machine.table(granule.shift)
        for place in stride(from: loop, to: loop + size, by: 8) {
          machine.memory.store64(PA(place), (loop + tables.offset) | 0x743)
        }
        let start = tables.place(0x1234_5678, tables.start)
        machine.memory.store64(PA(start), (loop + tables.offset) | 0x743)
        var log = TranslationLog()
        _ = machine.smmu.translate(
          Transaction(streamID: 1, address: 0x1234_5678, isWrite: false), in: machine.memory,
          observer: &log)
        #expect(log.reads.count <= Self.nested)
        let own = log.reads.filter {
          switch $0.step {
          case .stage1: config != .stage2
          case .stage2: config == .stage2
          default: false
          }
        }
        #expect(own.count == 4 - tables.start, "\(granule) \(config)")
      }
    }
  }
}
