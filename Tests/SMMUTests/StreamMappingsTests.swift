import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

@Suite("StreamMappings")
struct StreamMappingsTests {
  static let granules: [TranslationGranule] = [.kib4, .kib16, .kib64]

  /// Where both stages send an address, by their mapping sets.
  private func output(_ mappings: StreamMappings, _ address: UInt64) -> UInt64? {
    var place: UInt64? = address
    for stage in [mappings.stage1, mappings.stage2] {
      if let stage { place = place.flatMap { stage.output(of: $0) } }
    }
    return place
  }

  @Test("a nested stream's sets say of every address what the SMMU says", arguments: granules)
  func agreement(granule: TranslationGranule) throws {
    let machine = try Machine()
    let stream = Stream(machine, .nested, granule)
    let page = UInt64(1) << granule.shift
    stream.low.map(0x12_3456_0000, to: 0x7_0000_0000, level: 2, stage1Leaf)
    stream.low.map(0x800_0000, to: 0x7_0000_0000, stage1Leaf)
    stream.stage2.map(0x7_0000_0000, to: 0x4200_0000, level: 2, stage2Leaf)
    stream.stage2.map(0x800_0000, to: 0x809_0000, stage2Leaf)
    let mappings = machine.smmu.mappings(of: 1, in: machine.memory)
    let stage1 = try #require(mappings.stage1)
    let stage2 = try #require(mappings.stage2)
    #expect(mappings.configuration == .translates)
    #expect(stage1.ranges.map(\.input).sorted() == stage1.ranges.map(\.input))
    #expect(stage2.ranges.contains { $0.input == 0x800_0000 && $0.length == page })
    for range in stage1.ranges + stage2.ranges {
      for address in [
        range.input, range.input &- 1, range.input &+ range.length,
        range.input &+ range.length &- 1,
      ] {
        #expect(output(mappings, address) == machine.output(address), "\(hex(address))")
      }
    }
  }

  @Test("pages that follow each other are one range; a change of offset or permission begins one")
  func ranges() throws {
    let machine = try Machine()
    let stream = Stream(machine, .stage2)
    let readOnly: UInt64 = 1 << 10 | 1 << 6 | 0xf << 2
    for page in 0..<3 as Range<UInt64> {
      stream.stage2.map(0x1000_0000 + page << 12, to: 0x4000_0000 + page << 12, stage2Leaf)
    }
    stream.stage2.map(0x1000_3000, to: 0x5000_0000, stage2Leaf)
    stream.stage2.map(0x1000_4000, to: 0x5000_1000, readOnly)
    let mappings = machine.smmu.mappings(of: 1, in: machine.memory)
    #expect(
      mappings.stage2?.ranges == [
        MappedRange(input: 0x1000_0000, output: 0x4000_0000, length: 0x3000),
        MappedRange(input: 0x1000_3000, output: 0x5000_0000, length: 0x1000),
        MappedRange(
          input: 0x1000_4000, output: 0x5000_1000, length: 0x1000, isWritable: false),
      ])
    #expect(mappings.stage1 == nil)
  }

  @Test("what faults for every access is not mapped: no access flag, an output beyond its size")
  func faulting() throws {
    let machine = try Machine()
    let stream = Stream(machine, .stage1)
    stream.low.map(0x1000, to: 0x4000_0000, stage1Leaf & ~(1 << 10))
    #expect(machine.smmu.mappings(of: 1, in: machine.memory).stage1?.ranges.isEmpty == true)
  }

  @Test("a table that contains itself ends the reading, which says so")
  func endless() throws {
    let machine = try Machine()
    let stream = Stream(machine, .stage2, stage2Bits: 48)
    for index in 0..<512 as Range<UInt64> {
      machine.memory.store64(PA(stream.stage2.root + index * 8), stream.stage2.root | 3)
    }
    let mappings = machine.smmu.mappings(of: 1, in: machine.memory)
    #expect(mappings.stage2?.isComplete == false)
  }

  @Test("an STE that aborts, bypasses or is invalid maps nothing, and that is said")
  func withoutTables() throws {
    let machine = try Machine()
    var entry = StreamTableEntry()
    for (config, isValid, expected) in [
      (StreamConfig.abort, true, StreamMappings.Configuration.aborts),
      (.bypass, true, .bypasses), (.stage1, false, .faults),
    ] {
      entry[.valid] = isValid
      entry[.config] = config
      machine.set(entry)
      let mappings = machine.smmu.mappings(of: 1, in: machine.memory)
      #expect(mappings.configuration == expected)
      #expect(mappings.stage1 == nil && mappings.stage2 == nil)
    }
  }
}
