import Inspect
import Testing

@Suite("KernelLog")
struct KernelLogTests {
  private let words: [UInt64] = [
    0x0000_0180_0000_0010, 0x0000_0200_0000_0000, 0xffff_e040, 0xffff_e000,
  ]
  private let dump = """
    [   12.345678] arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:
    [   12.345680] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000018000000010
    [   12.345681] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000020000000000
    [   12.345682] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x00000000ffffe040
    [   12.345683] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x00000000ffffe000

    """
  private let described = """
    arm-smmu-v3 9050000.smmuv3: event: F_TRANSLATION client: 0000:01:10.0 sid: 0x180 ssid: 0x5 \
    iova: 0xffffe040 ipa: 0x8090000
    arm-smmu-v3 9050000.smmuv3: priv inst read s2 "Stage 1 translation table fetch" ttd_read \
    stall stag: 0x7

    """

  @Test("a dump of four words is found, with and without its line breaks")
  func rawDump() {
    for text in [dump, dump.split(separator: "\n").joined(separator: " ")] {
      let log = KernelLog(text)
      #expect(log.events.map(\.words) == [words])
      #expect(log.events[0].isRaw)
      #expect(log.remarks.isEmpty)
    }
  }

  @Test("equal neighbours are counted")
  func repeats() {
    let log = KernelLog(dump + dump + dump)
    #expect(log.events.count == 1)
    #expect(log.events[0].count == 3)
    #expect(log.decoded()[0].title.contains("3 times"))
  }

  @Test("the driver's own text becomes a record")
  func describedEvent() throws {
    let log = KernelLog(described)
    let event = try #require(log.events.first)
    #expect(!event.isRaw)
    #expect(event.client == "0000:01:10.0")
    #expect(
      event.words == [0x0000_0180_0000_5810, 0x0000_118e_8000_0007, 0xffff_e040, 0x0809_0000])
  }

  @Test("text after a dump describes that dump")
  func both() {
    let log = KernelLog(dump + described)
    #expect(log.events.count == 1)
    #expect(log.events[0].words == words)
    #expect(log.events[0].client == "0000:01:10.0")
  }

  @Test("a device that the driver does not know, and a fetch address")
  func unassigned() {
    let log = KernelLog(
      "event: F_STE_FETCH client: (unassigned sid) sid: 0x9 ssid: 0 fetch_addr: 0x1234000")
    #expect(log.events.first?.client == "(unassigned sid)")
    #expect(log.events.first?.words == [0x0000_0009_0000_0003, 0, 0, 0x123_4000])
  }

  @Test("an overflow of the event queue is told: what is lost may matter most")
  func overflow() {
    let log = KernelLog(dump + "arm-smmu-v3: EVTQ overflow detected -- events lost\n")
    #expect(log.overflows == 1)
    #expect(log.notes.contains { $0.contains("events are lost") })
  }

  @Test(
    "a broken dump is decoded as far as it goes, and told",
    arguments: [
      ("event 0x10 received:\n0x0000018000000010\n0x0000020000000000", 1, "2 of its 4 words"),
      ("event 0x10 received:", 0, "no words"),
      ("event 0x04 received: 0x0000018000000010 0x0 0x0 0x0", 1, "announces event 0x4"),
      ("event: UNKNOWN client: x sid: 0x1 ssid: 0", 1, "does not know"),
    ] as [(String, Int, String)])
  func broken(row: (text: String, events: Int, remark: String)) {
    let log = KernelLog(row.text)
    #expect(log.events.count == row.events)
    #expect(log.remarks.contains { $0.contains(row.remark) }, "\(log.remarks)")
  }

  @Test("other text holds no event")
  func otherText() {
    for text in ["", "event", "event 0x10", "event:", "0x1 0x2 0x3 0x4", "received: event"] {
      #expect(KernelLog(text).events.filter(\.isRaw).isEmpty, "\(text)")
    }
  }
}
