import ArmFormats
import Bits
import Testing

@Suite("SMMU records")
struct SMMURecordTests {
  /// The pairs of fields of a record that share a bit.
  func overlaps<Record: WordRecord>(_ fields: [FieldDescription<Record>]) -> [String] {
    var found: [String] = []
    for (index, field) in fields.enumerated() {
      for other in fields[..<index] where other.word == field.word && other.mask & field.mask != 0 {
        found.append("\(other.name) and \(field.name)")
      }
    }
    return found
  }

  @Test("no two fields of a record overlap")
  func noOverlap() {
    #expect(overlaps(StreamTableEntry.fields).isEmpty)
    #expect(overlaps(StreamTableDescriptor.fields).isEmpty)
    #expect(overlaps(ContextDescriptor.fields).isEmpty)
    #expect(overlaps(ContextTableDescriptor.fields).isEmpty)
    #expect(overlaps(TranslationDescriptor.fields).isEmpty)
    #expect(overlaps(TranslationDescriptor.stage2Fields).isEmpty)
    #expect(overlaps(PageRequestRecord.fields).isEmpty)
    #expect(overlaps(SMMUFeatures0.fields).isEmpty)
    #expect(overlaps(SMMUFeatures1.fields).isEmpty)
    #expect(overlaps(SMMUFeatures3.fields).isEmpty)
    #expect(overlaps(SMMUFeatures5.fields).isEmpty)
  }

  @Test("no two fields of one command or one event overlap, whatever the type")
  func noOverlapByType() {
    for code in UInt8.min...UInt8.max {
      #expect(overlaps(SMMUCommand(SMMUOpcode(rawValue: code)).layout).isEmpty, "command \(code)")
      var event = EventRecord()
      event[.kind] = EventKind(rawValue: code)
      #expect(overlaps(event.layout).isEmpty, "event \(code)")
    }
  }

  @Test(
    "each STE field sits where IHI 0070 5.2 puts it",
    arguments: [
      ("V", 0, 0x1), ("Config", 0, 0xe), ("S1Fmt", 0, 0x30),
      ("S1ContextPtr", 0, 0x00ff_ffff_ffff_ffc0), ("S1CDMax", 0, 0xf800_0000_0000_0000),
      ("S1DSS", 1, 0x3), ("MEV", 1, 1 << 19), ("S2FWB", 1, 1 << 25), ("S1STALLD", 1, 1 << 27),
      ("EATS", 1, 3 << 28), ("STRW", 1, 3 << 30), ("SHCFG", 1, 3 << 44), ("PRIVCFG", 1, 3 << 48),
      ("INSTCFG", 1, 3 << 50), ("S2VMID", 2, 0xffff), ("S2T0SZ", 2, 0x3f << 32),
      ("S2SL0", 2, 3 << 38), ("S2TG", 2, 3 << 46), ("S2PS", 2, 7 << 48), ("S2AA64", 2, 1 << 51),
      ("S2ENDI", 2, 1 << 52), ("S2AFFD", 2, 1 << 53), ("S2PTW", 2, 1 << 54), ("S2HD", 2, 1 << 55),
      ("S2HA", 2, 1 << 56), ("S2S", 2, 1 << 57), ("S2R", 2, 1 << 58),
      ("S2TTB", 3, 0x000f_ffff_ffff_fff0),
    ] as [(String, Int, UInt64)])
  func streamEntry(name: String, word: Int, mask: UInt64) throws {
    let field = try #require(StreamTableEntry.fields.first { $0.name == name })
    #expect(field.word == word)
    #expect(field.mask == mask)
  }

  @Test(
    "each CD field sits where IHI 0070 5.4 puts it",
    arguments: [
      ("T0SZ", 0, 0x3f), ("TG0", 0, 0xc0), ("EPD0", 0, 1 << 14), ("ENDI", 0, 1 << 15),
      ("T1SZ", 0, 0x3f << 16), ("TG1", 0, 3 << 22), ("EPD1", 0, 1 << 30), ("V", 0, 1 << 31),
      ("IPS", 0, 7 << 32), ("AFFD", 0, 1 << 35), ("TBI0", 0, 1 << 38), ("TBI1", 0, 1 << 39),
      ("AA64", 0, 1 << 41), ("HD", 0, 1 << 42), ("HA", 0, 1 << 43), ("S", 0, 1 << 44),
      ("R", 0, 1 << 45), ("A", 0, 1 << 46), ("ASET", 0, 1 << 47), ("ASID", 0, 0xffff << 48),
      ("HAD0", 1, 2), ("TTB0", 1, 0x000f_ffff_ffff_fff0), ("TTB1", 2, 0x000f_ffff_ffff_fff0),
      ("MAIR", 3, .max),
    ] as [(String, Int, UInt64)])
  func contextDescriptor(name: String, word: Int, mask: UInt64) throws {
    let field = try #require(ContextDescriptor.fields.first { $0.name == name })
    #expect(field.word == word)
    #expect(field.mask == mask)
  }

  @Test(
    "each field of a translation fault sits where IHI 0070 7.3 puts it",
    arguments: [
      ("Type", 0, 0xff), ("SSV", 0, 1 << 11), ("SubstreamID", 0, 0xffff_f000),
      ("StreamID", 0, 0xffff_ffff_0000_0000), ("STAG", 1, 0xffff), ("Stall", 1, 1 << 31),
      ("PnU", 1, 1 << 33), ("InD", 1, 1 << 34), ("RnW", 1, 1 << 35), ("S2", 1, 1 << 39),
      ("CLASS", 1, 3 << 40), ("TTRnW", 1, 1 << 44), ("InputAddr", 2, .max),
      ("IPA", 3, 0x00ff_ffff_ffff_f000),
    ] as [(String, Int, UInt64)])
  func event(name: String, word: Int, mask: UInt64) throws {
    let field = try #require(EventRecord.fields.first { $0.name == name })
    #expect(field.word == word)
    #expect(field.mask == mask)
  }

  @Test("every command of the manual names its operands; reserved opcodes have none")
  func commandLayouts() {
    let names = SMMUCommand(.tlbiNHVA).layout.map(\.name)
    #expect(
      names == [
        "Opcode", "SSec", "NUM", "SCALE", "VMID", "ASID", "Leaf", "TTL", "TG", "Address",
      ])
    #expect(SMMUCommand(SMMUOpcode(rawValue: 0x47)).layout.count == 2)
    #expect(SMMUOpcode.sync.description == "CMD_SYNC")
    #expect(SMMUOpcode(rawValue: 0x47).description == "unknown command 0x47")
    #expect(EventKind(rawValue: 0x77).description == "unknown event 0x77")
  }

  @Test("a 64 KiB descriptor keeps address bits [51:48] in bits [15:12]")
  func wideAddress() {
    let word = TranslationDescriptor(rawValue: 0x0000_1234_5670_9003)
    #expect(word.outputAddress(.kib64) == 0x0009_1234_5670_0000)
    #expect(word.outputAddress(.kib4) == 0x0000_1234_5670_9000)
  }

  @Test("a span of n points at 2^(n-1) STEs, aligned to their size")
  func span() {
    var descriptor = StreamTableDescriptor(rawValue: 0x4020_7fc9)
    #expect(descriptor[.span] == 9)
    #expect(descriptor.tableAddress == 0x4020_4000)
    descriptor[.span] = 1
    #expect(descriptor.tableAddress == 0x4020_7fc0)
  }
}
