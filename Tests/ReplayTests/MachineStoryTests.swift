import Testing

@testable import Replay

@Suite("MachineStory")
struct MachineStoryTests {
  private static let mapped = [
    "gicv3_its_cmd_mapc ITS: command MAPC ICID 0x0 RDbase 0x0 V 1",
    "gicv3_its_cmd_mapc ITS: command MAPC ICID 0x1 RDbase 0x1 V 1",
    "gicv3_its_cmd_mapd ITS: command MAPD DeviceID 0x8 Size 0x1 ITT_addr 0x4094a0 V 1",
    "gicv3_its_cmd_mapti ITS: command MAPTI DeviceID 0x8 EventID 0x0 ICID 0x0 pINTID 0x2000",
  ]
  private static let access =
    "smmuv3_translate_success r sid=0x8 iova=0xfffff040 translated=0x8090040 perm=0x3 stage=1"
  private static let message =
    "gicv3_its_translation_write write: offset 0x40 data 0x0 size 4 requester_id 0x8"

  private func tell(_ lines: [String]) -> MachineStory {
    var story = MachineStory()
    _ = read(Array((Self.mapped + lines).joined(separator: "\n").utf8), into: &story)
    return story
  }

  private static func taken(_ cpu: Int) -> String {
    "gicv3_icc_iar1_read GICv3 ICC_IAR1 read cpu 0x\(cpu) value 0x2000"
  }

