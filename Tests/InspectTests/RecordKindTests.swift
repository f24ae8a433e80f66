import ArmFormats
import Bits
import Inspect
import Testing

@Suite("RecordKind")
struct RecordKindTests {
  /// Words of every kind from a fixed sequence.
  private func words(_ kind: RecordKind, _ state: inout UInt64) -> [UInt64] {
    (0..<kind.wordCount).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return kind == .lpiConfig ? state >> 56 : state ^ state >> 29
    }
  }

  @Test("any words decode, and no bit is lost: fields and remarks cover them all")
  func anyWords() {
    var state: UInt64 = 1
    for kind in RecordKind.allCases {
      for _ in 0..<300 {
        let words = words(kind, &state)
        for record in kind.decode(words) {
          #expect(record.words.elementsEqual(words.prefix(record.words.count)))
          #expect(!record.fields.isEmpty, "\(record.title)")
          #expect(!record.text.isEmpty)
        }
      }
    }
  }

  @Test("all ones and all zeros decode")
  func extremes() {
    for kind in RecordKind.allCases {
      for word in [0, kind == .lpiConfig ? 0xff : UInt64.max] {
        let records = kind.decode(Array(repeating: word, count: kind.wordCount))
        #expect(records.allSatisfy { !$0.text.isEmpty })
      }
    }
  }

  @Test(
    "fields have the values and the meanings of the manual",
    arguments: [
      (.ste, [0xf], "Config", "stage 1 and stage 2"),
      (.ste, [0x1], "Config", "abort, without an event"),
      (.ste, [0x4011_100f], "S1ContextPtr", "CD or CD table at IPA 0x40111000"),
      (.ste, [0xd, 0, 0x44c_3594_0000_0001], "S2T0SZ", "IPAs of 44 bits"),
      (.cd, [0x0001_e204_c000_3510], "T0SZ", "TTB0 covers the low 2^48 bytes"),
      (.cd, [0x0001_e204_c000_3510], "EPD1", "no walks: F_TRANSLATION"),
      (.l1std, [0x4096_0009], "Span", "second-level table of 256 STEs"),
      (.l1std, [0x4096_000c], "Span", "reserved: C_BAD_STREAMID"),
      (.command, [0x46 | 1 << 12, 0x809_0040], "MSIAddress", "message to PA 0x8090040"),
      (.command, [0x04, 31], "Range", "all StreamIDs"),
      (.itsCommand, [0x18_0000_000a, 0x25aa_0000_0001, 0xb], "pINTID", "LPI 9642"),
      (.itsCommand, [0x18_0000_000a, 0x10_0000_0001, 0xb], "pINTID", "not an LPI"),
      (.itsCommand, [0xa0_0000_0008, 5, 0x8000_0000_5555_c000], "ITT_addr", "0x5555c000"),
      (.dte, [0x1_0000_0005], "Size", "3 EventID bits"),
      (.ite, [0x5_0000_9cfb, 1023], "Doorbell", "none"),
      (.lpiConfig, [0xa3], "Priority", "priority 0xa0"),
      (.riscvContext, [1, 9 << 60 | 0x80010], "iohgatp.MODE", "Sv48x4"),
      (.riscvContext, [0x21, 0, 0, 3 << 60], "fsc.MODE", "PD20"),
      (.riscvMessage, [0x9000407], "M", "basic"),
      (.riscvMessage, [0x9000407], "PPN", "0x24001000"),
      (.riscvFault, [262 | 3 << 34 | 0x10 << 40, 0, 0x2800_0000], "CAUSE", "MSI PTE not valid"),
      (.riscvFile, [0x20, 0x20], "pending", "identities 0 to 63"),
      (.vtdInterrupt, [0xfd0b01, 0x41200], "IM", "remapped"),
      (.vtdInterrupt, [0xfd0b01, 0x41200], "SVT", "requester ID against SID"),
      (.vtdFault, [0x11e_0000_0000_0000, 0x8000_0022_0000_1200], "FI", "index 286"),
      (.vtdPASID, [0xc9], "PGTT", "nested"),
      (.amdDevice, [1, 0, 0x2000_0000_0283_d00f], "IntTabLen", "128 entries"),
      (.amdEvent, [0x2000_0000_0000_0018], "EventCode", "IO_PAGE_FAULT"),
    ] as [(RecordKind, [UInt64], String, String)])
  func meanings(row: (kind: RecordKind, words: [UInt64], field: String, meaning: String)) throws {
    let record = row.kind.decode(row.words)[0]
    let field = try #require(record.fields.first { $0.name == row.field })
    #expect(field.meaning.contains(row.meaning), "\(field.meaning)")
  }

  @Test(
    "a descriptor is what its level makes of it",
    arguments: [
      (0x4000_0003, 2, 4, "table"), (0x4000_0003, 3, 4, "page"), (0x4000_0001, 2, 4, "block"),
      (0x4000_0001, 0, 4, "reserved"), (0x4000_0001, 1, 64, "reserved"),
      (0x4000_0001, 3, 4, "reserved"), (0x4000_0002, 1, 4, "invalid"),
    ] as [(UInt64, Int, Int, String)])
  func descriptors(row: (word: UInt64, level: Int, granule: Int, shape: String)) throws {
    let context = try DecodeContext(
      itsBases: [], stage: 1, level: row.level, granuleKiB: row.granule)
    let record = RecordKind.descriptor.decode([row.word], context: context)[0]
    #expect(record.summary.hasPrefix(row.shape))
  }

  @Test("unknown opcodes say unknown")
  func unknownOpcodes() {
    for code in [0, 0x07, 0x55, 0xff] as [UInt64] {
      #expect(RecordKind.command.decode([code, 0])[0].title.contains("unknown"))
      #expect(RecordKind.itsCommand.decode([code | 0x40])[0].title.contains("unknown"))
    }
  }
}
