import Files
import Testing

@testable import Replay

@Suite("Drafts of recordings")
struct RecordingDraftTests {
  @Test("times are nanoseconds, and the file's count from the first event on")
  func times() throws {
    var draft = RecordingDraft()
    draft.add(at: 7_002_500, 2, by: "guest", "sends", [], from: "trace:2")
    draft.add(
      at: 7_001_000, 1, by: "guest", "sends", [.init("acknowledgedAt", .integer(7_001_250))],
      from: "trace:1")
    #expect(draft.epoch == 7_001_000)
    let lines = draft.text().split(separator: "\n").dropFirst().map(String.init)
    #expect(
      lines == [
        #"{"at":0,"by":"guest","do":"sends","acknowledgedAt":250,"from":"trace:1"}"#,
        #"{"at":1500,"by":"guest","do":"sends","from":"trace:2"}"#,
      ])
  }
}
