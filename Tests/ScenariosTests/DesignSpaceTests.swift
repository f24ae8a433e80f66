import Designs
import Guest
import ResultFixtures
import Testing
import VMM

@testable import Scenarios

@Suite("The space of designs")
struct DesignSpaceTests {
  static func known() throws -> [Design] {
    try DesignTableTests.folder.designNames.map { try DesignTableTests.folder.design(named: $0) }
  }

  @Test("every combination is consistent, or counted with the reason why it is not")
  func enumeration() throws {
    let enumeration = DesignEnumeration(namedAfter: try Self.known())
    #expect(enumeration.count == DesignAxis.all.reduce(1) { $0 * $1.choices.count })
    #expect(enumeration.consistent.allSatisfy { $0.inconsistency == nil })
    let names = enumeration.consistent.map(\.reference)
    #expect(Set(names).count == names.count)
    for design in try Self.known() {
      #expect(
        enumeration.consistent.contains { $0.settings(from: design).isEmpty }, "\(design.name)")
    }
  }

  @Test("the name of a combination stands for it")
  func names() throws {
    for design in DesignEnumeration(namedAfter: try Self.known()).consistent {
      let read = try DesignTableTests.folder.design(named: design.reference)
      #expect(read.settings(from: design).isEmpty, "\(design.reference)")
      #expect(read.name == design.name)
    }
  }

  /// Delivers or not by the usage and the choices alone.
  static let engine: Runner = { specification throws(RunFailure) in
    let design = specification.design
    guard specification.usage == .vfio, design.advertisement == .rmrDirect else {
      return Fixtures.result(design, setupExits: design.msixEntry == .untrapped ? 20 : 34)
    }
    return Fixtures.refused(design)
  }

  static func space() async throws -> DesignSpace {
    let enumeration = DesignEnumeration(namedAfter: try known())
    var scenario = Fixtures.scenario()
    scenario.designs = enumeration.consistent
    let plan = MatrixPlan(scenario, axes: [.guestUsage])
    let matrix = try #require(await MatrixRuns([plan]).matrices(by: engine).first)
    return DesignSpace(matrix, of: enumeration)
  }

  @Test("each design is on the front or in one family, and what beats the family beats it")
  func completeness() async throws {
    let space = try await Self.space()
    let all =
      space.front.flatMap(\.designs).map(\.name)
      + space.families.flatMap(\.designs).map(\.name)
    #expect(all.sorted() == space.enumeration.consistent.map(\.name).sorted())
    for family in space.families {
      let better = space.front[family.better].measures
      for point in family.points {
        #expect(better.isBetter(than: point.measures))
        #expect(point.measures.shortfalls(against: better) == family.shortfalls)
      }
    }
    for point in space.front {
      #expect(space.front.allSatisfy { !$0.measures.isBetter(than: point.measures) })
    }
  }

  @Test("a point is named by the design that ships, where one measures so")
  func representatives() async throws {
    let space = try await Self.space()
    for point in space.front + space.families.flatMap(\.points) {
      let ships = point.designs.contains { !$0.name.contains(",") }
      #expect(ships == !point.design.name.contains(","))
    }
    #expect(space.front.first?.measures.interfaces.isEmpty == true)
  }

  /// The doorbell page of `coincident` can lead to one ITS only: scenario 20b.
  @Test("a column works only if it works with one ITS and with two, and a family says so")
  func severalITSs() async throws {
    let known = try Self.known()
    let all = DesignEnumeration(namedAfter: known)
    var scenario = try DesignTableTests.folder.scenario(named: "synthetic-4-vectors")
    let chosen = ["coincident", "rmr-identity", "rmr-relaxable"]
    scenario.designs = known.filter { chosen.contains($0.name) }
    let vfio = try ComparisonAxis.guestUsage.narrowed(
      to: ["dma-api", "vfio"], in: ScenarioFolder(path: ""))
    let plan = MatrixPlan(scenario, axes: [vfio])
    let one = try #require(await MatrixRuns([plan]).matrices().first)
    let second = ComparisonAxis.its.only(ComparisonAxis.its.values[1])
    let both = await MatrixPlan(scenario, axes: [vfio, second]).confirming(one) { _ in }
    let works = both.rows.map { $0.cells.map(\.works) }
    #expect(
      one.rows.map { $0.cells.map(\.works) } == [[true, true], [true, false], [true, false]])
    #expect(works == [[true, false], [true, false], [true, false]])
    let failing = both.rows[0].cells[1]
    #expect(failing.specification.topology.itses == 2)
    #expect(failing.why.contains("0x8001040"), "\(failing.why)")
    #expect(failing.command.suffix(4) == ["--its", "2", "--device", "1"])
    // Exits are those with one ITS.
    #expect(both.rows[1].cells[0].specification.topology.itses == 1)
    let space = DesignSpace(both, every: .its, of: all)
    #expect(space.every?.values.map(\.name) == ["1", "2"])
  }
}
