import ArmFormats
import Bits
import Memory
import SMMUFixtures
import TestRandom
import Testing

@testable import SMMU

@Suite("Peer suites")
struct PeerSuiteTests {
  @Test("io-pgtable: empty tables translate nothing; blocks of each size map identity")
  func pageTables() throws {
    for (granule, levels) in [
      (TranslationGranule.kib4, [1, 2, 3]), (.kib16, [2, 3]), (.kib64, [2, 3]),
    ] {
      for config in [StreamConfig.stage1, .stage2] {
        for bits in [32, 36, 40, 42, 44, 48] as [UInt64] {
          let machine = try Machine()
          // 16 KiB tables of 48 bits start at level 1 with two tables side by side.
          let stream = Stream(
            machine, config, granule, stage1Bits: bits, stage2Bits: bits,
            stage2Start: granule == .kib16 && bits == 48 ? 1 : nil)
          let tables = config == .stage1 ? stream.low : stream.stage2
          for address in [42, 1 << 30 + 42, 2 << 30 + 42] as [UInt64] {
            #expect(machine.output(address) == nil)
          }
          for (index, level) in levels.enumerated() where level >= tables.start {
            let address = UInt64(index) << 30
            tables.map(
              address, to: address, level: level, config == .stage1 ? stage1Leaf : stage2Leaf)
            #expect(machine.output(address + 42) == address + 42, "\(granule) \(config) \(bits)")
          }
        }
      }
    }
  }

  /// QEMU's `iommu-smmuv3-test`: both stages walk the same tables at 0x4e4d0000.
  @Test(
    "QEMU's translation test: stage 1, stage 2 and nested reach 0x4ecba567", arguments: [5, 6, 7])
  func qtest(config: UInt8) throws {
    let memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 512 << 20)])
    var smmu = SMMU(profile: .qemu)
    let base: UInt64 = 0x4000_0000
    let leaf: UInt64 = config == 6 ? 0x0400_0000_0000_07e3 : 0x0400_0000_0000_0763
    let input: UInt64 = 0x80_8060_4567
    for (level, table) in [0xe4d_0000, 0xe4d_1000, 0xe4d_2000, 0xe4d_3000].enumerated() {
      let index = input >> UInt64(39 - 9 * level) & 0x1ff
      let next = [0xe4d_1000, 0xe4d_2000, 0xe4d_3000, 0xecb_a000][level]
      let attributes = level == 3 ? leaf : 0x8000_0000_0000_0003
      memory.store64(PA(base + UInt64(table) + index * 8), base + UInt64(next) | attributes)
    }
    if config == 7 { mapIdentity(memory, base) }
    memory.store64(PA(base + 0xe17_9000), 1 | UInt64(config) << 1 | (base + 0xe17_8fc0))
    memory.store64(PA(base + 0xe17_9010), 0x14 << 32 | 2 << 38 | 5 << 48 | 1 << 51)
    memory.store64(PA(base + 0xe17_9018), base + 0xe4d_0000)
    let context: UInt64 =
      0x1e20 << 48 | 1 << 46 | 1 << 45 | 1 << 41 | 4 << 32 | 1 << 31 | 1 << 30 | 16
    memory.store64(PA(base + 0xe17_8fc0), context)
    memory.store64(PA(base + 0xe17_8fc8), base + 0xe4d_0000)
    smmu.writeRegister(0x80, base + 0xe17_9000, width: 8, memory: memory)
    smmu.writeRegister(0x88, 5, width: 4, memory: memory)
    smmu.writeRegister(0x20, 1, width: 4, memory: memory)
    let result = smmu.translate(
      Transaction(streamID: 0, address: IOVA(input), isWrite: true, isPrivileged: true),
      in: memory)
    guard case .translated(let page) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(page.address == 0x4ecb_a567)
  }

  /// The quirk of that test: stage 2 shares the tables, with identity leaves for what it needs.
  private func mapIdentity(_ memory: PhysicalMemory, _ base: UInt64) {
    var next = base + 0xe50_0000
    let pages = [0xe4d_0000, 0xe4d_1000, 0xe4d_2000, 0xe4d_3000, 0xecb_a000, 0xe17_8000]
    for page in pages.map({ base + UInt64($0) }) {
      var table = base + 0xe4d_0000
      for level in 0..<4 {
        let place = PA(table + (page >> UInt64(39 - 9 * level) & 0x1ff) * 8)
        if level == 3 { memory.store64(place, page | 0x7e3) }
        let word = memory.load64(place) ?? 0
        if level < 3 && word & 1 == 0 {
          memory.store64(place, next | 3)
          table = next
          next += 0x1000
        } else {
          table = word & 0xffff_ffff_f000
        }
      }
    }
  }

  @Test("garbage in every structure, register and command neither crashes nor hangs")
  func garbage() throws {
    var random = SplitMix(state: 99)
    for round in 0..<40 {
      let machine = try Machine(
        round % 2 == 0 ? .full : .qemu, round % 3 == 0 ? .qemu11 : .architecture,
        caches: round % 5 == 0 ? .none : .strict)
      var stream = Stream(machine, .nested)
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
      for _ in 0..<200 {
        switch random.next() % 6 {
        case 0: stream.entry[word: Int(random.next() % 4)] ^= 1 << (random.next() % 64)
        case 1: stream.context[word: Int(random.next() % 4)] ^= 1 << (random.next() % 64)
        case 2:
          machine.memory.store64(PA(0x4100_0000 + random.next() % 0x2_0000 & ~7), random.next())
        case 3:
          var command = SMMUCommand(words: [random.next(), random.next()])
          command[.opcode] = SMMUOpcode(rawValue: UInt8(random.next() % 0x48))
          machine.send(command)
          machine.write(SMMURegister.globalErrorAcknowledge, machine.read(0x60))
        case 4: machine.write(random.next() % 0x40 * 4, random.next())
        default: stream.install()
        }
        let kinds: [Transaction.Kind] = [.untranslated, .translated, .translationRequest]
        _ = machine.access(
          random.next() & (random.next() % 2 == 0 ? 0xf000 : .max), write: random.next() % 2 == 0,
          substream: random.next() % 3 == 0 ? UInt32(random.next() % 8) : nil,
          kind: kinds[Int(random.next() % 3)])
        while machine.smmu.nextDeviceMessage() != nil {}
        while machine.smmu.nextOutgoingMessage() != nil {}
      }
      #expect(machine.read(SMMURegister.idr0) != 0)
    }
  }
}
