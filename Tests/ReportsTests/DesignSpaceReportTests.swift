import Designs
import Files
import Guest
import Linux
import Reports
import ResultFixtures
import Testing
import VMM

@testable import Scenarios

@Suite("Reports on the space of designs")
struct DesignSpaceReportTests {
  /// Every combination delivers but for VFIO, which is refused where an RMR is direct.
  static func space() async throws -> DesignSpace {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    let known = try folder.designNames.map { try folder.design(named: $0) }
    let enumeration = DesignEnumeration(namedAfter: known)
    let engine: Runner = { specification throws(RunFailure) in
      let design = specification.design
      return specification.usage == .vfio && design.advertisement == .rmrDirect
        ? Fixtures.refused(design) : Fixtures.result(design)
    }
    var scenario = Fixtures.scenario()
    scenario.designs = enumeration.consistent
    let plan = MatrixPlan(scenario, axes: [.guestUsage])
    return DesignSpace(
      try #require(await MatrixRuns([plan]).matrices(by: engine).first), of: enumeration)
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
      #expect(text.contains(interface.rawValue))
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

  @Test("what fails with two ITSs is said to, and the command asks for two")
  func severalITSs() async throws {
    let folder = ScenarioFolder(path: "\(repository)/scenarios")
    let known = try folder.designNames.map { try folder.design(named: $0) }
    var scenario = try folder.scenario(named: "synthetic-4-vectors")
    scenario.designs = known.filter { ["coincident", "per-its-s2"].contains($0.name) }
    let vfio = try ComparisonAxis.guestUsage.narrowed(
      to: ["vfio"], in: ScenarioFolder(path: ""))
    let one = try #require(await MatrixRuns([MatrixPlan(scenario, axes: [vfio])]).matrices().first)
    let two = MatrixPlan(
      scenario, axes: [vfio, ComparisonAxis.its.only(ComparisonAxis.its.values[1])])
    let space = DesignSpace(
      await two.confirming(one) { _ in }, every: .its, of: DesignEnumeration(namedAfter: known))
    let text = DesignSpaceReport(space, limit: 1000).text(as: .table, on: Terminal(width: 400))
    #expect(text.contains("every MSI arrives with each of its=1 and its=2"))
    #expect(text.contains("its 1 and 2"))
    #expect(text.contains("fault 1000 of 2000 under vfio with its=2"), "\(text)")
    #expect(text.contains("--guest-usage vfio --its 2 --device 1"))
  }
}
