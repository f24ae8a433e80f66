import Files
import Testing

@testable import Inspect

@Suite("VectorComparison")
struct VectorComparisonTests {
  private func access(_ answers: [VectorAnswer], _ verdict: ArchitectureVerdict) -> Vector {
    Vector(
      id: "v", group: "s1", tags: [], smmu: nil, memory: [], gic: nil,
      steps: answers.map {
        VectorStep(action: .access(stream: 1, address: 0x1000, isWrite: false), answer: $0)
      },
      verdict: verdict)
  }

  private func answer(_ outcome: String, _ address: UInt64? = nil, event: [UInt64] = [])
    -> VectorAnswer
  {
    var answer = VectorAnswer()
    answer.outcome = outcome
    answer.physicalAddress = address
    if !event.isEmpty { answer.events = [event] }
    return answer
  }

  private func compare(
    _ vector: Vector, _ found: [VectorAnswer], _ personality: ProofPersonality
  ) -> VectorComparison {
    VectorComparison(vector, found: found.map { FoundAnswer($0) }, personality: personality)
  }

  private let fault: [UInt64] = [0x1_0000_0010, 0x200_0000_0000, 0x1000, 0]

  @Test("an event's differences are told field by field")
  func fields() {
    let vector = access([answer("fault", event: fault)], .agrees)
    var other = fault
    other[1] |= 1 << 35
    other[2] = 0x2000
    let result = compare(vector, [answer("fault", event: other)], .qemu11)
    #expect(result.differences.map(\.field) == ["F_TRANSLATION.RnW", "F_TRANSLATION.InputAddr"])
    #expect(result.differences[0].expected == "0x0")
    #expect(result.differences[0].found == "0x1")
  }

  @Test("the architecture leaves RnW and low IPA bits open, an exact personality does not")
  func indefinite() {
    let recorded = [0x1_0000_0010, 0x280_0000_0000, 0x1000, 0x5123] as [UInt64]
    let found = [0x1_0000_0010, 0x288_0000_0000, 0x1000, 0x5000] as [UInt64]
    let vector = access([answer("fault", event: recorded)], .agrees)
    #expect(compare(vector, [answer("fault", event: found)], .architecture).differences.isEmpty)
    #expect(compare(vector, [answer("fault", event: found)], .qemu11).differences.count == 2)
  }

  @Test("a deviation replaces the recorded answer, wherever it can stand")
  func deviations() throws {
    let architecture = try #require(AccessSummary(["ok", "0x8000"]))
    let recorded = AccessSummary(answer("abort"))
    let deviation = AccessDeviation(architecture: architecture, recorded: recorded)
    let vector = access([answer("abort"), answer("abort")], .deviates([deviation]))
    let (good, abort) = (answer("ok", 0x8000), answer("abort"))
    #expect(compare(vector, [good, abort], .architecture).differences.isEmpty)
    #expect(compare(vector, [abort, good], .architecture).differences.isEmpty)
    #expect(compare(vector, [abort, abort], .architecture).differences.count == 1)
    #expect(compare(vector, [good, good], .architecture).differences.count == 1)
    #expect(compare(vector, [abort, abort], .qemu11).differences.isEmpty)
  }

  @Test("a vector without an opinion is not judged, and its differences are kept apart")
  func unjudged() {
    let vector = access([answer("abort")], .unjudged)
    let result = compare(vector, [answer("ok", 0x1000)], .architecture)
    #expect(!result.isJudged)
    #expect(result.differences.count == 1)
    #expect(compare(vector, [answer("ok", 0x1000)], .qemu11).isJudged)
  }

  @Test("with stage 1 off the manual refuses a wide input where the file lets stage 2 see it")
  func wideInput() throws {
    let opinion = try #require(
      AccessSummary(["fault", "F_TRANSLATION", "s2=1", "class=2", "ipa=0x100000000000"]))
    let better = try #require(Overruling.inputTooWide(opinion, address: 0x1000_0000_0123))
    #expect(better.event == "F_ADDR_SIZE")
    #expect(better.stage2 == false)
    #expect(Overruling.inputTooWide(opinion, address: 0x1000) == nil)
  }

  @Test("what the manual decides against a file is neither agreement nor disagreement")
  func overruled() throws {
    let address: UInt64 = 1 << 44
    let opinion = try #require(
      AccessSummary(["fault", "F_TRANSLATION", "s2=1", "class=2", "ipa=0x100000000000"]))
    let deviation = AccessDeviation(
      architecture: opinion, recorded: AccessSummary(answer("abort")))
    let vector = Vector(
      id: "v", group: "s2", tags: [], smmu: nil, memory: [], gic: nil,
      steps: [
        VectorStep(
          action: .access(stream: 1, address: address, isWrite: false), answer: answer("abort"))
      ], verdict: .deviates([deviation]))
    let manual = answer("fault", event: [0x1_0000_0011, 0x208_0000_0000, address, 0])
    let file = answer("fault", event: [0x1_0000_0010, 0x288_0000_0000, address, address])
    var report = VerifyReport(.architecture)
    report.add(compare(vector, [manual], .architecture), file: "a/b.jsonl", group: "s2")
    #expect(report.sum.overruled == 1)
    #expect(report.sum.agree == 0)
    #expect(report.agrees)
    #expect(report.text.contains("IHI 0070, 3.4"))
    report.add(compare(vector, [file], .architecture), file: "a/b.jsonl", group: "s2")
    #expect(report.sum.disagree == 1, "the file's own opinion is not met either way")
    #expect(report.disagreements.map(\.file) == ["b.jsonl"])
    #expect(report.sum.total == 2)
  }

  @Test("a range of one page without a level is illegal, other invalidations are not")
  func onePageRange() {
    #expect(Overruling.isIllegal([0x2a, 0x2978_7400]))
    #expect(!Overruling.isIllegal([0x2a, 0x2978_7000]))
    #expect(!Overruling.isIllegal([0x2a, 0x2978_7700]))
    #expect(!Overruling.isIllegal([0x102a | 1 << 12, 0x2978_7400]))
    #expect(!Overruling.isIllegal([0x46, 0x400]))
  }

  @Test("no vectors, or none of a class, is an error")
  func nothing() throws {
    try VectorReaderTests.withFile(VectorReaderTests.good) { path in
      var report = VerifyReport(.qemu11)
      let runner = try VectorRunner(.qemu11)
      #expect(throws: InputError.self) { try report.run([path], only: "nested", with: runner) }
      try report.run([path], with: runner)
      #expect(report.sum.total == 1)
      #expect(report.text.contains("s1"))
      #expect(report.json.indentedText.contains("\"total\": 1"))
    }
  }
}
