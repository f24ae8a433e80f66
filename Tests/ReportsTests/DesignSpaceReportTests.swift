import Designs
import Guest
import JSON
import Reports
import ResultFixtures
import Scenarios
import Testing
import VMM

@Suite("Reports on the space of designs")
struct DesignSpaceReportTests {
  /// Every combination delivers but for VFIO, which is refused where an RMR is direct.
  static func space() async throws -> DesignSpace {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    let known = try folder.designNames.map { try folder.design(named: $0) }
    let enumeration = DesignEnumeration(namedAfter: known)
    let engine: Engine = { specification throws(RunFailure) in
      let design = specification.design
      return specification.usage == .vfio && design.advertisement == .rmrDirect
        ? Fixtures.refused(design) : Fixtures.result(design)
    }
    var scenario = Fixtures.scenario()
    scenario.designs = enumeration.consistent
    let plan = MatrixPlan(scenario, axes: [.usage])
    return DesignSpace(
      try #require(await [plan].run(by: engine).first), of: enumeration)
  }

  @Test("the table counts all designs, names the front, and says what beats each family in what")
  func table() async throws {
    let space = try await Self.space()
    let text = DesignSpaceReport(space, limit: 100).text(as: .table, on: Terminal(width: 200))
    #expect(text.contains("\(space.enumeration.count) combinations of choices"))
    let front = try #require(space.front.first)
    #expect(text.contains("\n  \(front.design.name): "))
    #expect(text.contains("\nby 1, \(front.design.name):\n"))
    #expect(text.contains("\n    refused EINVAL under vfio"))
    #expect(text.contains("--guest-usage vfio --setup"))
    for interface in Set(space.enumeration.consistent.flatMap(\.missingInterfaces)) {
      #expect(text.contains(interface.name))
    }
  }

  @Test("a limit hides families from the text and says how many, JSON and CSV hold all")
  func limit() async throws {
    let space = try await Self.space()
    let report = DesignSpaceReport(space, limit: 1)
    let more = space.families.count - 1
    #expect(report.text(as: .table).contains("\(more) more families of "))
    guard case .array(let families) = report.json["families"] else {
      Issue.record("no families")
      return
    }
    #expect(families.count == space.families.count)
    let lines = report.text(as: .csv).split(separator: "\r\n")
    #expect(lines.count == space.enumeration.consistent.count + 1)
    #expect(report.text(as: .markdown).contains("| number | works under |"))
  }
}
