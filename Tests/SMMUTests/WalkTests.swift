import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("Walks")
struct WalkTests {
  static let sizes: [(TranslationGranule, UInt64)] = [
    (.kib4, 48), (.kib4, 40), (.kib4, 39), (.kib4, 31), (.kib4, 25), (.kib16, 48), (.kib16, 47),
    (.kib16, 36), (.kib16, 25), (.kib64, 48), (.kib64, 42), (.kib64, 29), (.kib64, 25),
    (.kib4, 21), (.kib16, 17), (.kib64, 17),
  ]

  @Test("stage 1 walks every granule and start level, pages and blocks", arguments: sizes)
  func stage1(granule: TranslationGranule, bits: UInt64) throws {
    let machine = try Machine()
    let stream = Stream(machine, .stage1, granule, stage1Bits: bits)
    let levels = max(stream.low.start, granule == .kib4 ? 1 : 2)...3
    for (index, level) in levels.enumerated() {
      let shift = stream.low.shift(level)
      let input = (lowBits(bits) >> UInt64(index)) & ~lowBits(12) & ~0x10_0000
      guard bits > shift else { continue }
      stream.low.map(input, to: 0x2000_0000_0000, level: level, stage1Leaf)
      let expected = 0x2000_0000_0000 & ~lowBits(shift) | (input | 0x123) & lowBits(shift)
      guard case .translated(let page) = machine.access(input | 0x123, write: true) else {
        Issue.record("level \(level): \(machine.events().map(\.text))")
        continue
      }
      #expect(page.address.rawValue == expected)
      #expect(UInt64(page.pageShift) == shift)
    }
    if bits < 48 {
      _ = machine.access(1 << bits)
      #expect(machine.events().map { $0[.kind] } == [.translation])
    }
  }