  @Test("a message that arrives at the mapped CPU is no reason for a warning")
  func well() throws {
    let story = tell([Self.access, Self.message, Self.taken(0)])
    let device = try #require(story.devices[8])
    #expect(story.warnings == [])
    #expect(
      device.addresses
        == [.init(address: 0xffff_f040, output: 0x809_0040, stage: 1): 1])
    #expect(
      device.vectors[0]?.spans
        == [.init(lpi: 0x2000, collection: 0, cpu: 0, messages: 1, acknowledged: 1)])
  }

  @Test("a move keeps the history of the event")
  func moved() throws {
    let move = "gicv3_its_cmd_movi ITS: command MOVI DeviceID 0x8 EventID 0x0 ICID 0x1"
    let story = tell([Self.message, Self.taken(0), move, Self.message, Self.taken(1)])
    let spans = try #require(story.devices[8]?.vectors[0]).spans
    #expect(spans.map(\.cpu) == [0, 1])
    #expect(spans.map(\.acknowledged) == [1, 1])
    #expect(story.warnings == [])
  }

  @Test("what looks wrong is said")
  func warnings() {
    let discard = "gicv3_its_cmd_discard ITS: command DISCARD DeviceID 0x8 EventID 0x0"
    let off =
      "smmuv3_translate_disable r sid=0x8 bypass (smmu disabled) iova:0xfffff040 is_write=1"
    let table: [([String], String)] = [
      ([Self.message, Self.taken(1)], "acknowledged on a CPU that it was never mapped to"),
      ([Self.message], "the last 1 message not acknowledged"),
      ([Self.message, Self.taken(0), discard, Self.message], "whose mapping was taken away"),
      (
        [Self.message, Self.taken(0), Self.message.replacing("data 0x0", with: "data 0x7")],
        "never mapped: lost"
      ),
      ([Self.access, Self.message, Self.taken(0), off], "while the SMMU was off"),
      (
        [
          Self.access.replacing("0xfffff040", with: "0x8000040").replacing(
            "0x8090040", with: "0x40000040")
        ], "the window overlaps"
      ),
      (
        [
          "r-1 translation failed for iova=0x8000040 (SMMU_EVT_F_TRANSLATION)",
          "smmuv3_propagate_event SMMU_EVT_F_TRANSLATION sid=0x8",
        ], "no stage maps it"
      ),
      (["gicv3_icc_iar1_read read cpu 0x0 value 0x2009"], "that no event in the trace leads to"),
    ]
    for (lines, expected) in table {
      let warnings = tell(lines).warnings
      #expect(warnings.contains { $0.contains(expected) }, "\(expected): \(warnings)")
    }
  }

  @Test("a vector that never fires is no fault")
  func silent() {
    #expect(tell([]).warnings == [])
  }

  @Test("a message that faults in the window is a message, with its whole address")
  func faultedMessage() {
    let lines = [
      "r-1 translation failed for iova=0x8000040 (SMMU_EVT_F_TRANSLATION)",
      "smmuv3_propagate_event SMMU_EVT_F_TRANSLATION sid=0x8",
    ]
    let warnings = tell(lines + lines).warnings
    #expect(warnings.contains { $0.contains("2 messages to 0x8000040") }, "\(warnings)")
  }

  @Test("a message of an event that VMAPTI maps becomes a virtual LPI, and is not lost")
  func virtual() throws {
    let lines = [
      "gicv3_its_cmd_vmapp GICv3 ITS: command VMAPP vPEID 0x1 RDbase 0x0 V 1 VPT_addr 0x4ae8 VPT_size 0xf",
      "gicv3_its_cmd_discard GICv3 ITS: command DISCARD DeviceID 0x8 EventID 0x0",
      "gicv3_its_cmd_vmapti GICv3 ITS: command VMAPI DeviceID 0x8 EventID 0x0 vPEID 0x1 vINTID 0x2000 Dbell_pINTID 0x2000",
      "gicv3_its_cmd_vsync GICv3 ITS: command VSYNC", Self.message, Self.message,
    ]
    let story = tell(lines)
    let vector = try #require(story.devices[8]?.vectors[0])
    #expect(vector.virtualMessages == 2)
    #expect(vector.virtualPE == 1)
    #expect(story.devices[8]?.lostMessages == 0)
    #expect(story.warnings == [])
    #expect(story.itsCommands[0x2a] == 1)
  }

  @Test("a time on a whole second has no fraction, and the line is read all the same")
  func wholeSecond() throws {
    let lines = [
      "2026-01-01T00:00:01Z \(Self.message)", "2026-01-01T00:00:03.000000Z \(Self.message)",
    ]
    #expect(try #require(tell(lines).devices[8]?.vectors[0]).rate == 0.5)
  }

  @Test("two SMMUs are told apart by their stream tables")
  func severalSMMUs() {
    let lines = [
      "smmuv3_write_mmio addr: 0x80 val:0x4000000040d33000 size: 0x8(0)",
      "smmuv3_write_mmio addr: 0x80 val:0x4000000041e09000 size: 0x8(0)",
      "smmuv3_find_ste_2lvl strtab_base:0x4000000041e09000 l1ptr:0x41e09100 l1_off:0x20, l2ptr:0x7bc28000 l2_off:0x0 max_l2_ste:511",
      Self.access,
    ]
    let story = tell(lines)
    #expect(story.streamTables == [0x40d3_3000, 0x41e0_9000])
    #expect(story.devices[8]?.streamTable == 0x41e0_9000)
  }

  @Test("rates count the time between the first and the last message")
  func rate() throws {
    let lines = (0..<5).map { "2026-01-01T00:00:0\($0).000000Z \(Self.message)" }
    let story = tell(lines)
    #expect(try #require(story.devices[8]?.vectors[0]).rate == 1)
  }

  @Test(
    "the story of each recorded case has the recorded counts", arguments: Fixture.cases("summaries")
  )
  func recorded(name: String) throws {
    let recorded = try RecordedCase(try Fixture.path("summaries/\(name).log.gz"))
    var story = MachineStory()
    var reader = TraceReader()
    try reader.read(try #require(recorded.trace), into: &story)
    let summary = try Fixture.summary(name)
    let differences = try SummaryAgreement.differences(story, reader.counts, summary: summary)
    #expect(differences == [])
    #expect(reader.counts.understood == reader.counts.lines)
  }

  @Test("every case is there, and a count that is off is told")
  func disagreement() throws {
    #expect(Fixture.cases("summaries").count == 19)
    let (story, counts) = story(Self.access)
    let summary = try Fixture.summary("dma-strict-1cpu")
    let differences = try SummaryAgreement.differences(story, counts, summary: summary)
    #expect(differences.contains("lpis_mapped: recorded 7, counted 0"))
    #expect(differences.contains { $0.hasPrefix("translations_by_stage: stage 1: recorded 1509") })
  }
}
