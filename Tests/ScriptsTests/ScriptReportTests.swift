import Files
import Foundation
import IOMMU
import Reports
import Scenarios
import Scripts
import Testing

@Suite("Reports of scripts and policies")
struct ScriptReportTests {
  private func report(_ name: String) throws -> ScriptReport {
    ScriptReport(try Script("\(ScenarioTableTests.folder)/\(name).yaml").run())
  }

  @Test("a refusal shows the chain of region, flag, domain and errno, in this order")
  func chain() throws {
    let text = try report("policy/rmr-direct-refused-6.6").text(on: Terminal(width: 500))
    let links = ["IORT RMR [", "require_direct is set", "the blocking domain", "-> -EINVAL"]
    var rest = text[...]
    for link in links {
      let place = try #require(rest.range(of: link), "no '\(link)' after the others in\n\(text)")
      rest = rest[place.upperBound...]
    }
  }

  @Test("every step is in the JSON, with whether its expectations hold")
  func json() throws {
    let report = try report("smmu/stale-translation")
    guard case .array(let steps)? = report.json["steps"] else {
      Issue.record("no steps")
      return
    }
    #expect(steps.count == 11)
    #expect(steps.allSatisfy { $0["holds"] == .bool(true) })
    #expect(steps.last?["outcome"]?["event"] == .string("F_TRANSLATION"))
  }

  @Test("policies are one row for each device and policy, in every format")
  func policies() throws {
    let outcomes = AttachCase.all.flatMap { subject in
      AttachPolicy.allCases.map { $0.attach(subject) }
    }
    let report = PolicyReport(outcomes)
    let count = AttachCase.all.count * AttachPolicy.allCases.count
    #expect(report.text(as: .csv).split(separator: "\r\n").count == count + 1)
    #expect(report.text(as: .markdown).split(separator: "\n").count == count + 2)
    guard case .array(let rows) = report.json else {
      Issue.record("no rows")
      return
    }
    #expect(rows.count == count)
    #expect(report.text(as: .table).contains("refused: EINVAL"))
  }
}