  @Test("stage 2 walks every granule and start level, with concatenated start tables")
  func stage2() throws {
    let cases: [(TranslationGranule, UInt64, Int)] = [
      (.kib4, 48, 0), (.kib4, 44, 0), (.kib4, 43, 1), (.kib4, 40, 1), (.kib4, 34, 2),
      (.kib4, 31, 1), (.kib4, 25, 2), (.kib4, 20, 3), (.kib16, 47, 1), (.kib16, 40, 2),
      (.kib16, 28, 3), (.kib64, 46, 2), (.kib64, 33, 3), (.kib64, 48, 1),
    ]
    for (granule, bits, start) in cases {
      let machine = try Machine()
      let stream = Stream(machine, .stage2, granule, stage2Bits: bits, stage2Start: start)
      let input = lowBits(bits) & ~lowBits(granule.shift)
      stream.stage2.map(input, to: 0x1234_0000_0000, stage2Leaf)
      let output = machine.output(input | 0x10)
      #expect(output == 0x1234_0000_0010, "\(granule) \(bits) bits from level \(start)")
      _ = machine.access(0)
      #expect(
        machine.events().map(\.words) == [[0x1_0000_0010, 0x0288_0000_0000, 0, 0]],
        "\(granule) \(bits) bits from level \(start)")
    }
  }

  @Test("nested walks translate every descriptor, and the smaller page wins")
  func nested() throws {
    for granule in [TranslationGranule.kib4, .kib16, .kib64] {
      let machine = try Machine()
      let stream = Stream(machine, .nested, granule)
      stream.low.map(0x12_3456_0000, to: 0x7_0000_0000, level: 2, stage1Leaf)
      let shift = stream.low.shift(2)
      let ipa = 0x7_0000_0000 & ~lowBits(shift) | 0x12_3456_0000 & lowBits(shift)
      stream.stage2.map(ipa, to: 0x4200_0000, stage2Leaf)
      var log = TranslationLog()
      let result = machine.smmu.translate(
        Transaction(streamID: 1, address: IOVA(0x12_3456_0040), isWrite: false),
        in: machine.memory, observer: &log)
      guard case .translated(let page) = result else {
        Issue.record("\(granule): \(machine.events().map(\.text))")
        continue
      }
      #expect(page.address.rawValue == 0x4200_0000 | 0x12_3456_0040 & lowBits(granule.shift))
      #expect(UInt64(page.pageShift) == granule.shift)
      let stage1 = log.reads.filter { if case .stage1 = $0.step { true } else { false } }.count
      let stage2 = log.reads.filter { if case .stage2 = $0.step { true } else { false } }.count
      let levels = 4 - stream.stage2.start
      #expect(stage2 == levels * (stage1 + 2), "of the CD, of each stage 1 level, of the output")
      #expect(log.reads.first?.step == .streamEntry)
      #expect(log.reads.last?.step == .stage2(level: 3))
      #expect(log.reads.last?.purpose == .output)
    }
  }

  @Test("TTB1 serves addresses with bit 55 set; TBI ignores the top byte")
  func highHalf() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    let high = Tables(machine, .kib4, inputBits: 39)
    stream.context[.walkDisabled1] = false
    stream.context[.inputSize1] = 25
    stream.context[.granule1] = .kib4
    stream.context[.table1] = high.base >> 4
    stream.install()
    high.map(0xffff_ff80_1234_5000, to: 0x4200_0000, stage1Leaf)
    #expect(machine.output(0xffff_ff80_1234_5678) == 0x4200_0678)
    #expect(machine.output(0x00ff_ff80_1234_5678) == nil)
    #expect(machine.output(0xffff_fe80_1234_5678) == nil, "not sign-extended")
    stream.context[.topByteIgnored1] = true
    stream.install()
    #expect(machine.output(0x00ff_ff80_1234_5678) == 0x4200_0678)
    #expect(machine.output(0x12ff_ff80_1234_5678) == 0x4200_0678)
    #expect(machine.output(0x127f_ff80_1234_5678) == nil, "bit 55 selects the other half")
  }

  @Test(
    "AP, XN and PAN decide who may do what at stage 1",
    arguments: [
      // AP[2:1], XN (bit 0 PXN, bit 1 UXN), allowed: pr pw px ur uw ux
      (0b00, 0, 0b111_001), (0b01, 0, 0b110_111), (0b10, 0, 0b101_001), (0b11, 0, 0b101_101),
      (0b00, 1, 0b110_001), (0b01, 2, 0b110_110), (0b11, 3, 0b100_100),
    ] as [(UInt64, UInt64, Int)])
  func permissions(access: UInt64, never: UInt64, allowed: Int) throws {
    let machine = try Machine()
    let stream = Stream(machine, .stage1)
    stream.low.map(0x5000, to: 0x4200_0000, 1 << 10 | access << 6 | never << 53)
    var got = 0
    for privileged in [true, false] {
      for (write, fetch) in [(false, false), (true, false), (false, true)] {
        got <<= 1
        let result = machine.access(
          0x5000, write: write, instruction: fetch, privileged: privileged)
        if case .translated = result { got |= 1 }
      }
    }
    #expect(got == allowed, "got \(String(got, radix: 2))")
  }

  @Test("table permissions restrict what is below, unless HAD ignores them")
  func hierarchy() throws {
    for (table, write, isAllowed) in [
      (UInt64(1) << 62, true, false), (1 << 62, false, true), (1 << 61, false, false),
    ] {
      let machine = try Machine()
      var stream = Stream(machine, .stage1)
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf, tableBits: table)
      #expect((machine.output(0x5000, write: write) != nil) == isAllowed)
      stream.context[.hierarchyDisabled0] = true
      stream.install()
      #expect(machine.output(0x5000, write: write) == 0x4200_0000)
    }
  }

  @Test("a clear access flag faults, is ignored, or is set by hardware, at either stage")
  func accessFlag() throws {
    for config in [StreamConfig.stage1, .stage2] {
      let machine = try Machine()
      var stream = Stream(machine, config)
      let tables = config == .stage1 ? stream.low : stream.stage2
      let leaf = config == .stage1 ? stage1Leaf : stage2Leaf
      tables.map(0x5000, to: 0x4200_0000, leaf & ~(1 << 10))
      #expect(machine.output(0x5000) == nil)
      #expect(machine.events().map { $0[.kind] } == [.access])
      stream.context[.accessFaultDisabled] = true
      stream.entry[.stage2AccessFaultDisabled] = true
      stream.install()
      #expect(machine.output(0x5000) == 0x4200_0000)
      let place = tables.place(0x5000)
      #expect(machine.memory.load64(PA(place)).map { $0 & 1 << 10 } == 0)
      stream.context[.hardwareAccess] = true
      stream.entry[.stage2HardwareAccess] = true
      stream.install()
      #expect(machine.output(0x5000) == 0x4200_0000)
      #expect(machine.memory.load64(PA(place)).map { $0 & 1 << 10 } == 1 << 10)
    }
  }

  @Test("hardware marks a DBM page dirty on the first write, also through a cached clean page")
  func dirtyState() throws {
    for caches in [SMMUCacheGeometry.none, .strict] {
      for config in [StreamConfig.stage1, .stage2] {
        let machine = try Machine(caches: caches)
        var stream = Stream(machine, config)
        stream.context[.hardwareAccess] = true
        stream.context[.hardwareDirty] = true
        stream.entry[.stage2HardwareAccess] = true
        stream.entry[.stage2HardwareDirty] = true
        stream.install()
        let tables = config == .stage1 ? stream.low : stream.stage2
        let clean =
          config == .stage1 ? stage1Leaf | 1 << 7 | 1 << 51 : stage2Leaf & ~(1 << 7) | 1 << 51
        tables.map(0x5000, to: 0x4200_0000, clean)
        #expect(machine.output(0x5000) == 0x4200_0000)
        #expect(machine.memory.load64(PA(tables.place(0x5000))).map { $0 ^ clean } == 0x4200_0003)
        #expect(machine.output(0x5000, write: true) == 0x4200_0000)
        #expect(
          machine.memory.load64(PA(tables.place(0x5000))).map { ($0 ^ clean) & 0x80 } == 0x80)
      }
    }
  }

  @Test("big-endian tables are read where both orders are advertised")
  func bigEndian() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1, stage1Bits: 25)
    stream.context[.bigEndian] = true
    stream.install()
    stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
    for level in 2...3 {
      let place = PA(stream.low.place(0x5000, level))
      guard level == 3 else { continue }
      machine.memory.store64(place, (machine.memory.load64(place) ?? 0).byteSwapped)
    }
    let root = PA(stream.low.place(0x5000, 2))
    machine.memory.store64(root, (machine.memory.load64(root) ?? 0).byteSwapped)
    #expect(machine.output(0x5000) == 0x4200_0000)
  }

  @Test("an output beyond IPS or S2PS is F_ADDR_SIZE, at tables and at leaves")
  func outputSize() throws {
    for config in [StreamConfig.stage1, .stage2] {
      for level in [1, 2, 3] {
        let machine = try Machine()
        var stream = Stream(machine, config)
        stream.context[.outputSize] = .bits36
        stream.entry[.stage2OutputSize] = .bits36
        stream.install()
        let tables = config == .stage1 ? stream.low : stream.stage2
        tables.map(0x5000, to: 0x4200_0000, config == .stage1 ? stage1Leaf : stage2Leaf)
        let place = PA(tables.place(0x5000, level))
        machine.memory.store64(place, (machine.memory.load64(place) ?? 0) | 1 << 36)
        #expect(machine.output(0x5000) == nil)
        #expect(machine.events().map { $0[.kind] } == [.addressSize])
      }
    }
  }

  @Test("reserved descriptors and blocks at levels without blocks are translation faults")
  func reserved() throws {
    for (granule, level) in [(TranslationGranule.kib4, 0), (.kib16, 1), (.kib64, 1), (.kib4, 3)] {
      let machine = try Machine()
      let stream = Stream(machine, .stage1, granule, stage1Bits: 48)
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
      machine.memory.store64(PA(stream.low.place(0x5000, level)), stage1Leaf | 1)
      #expect(machine.output(0x5000) == nil)
      #expect(machine.events().map { $0[.kind] } == [.translation])
    }
  }

  @Test("52-bit addresses work with 64 KiB pages where they are advertised")
  func wideAddresses() throws {
    let machine = try Machine(.full52)
    var stream = Stream(machine, .stage1, .kib64, stage1Bits: 52)
    stream.context[.outputSize] = .bits52
    stream.install()
    let input: UInt64 = 0x000c_1234_5678_0000
    stream.low.map(input, to: 0x5678_0000, stage1Leaf | 0x9000)
    #expect(machine.output(input) == 0x0009_0000_5678_0000)
    #expect(try Machine(.full).output(0) == nil)
  }

  @Test("EL2 streams have one half and no unprivileged level; E2H has both")
  func el2() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.entry[.streamWorld] = .el2
    stream.install()
    stream.low.map(0x5000, to: 0x4200_0000, 1 << 10)
    #expect(machine.output(0x5000, write: true) == 0x4200_0000, "AP[1] is ignored")
    #expect(machine.output(0xffff_ffff_ffff_5000) == nil)
    _ = machine.events()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.cr2, 3)
    machine.write(SMMURegister.cr0, 0xf)
    #expect(machine.output(0x5000) == nil, "E2H checks AP[1]")
    #expect(machine.events().map { $0[.kind] } == [.permission])
  }

  @Test("INSTCFG and PRIVCFG override what the device says; writes are never instructions")
  func overrides() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.low.map(0x5000, to: 0x4200_0000, 1 << 10 | 1 << 54)
    stream.entry[.privilegeConfig] = .set
    stream.entry[.instructionConfig] = .set
    stream.install()
    #expect(machine.output(0x5000) == 0x4200_0000, "a privileged fetch by override")
    stream.entry[.privilegeConfig] = .clear
    stream.install()
    #expect(machine.output(0x5000) == nil)
    #expect(machine.events().map { $0[word: 1] } == [0x0000_020c_0000_0000])
    #expect(machine.output(0x5000, write: true) == nil)
    #expect(machine.events().map { $0[word: 1] } == [0x0000_0200_0000_0000])
  }
}
