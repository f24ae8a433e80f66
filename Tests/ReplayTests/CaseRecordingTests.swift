import Bits
import Designs
import Files
import Guest
import ResultFixtures
import Scenarios
import Testing

@testable import Replay

@Suite("CaseRecording")
struct CaseRecordingTests {
  private let folder = ScenarioFolder(path: "\(repository)/scenarios")

  private func study(_ path: String, designs: [String] = []) throws -> WhatIf {
    var overrides = ScenarioOverrides()
    overrides.designs = designs
    return try WhatIf(
      try RecordedCase(path).recording(), of: path, in: folder, overrides: overrides)
  }

  @Test(
    "the design that a machine ran comes out as recorded",
    arguments: [
      ("nested-iommufd", "rmr-identity"), ("nested-kvm-nvme", "rmr-identity"),
    ])
  func asRecorded(name: String, design: String) async throws {
    let study = try study(try Fixture.path("checks/\(name).log.gz"), designs: ["untrapped"])
    #expect(study.recording.design == design)
    #expect(study.scenario.designs.map(\.name) == [design, "untrapped"])
    let agreement = try #require(study.agreement(with: await study.scenario.run()))
    #expect(agreement.differences == [])
    #expect(agreement.messages.compared > 5)
    #expect(agreement.messages.agreed == agreement.messages.compared)
    #expect(agreement.accesses.compared > 20)
    #expect(agreement.accesses.agreed == agreement.accesses.compared)
  }

  @Test("messages that no stage translates are messages, and their design comes out as recorded")
  func refused() async throws {
    let study = try study(try Fixture.path("designs/nested-kvm-normr.log.gz"))
    #expect(study.recording.design == "no-rmr")
    #expect(study.recording.interrupts.allSatisfy { !$0.isMapped })
    let agreement = try #require(study.agreement(with: await study.scenario.run()))
    #expect(agreement.differences == [])
    #expect(agreement.messages.compared == 28)
    #expect(agreement.accesses.compared > 300)
  }

  @Test("a changed outcome of the recording is noticed")
  func changed() async throws {
    let path = try Fixture.path("checks/nested-iommufd.log.gz")
    var made = try RecordedCase(path).recording().text
    let body = made.split(separator: "\n").dropFirst().map(String.init)
    let lines = body.map {
      $0.contains(#""do":"msi""#) ? $0.replacing("0x8000040", with: "0x8000044") : $0
    }
    made = RecordingText.make(lines)
    let recording = try Recording(text: made, path: "changed")
    let study = try study(path)
    let comparison = await study.scenario.run()
    let agreement = RecordingAgreement(recording, try #require(comparison.results.first))
    #expect(!agreement.holds)
    #expect(agreement.text.contains("differs: the message of vector 0"))
  }

  @Test("a machine without a guest stands for a guest, and has no recorded design")
  func withoutGuest() async throws {
    let made = try RecordedCase(try Fixture.path("checks/acpi-rmr-2cpu.log.gz")).recording()
    #expect(made.design == nil)
    #expect(made.remarks.contains { $0.contains("no guest had the function") })
    let recording = try Recording(text: made.text, path: "made")
    #expect(recording.workload.messageCount > 10)
    // Its physical addresses are the guest's.
    for case .map(_, let ipa, _, _) in recording.workload.entries.map(\.activity) {
      #expect((0x4000_0000..<0x7000_0000).contains(ipa.rawValue))
    }
  }

  @Test("the same trace gives the same bytes, and the text passes its own checks")
  func deterministic() throws {
    let path = try Fixture.path("checks/nested-kvm-nvme.log.gz")
    let first = try RecordedCase(path).recording().text
    #expect(try RecordedCase(path).recording().text == first)
    #expect(try Recording(text: first, path: "made").interrupts.count > 5)
  }

  @Test("a trace without messages is one error that says what was looked for")
  func silent() throws {
    let files = try TemporaryFolder(["a.log": "smmuv3_get_ste STE addr: 0x40350200\n"])
    let error = #expect(throws: InputError.self) {
      _ = try RecordedCase("\(files.path)/a.log").recording()
    }
    #expect(
      error.map { files.relative($0.description) }
        == "a.log: expected a device that sends messages (gicv3_its_translation_write in the "
        + "trace), found none in 1 line")
  }

  /// Lines of a trace without any SMMU, for one device that sends two messages.
  private static let bare = """
    gicv3_its_cmd_mapc GICv3 ITS: command MAPC ICID 0x0 RDbase 0x1 V 1
    gicv3_its_cmd_mapd GICv3 ITS: command MAPD DeviceID 0x18 Size 0x1 ITT_addr 0x433f5c V 1
    gicv3_its_cmd_mapti GICv3 ITS: command MAPTI DeviceID 0x18 EventID 0x1 ICID 0x0 pINTID 0x2004
    gicv3_its_translation_write GICv3 ITS TRANSLATER write: offset 0x40 data 0x1 size 4 requester_id 0x18
    gicv3_icc_iar1_read GICv3 ICC_IAR1 read cpu 0x1 value 0x2004
    gicv3_its_translation_write GICv3 ITS TRANSLATER write: offset 0x40 data 0x2 size 4 requester_id 0x18

    """

  @Test("messages that passed no SMMU are recorded, mapped or not")
  func withoutSMMU() throws {
    let files = try TemporaryFolder(["a.log": Self.bare])
    let made = try RecordedCase("\(files.path)/a.log").recording(of: 0x18)
    #expect(made.remarks.contains { $0.contains("has no times") })
    let recording = try Recording(text: made.text, path: "made")
    #expect(recording.interrupts.map(\.intid) == [0x2004, 0])
    #expect(recording.interrupts.map(\.isMapped) == [true, false])
    #expect(recording.workload.device.vectors == 3)
    #expect(made.text.contains(#""acknowledged":true"#))
  }
}

/// Recordings for tests.
enum RecordingText {
  /// A recording of `lines`, with a header that fits.
  static func make(_ lines: [String]) -> String {
    var draft = RecordingDraft()
    draft.header = [.init("case", "test")]
    return draft.text(of: lines)
  }
}
