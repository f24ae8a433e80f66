import ArmFormats
import Bits
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

  private func events(_ text: String) -> [LoggedEvent] { KernelLog(text).events.map(\.event) }

  /// The dump with `shift` added to the fraction of each time stamp.
  private func later(_ shift: Int) -> String {
    dump.replacing("12.3456", with: "12.\(3456 + shift)")
  }

  @Test("a dump of four words is found, with and without its line breaks")
  func rawDump() {
    for text in [dump, dump.split(separator: "\n").joined(separator: " ")] {
      let log = KernelLog(text)
      #expect(log.events.map(\.event.words) == [words])
      #expect(log.events.first?.event.isRaw == true)
      #expect(log.events.first?.report.device == "arm-smmu-v3.0.auto")
      #expect(log.remarks.isEmpty)
    }
  }

  @Test("equal reports of a device are counted, whatever stands between them")
  func repeats() {
    let other = dump.replacing("v3.0.auto", with: "v3.1.auto")
    let log = KernelLog(dump + later(1) + other + later(2))
    #expect(log.events.map(\.report.count) == [3, 1])
    #expect(log.decoded()[0].title.contains("3 times"))
    #expect(log.events[0].report.firstLine == 1 && log.events[0].report.lastLine == 16)
  }

  @Test("the words of two SMMUs that print at once go to their own events, whatever the order")
  func interleaved() {
    let first = dump.split(separator: "\n")
    let second = dump.replacing("v3.0.auto", with: "v3.4.auto")
      .replacing("0000018000000010", with: "0000830800000013").replacing(
        "event 0x10", with: "event 0x13"
      )
      .split(separator: "\n")
    let orders = [
      zip(first, second).flatMap { [$0, $1] }, zip(first, second).flatMap { [$1, $0] },
      [
        first[0], second[0], second[1], first[1], first[2], second[2], second[3], first[3],
        first[4], second[4],
      ],
    ]
    for order in orders {
      let found = KernelLog(order.joined(separator: "\n")).events
      let byDevice = Dictionary(uniqueKeysWithValues: found.map { ($0.report.device, $0.event) })
      #expect(byDevice["arm-smmu-v3.0.auto"]?.words == words)
      #expect(byDevice["arm-smmu-v3.4.auto"]?.record[.stream] == 0x8308)
      #expect(byDevice["arm-smmu-v3.4.auto"]?.record[.kind] == .permission)
    }
  }

  @Test("threads of one SMMU are told apart where the log names them")
  func callers() {
    let lines = [
      "[   12.1][  T101] arm-smmu-v3 s: event 0x10 received:",
      "[   12.1][   C3] arm-smmu-v3 s: CMDQ error (cons 0x01000017): Illegal command",
      "[   12.1][   C3] arm-smmu-v3 s: skipping command in error state:",
      "[   12.1][  T101] arm-smmu-v3 s: \t0x0000018000000010",
      "[   12.1][   C3] arm-smmu-v3 s: \t0x0000004400000040",
      "[   12.1][  T101] arm-smmu-v3 s: \t0x0000020000000000",
      "[   12.1][   C3] arm-smmu-v3 s: \t0x00000000fe000000",
      "[   12.1][  T101] arm-smmu-v3 s: \t0x00000000ffffe040",
      "[   12.1][  T101] arm-smmu-v3 s: \t0x00000000ffffe000",
    ]
    let log = KernelLog(lines.joined(separator: "\n"))
    #expect(log.events.map(\.event.words) == [words])
    let commands = log.reports.compactMap { report -> [UInt64]? in
      guard case .commandQueueError(let error) = report.content else { return nil }
      return error.words
    }
    #expect(commands == [[0x44_0000_0040, 0xfe00_0000]])
  }

  @Test("words seconds after a heading are not its own")
  func late() {
    let text = dump.split(separator: "\n").enumerated().map { index, line in
      index < 2 ? String(line) : String(line.replacing("12.3456", with: "99.3456"))
    }
    let log = KernelLog(text.joined(separator: "\n"))
    #expect(log.events.first?.event.missing == [1, 2, 3])
    #expect(log.strayWords == 3)
  }

  @Test("lines that stand twice are read once")
  func doubled() {
    let lines = dump.split(separator: "\n").flatMap { [$0, $0] }
    let log = KernelLog(lines.joined(separator: "\n"))
    #expect(log.events.map(\.event.words) == [words])
    #expect(log.remarks.isEmpty)
  }

  @Test(
    "the same in every form of logger and console",
    arguments: [
      "[Tue Dec  1 02:17:22 2026] ", "Mar 17 04:41:10 host kernel: ", "<3>[   12.345678] ",
      "Mar 17 04:41:10 host kernel: [   12.345678] ", "2026-03-17T04:41:10+0100 host kernel: ",
      "2026-03-17T04:41:10.123456+01:00 host kernel: ", "2026-03-17T04:41:10,123456+01:00 ",
      "kern  :err   : [   12.345678] ", "3,1234,12345678,-;", "[   12.345678] host kernel: ",
      "Tue 2026-03-17 04:41:10 CET host kernel: ", "[  +0.000003] ", "[   12.345678][  T77] ",
      "> > [   12.345678] ", "\u{1b}[31m[   12.345678] ", "[   12.345678 <    0.000002>] ",
    ])
  func loggers(prefix: String) {
    let text = dump.split(separator: "\n").map { line in
      prefix + line.drop { $0 != "]" }.dropFirst(2) + "\r"
    }
    let log = KernelLog(text.joined(separator: "\n"))
    #expect(log.events.map(\.event.words) == [words], "\(prefix)")
    #expect(log.events.first?.report.device == "arm-smmu-v3.0.auto")
  }

  @Test("a journal in JSON is read")
  func journal() {
    let text = dump.split(separator: "\n").map { line in
      let message = line.drop { $0 != "]" }.dropFirst(2).replacing("\t", with: "\\t")
      return "{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"\(message)\",\"PRIORITY\":\"3\"}"
    }
    #expect(events(text.joined(separator: "\n")).map(\.words) == [words])
  }

  @Test("the driver's own text becomes a record")
  func describedEvent() throws {
    let event = try #require(events(described).first)
    #expect(!event.isRaw)
    #expect(event.client == "0000:01:10.0")
    #expect(
      event.words == [0x0000_0180_0000_5810, 0x0000_118e_8000_0007, 0xffff_e040, 0x0809_0000])
  }

  @Test("text after a dump describes that dump, if it speaks of the same")
  func both() {
    let text = described.replacing("9050000.smmuv3", with: "arm-smmu-v3.0.auto")
    let same = events(dump + text)
    #expect(same.count == 1)
    #expect(same[0].words == words)
    #expect(same[0].client == "0000:01:10.0")
    #expect(events(dump + text.replacing("sid: 0x180", with: "sid: 0x181")).count == 2)
    #expect(events(dump + described).count == 2, "another SMMU's")
  }

  @Test("a device that the driver does not know, and a fetch address")
  func unassigned() {
    let found = events(
      "event: F_STE_FETCH client: (unassigned sid) sid: 0x9 ssid: 0 fetch_addr: 0x1234000")
    #expect(found.first?.client == "(unassigned sid)")
    #expect(found.first?.words == [0x0000_0009_0000_0003, 0, 0, 0x123_4000])
  }

  @Test(
    "a broken dump is decoded as far as it goes, and told",
    arguments: [
      ("event 0x10 received:\n0x0000018000000010\n0x0000020000000000", 1, "2 of its 4 words"),
      ("event 0x10 received:", 0, "no words"),
      ("event 0x04 received: 0x0000018000000010 0x0 0x0 0x0", 1, "announces event 0x4"),
      ("event: UNKNOWN client: x sid: 0x1 ssid: 0", 1, "does not know"),
      (
        "event 0x10 received:\n0x0000018000000010\n0x00000200\n0x00000000ffffe040\n0x0000000000000000",
        1, "3 of its 4"
      ),
    ] as [(String, Int, String)])
  func broken(row: (text: String, events: Int, remark: String)) {
    let log = KernelLog(row.text)
    #expect(log.events.count == row.events)
    #expect(log.remarks.contains { $0.contains(row.remark) }, "\(log.remarks)")
  }

  @Test("a word that was cut is missing, and those behind it stay where they are")
  func torn() {
    let text = dump.replacing("0x0000020000000000", with: "0x00000200")
    let event = events(text).first
    #expect(event?.missing == [1])
    #expect(event?.words[2] == words[2])
  }

  @Test("four words alone are an event; fewer, or of no type, are none")
  func bareWords() {
    let text = words.map { "\t" + hex($0, digits: 16) }
    #expect(events(text.joined(separator: "\n")).map(\.words) == [words])
    #expect(events(text.joined(separator: " ")).map(\.words) == [words])
    #expect(events(text.dropLast().joined(separator: "\n")).isEmpty)
    #expect(events((["\t0x0000000000000099"] + text.dropFirst()).joined(separator: "\n")).isEmpty)
  }

  @Test("other text holds no event")
  func otherText() {
    for text in ["", "event", "event 0x10", "event:", "0x1 0x2 0x3 0x4", "received: event"] {
      #expect(events(text).filter(\.isRaw).isEmpty, "\(text)")
    }
  }

  @Test("command queue errors, time-outs and global errors are decoded")
  func commandQueue() {
    let log = KernelLog(
      """
      [  212.3] arm-smmu-v3 s2: unexpected global error reported (0x00000005), this could be serious
      [  212.3] arm-smmu-v3 s2: CMDQ error (cons 0x0301f4c8): ATC invalidate timeout
      [  213.3] arm-smmu-v3 s2: CMD_SYNC timeout at 0x0001f4c9 [hwprod 0x0001f4d0, hwcons 0x0301f4c8]
      [  213.4] arm-smmu-v3 s2: EVTQ overflow detected -- events lost
      """)
    #expect(
      log.reports.map(\.content) == [
        .globalError(5), .commandQueueError(CommandQueueError(consumer: 0x301_f4c8)),
        .syncTimeout(at: 0x1_f4c9, producer: 0x1_f4d0, consumer: 0x301_f4c8), .eventOverflow,
      ])
    let text = log.decoded().map(\.text).joined(separator: "\n")
    for words in [
      "CERROR_ATC_INV_SYNC", "0x1f4c8", "EVENTQ_ABT_ERR", "8 commands behind", "consequence",
      "CONS does not say which device", "events are lost",
    ] {
      #expect(text.contains(words), "\(words)")
    }
  }

  @Test("context faults of SMMUv2 are told apart from events, and reads from writes")
  func contextFaults() throws {
    let log = KernelLog(
      """
      arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0xffd4a000, fsynr=0x30001, cbfrsynra=0x440, cb=3
      arm-smmu 5000000.iommu: FSR    = 00000402 [Format=2 TF], SID=0x440
      arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x80000008, iova=0x1040, fsynr=0x10, cb=1
      """)
    #expect(log.events.isEmpty && log.reports.count == 2)
    guard case .contextFault(let fault) = log.reports[0].content else { throw Missing() }
    #expect(fault.isTranslation && !fault.isWrite && fault.streamID == 0x440 && fault.bank == 3)
    guard case .contextFault(let other) = log.reports[1].content else { throw Missing() }
    #expect(other.isPermission && other.isWrite && other.streamID == nil)
  }
  private struct Missing: Error {}

  @Test("a global fault joins its second line")
  func globalFault() {
    let line =
      "arm-smmu 5000000.iommu: Blocked unknown Stream ID 0x429; boot with \"arm-smmu.disable_bypass=0\" to allow\n"
      + "arm-smmu 5000000.iommu: \tGFSR 0x80000002, GFSYNR0 0x00000002, GFSYNR1 0x00000429, GFSYNR2 0x00000000\n"
    let log = KernelLog(line + line + line)
    #expect(log.reports.map(\.count) == [3])
    guard case .globalFault(let fault)? = log.reports.first?.content else { return }
    #expect(fault.isUnknownStream && fault.streamID == 0x429)
  }

  @Test(
    "time-outs of the ITS, with two numbers and with three",
    arguments: [
      ("ITS queue timeout (12640 12609)", 12640 as UInt64, 12609 as UInt64),
      ("ITS queue timeout (65440 65504 480)", 65504, 480),
    ])
  func interruptTranslation(row: (line: String, target: UInt64, reached: UInt64)) {
    let log = KernelLog("[    9.6] \(row.line)\n[    9.6] ITS cmd its_build_mapd_cmd failed")
    #expect(
      log.reports.map(\.content) == [
        .itsTimeout(target: row.target, reached: row.reached),
        .itsCommandFailed("its_build_mapd_cmd"),
      ])
    #expect(log.decoded()[1].title.contains("MAPD"))
  }

  @Test("a flood of different events is bounded, and what is left out is counted")
  func bounded() {
    let lines = (0..<5000).map {
      "arm-smmu-v3 s: event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: \(hex(UInt64($0) << 12)) ipa: 0x0"
    }
    let log = KernelLog(lines.joined(separator: "\n"))
    #expect(log.reports.count == 4096)
    #expect(log.left == 904)
  }

  @Test("a failed fetch of a CD or a table is no matter of the doorbell")
  func classes() {
    func advice(_ second: UInt64, _ last: UInt64) -> String {
      RecordKind.event.decode([0x0200_0000_0010, second, 0x800_0040, last]).flatMap(\.next)
        .joined(separator: " ")
    }
    #expect(!advice(0x0080_0000_0000, 0x4021_0000).contains("doorbell"))
    #expect(advice(0x0080_0000_0000, 0x4021_0000).contains("S1ContextPtr"))
    #expect(!advice(0x1180_0000_0000, 0x4037_7000).contains("doorbell"))
    #expect(advice(0x0280_0000_0000, 0x809_0000).contains("0x8090000"))
    #expect(advice(0x0280_0000_0000, 0x809_0000).contains("doorbell"))
  }

  @Test("address 0 and streams without a device are pointed out")
  func zero() {
    let next = RecordKind.event.decode([0x0200_0000_0010, 0x0200_0000_0000, 0x40, 0]).flatMap(
      \.next)
    #expect(next.contains { $0.contains("given no address") })
    let log = KernelLog(
      "arm-smmu-v3 s: event: F_TRANSLATION client: (unassigned sid) sid: 0x9 ssid: 0x0 "
        + "iova: 0x1000 ipa: 0x0")
    let advice = log.decoded().flatMap(\.next).joined(separator: "\n")
    #expect(advice.contains("No device of the SMMU has this StreamID"))
  }
}
