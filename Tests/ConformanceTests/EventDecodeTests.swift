import ArmFormats
import Bits
import Inspect
import Testing

/// Real event records from public reports, and what must be said of them.
@Suite("Event decoding")
struct EventDecodeTests {
  private func decode(_ words: [UInt64], its: [UInt64] = []) -> DecodedRecord {
    var context = DecodeContext()
    context.itsBases = its
    return RecordKind.event.decode(words, context: context)[0]
  }

  private func value(_ name: String, of record: DecodedRecord) -> UInt64? {
    record.fields.first { $0.name == name }?.value
  }

  private func pointsAtDoorbell(_ record: DecodedRecord) -> Bool {
    record.next.contains { $0.contains("GITS_TRANSLATER") }
  }

  @Test("EVT-01: a doorbell that the guest never mapped, with TTRnW set beside CLASS IN")
  func hns3() {
    let record = decode([
      0x0000_7d12_0000_0010, 0x0000_1200_0000_007c, 0x0000_0000_fffe_f040, 0x0000_0000_fffe_f000,
    ])
    #expect(record.title == "event F_TRANSLATION")
    #expect(value("StreamID", of: record) == 0x7d12)
    #expect(value("S2", of: record) == 0)
    #expect(value("RnW", of: record) == 0)
    #expect(value("CLASS", of: record) == 2)
    #expect(value("STAG", of: record) == 0x7c)
    #expect(value("Stall", of: record) == 0)
    #expect(value("TTRnW", of: record) == 1)
    #expect(value("InputAddr", of: record) == 0xfffe_f040)
    #expect(pointsAtDoorbell(record))
    #expect(record.next.contains { $0.contains("not mapped at stage 1") })
  }

  @Test("EVT-02: a bit that no field names does not break the decoder, and is told")
  func ixgbe() {
    let record = decode([
      0x0000_0180_0000_0010, 0x0000_0201_0000_0000, 0x0000_0000_ffff_e040, 0x0000_0000_ffff_e000,
    ])
    #expect(record.title == "event F_TRANSLATION")
    #expect(value("StreamID", of: record) == 0x180)
    #expect(value("RnW", of: record) == 0)
    #expect(value("CLASS", of: record) == 2)
    #expect(pointsAtDoorbell(record))
    #expect(record.notes.contains { $0.contains("bit 96") })
  }

  @Test("EVT-05: a privileged read is no doorbell; a missing word is told")
  func imx95() {
    let record = decode([0x0000_0011_0000_0010, 0x0000_020a_0000_0000, 0x0000_0000_9b0c_c000])
    #expect(value("StreamID", of: record) == 0x11)
    #expect(value("RnW", of: record) == 1)
    #expect(value("PnU", of: record) == 1)
    #expect(value("CLASS", of: record) == 2)
    #expect(!pointsAtDoorbell(record))
    #expect(record.notes.contains { $0.contains("3 of 4 words") })
  }

  @Test(
    "EVT-07: a write fault at a doorbell's offset names the stage, and a known ITS by its base",
    arguments: [
      (stage2: false, its: [], text: "not mapped at stage 1"),
      (stage2: true, its: [], text: "not mapped at stage 2"),
      (stage2: true, its: [0x808_0000], text: "GITS_TRANSLATER of the ITS at 0x8080000"),
    ] as [(stage2: Bool, its: [UInt64], text: String)])
  func doorbell(row: (stage2: Bool, its: [UInt64], text: String)) {
    var event = EventRecord()
    event[.kind] = .translation
    event[.faultClass] = .input
    event[.stage2] = row.stage2
    event[.inputAddress] = 0x809_0040
    event[.ipa] = 0x8090
    let record = decode(event.words, its: row.its)
    #expect(record.next.contains { $0.contains(row.text) })
  }

  @Test("EVT-07: reads, other offsets and configuration errors are no doorbells")
  func noDoorbell() {
    var event = EventRecord()
    event[.kind] = .translation
    event[.inputAddress] = 0x809_0040
    event[.read] = true
    #expect(!pointsAtDoorbell(decode(event.words)))
    event[.read] = false
    event[.inputAddress] = 0x809_0080
    #expect(!pointsAtDoorbell(decode(event.words)))
    event[.kind] = .badStreamEntry
    event[.inputAddress] = 0x809_0040
    #expect(!pointsAtDoorbell(decode(event.words)))
  }

  @Test("a doorbell mapped without write permission is a matter of the mapping's flags")
  func readOnlyDoorbell() {
    var event = EventRecord()
    event[.kind] = .permission
    event[.faultClass] = .input
    event[.inputAddress] = 0x800_0040
    #expect(decode(event.words).next.contains { $0.contains("without write permission") })
  }

  @Test(
    "EVT-08: every event that the manual defines has its name",
    arguments: [
      (0x01, "F_UUT"), (0x02, "C_BAD_STREAMID"), (0x03, "F_STE_FETCH"), (0x04, "C_BAD_STE"),
      (0x05, "F_BAD_ATS_TREQ"), (0x06, "F_STREAM_DISABLED"), (0x07, "F_TRANSL_FORBIDDEN"),
      (0x08, "C_BAD_SUBSTREAMID"), (0x09, "F_CD_FETCH"), (0x0a, "C_BAD_CD"),
      (0x0b, "F_WALK_EABT"), (0x10, "F_TRANSLATION"), (0x11, "F_ADDR_SIZE"), (0x12, "F_ACCESS"),
      (0x13, "F_PERMISSION"), (0x20, "F_TLB_CONFLICT"), (0x21, "F_CFG_CONFLICT"),
      (0x24, "E_PAGE_REQUEST"), (0x25, "F_VMS_FETCH"),
    ] as [(UInt64, String)])
  func names(row: (code: UInt64, name: String)) {
    let record = decode([row.code, 0, 0, 0])
    #expect(record.title == "event \(row.name)")
    #expect(record.fields[0].meaning.hasPrefix("\(row.name): "))
  }

  @Test("EVT-08: every other code is called unknown")
  func unknown() {
    let known: Set<UInt64> = [
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x24, 0x25,
    ]
    for code in (0...0xff as ClosedRange<UInt64>) where !known.contains(code) {
      let record = decode([code, 0, 0, 0])
      #expect(record.title.contains("unknown"), "\(hex(code))")
      #expect(record.fields[0].meaning.contains("unknown"), "\(hex(code))")
    }
  }
}
