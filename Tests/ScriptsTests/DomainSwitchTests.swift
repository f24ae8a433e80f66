import Files
import Reports
import Scripts
import Testing

@Suite("DomainSwitch")
struct DomainSwitchTests {
  private func outcome(_ name: String) throws -> SwitchOutcome {
    let subject = try #require(DomainSwitch.all.first { $0.name == name })
    return try #require(subject.run())
  }

  @Test(
    "a change that KUnit calls hitless loses nothing",
    arguments: [
      "identity to paging, replaced", "paging to paging, through identity",
      "a failed attach leaves identity",
    ])
  func hitless(name: String) throws {
    let outcome = try outcome(name)
    #expect(outcome.accesses > 10)
    #expect(outcome.lost == 0, "first lost after \(outcome.firstLoss ?? "-")")
    #expect(outcome.events == [])
    #expect(outcome.recovers)
  }

  @Test(
    "a blocked entry loses what comes meanwhile, without an event",
    arguments: ["identity to paging, through blocked", "paging to paging, through blocked"])
  func blocked(name: String) throws {
    let outcome = try outcome(name)
    #expect(outcome.lost > 0 && outcome.lost < outcome.accesses)
    #expect(outcome.events == [], "Config 0 records nothing (IHI 0070, 7.3.7)")
    #expect(outcome.firstLoss?.contains("blocked") == true)
    #expect(outcome.recovers)
  }

  @Test("a CD whose ASID and table both change passes through V = 0, and the SMMU says C_BAD_CD")
  func context() throws {
    let outcome = try outcome("paging to paging, replaced")
    #expect(outcome.lost > 0)
    #expect(outcome.events == ["C_BAD_CD"])
    #expect(outcome.recovers)
  }

  @Test("an error state of blocked cuts the firmware off for good")
  func errorState() throws {
    #expect(try !outcome("a failed attach leaves blocked").recovers)
  }

  @Test("every switch is one row, in every format")
  func report() throws {
    let outcomes = DomainSwitch.all.compactMap { $0.run() }
    try #require(outcomes.count == DomainSwitch.all.count)
    let report = SwitchReport(outcomes)
    #expect(report.text(as: .csv).split(separator: "\r\n").count == outcomes.count + 1)
    #expect(report.text(as: .markdown).split(separator: "\n").count == outcomes.count + 2)
    guard case .array(let rows) = report.json else {
      Issue.record("no rows")
      return
    }
    #expect(rows.count == outcomes.count)
    for outcome in outcomes { #expect(report.text(as: .table).contains(outcome.subject.name)) }
  }
}
