import Designs
import Guest
import Linux
import ResultFixtures
import Scenarios
import Testing

@Suite("Comparison matrices")
struct ComparisonMatrixTests {
  /// No value here names a file.
  static let nowhere = ScenarioFolder(path: "")

  /// Fails VFIO by what stands in the specification, and cannot model the identity domain.
  static let engine: Runner = { specification throws(RunFailure) in
    switch specification.usage {
    case .vfio: return Fixtures.refused(specification.design)
    case .identity: throw RunFailure("no identity domain here")
    default:
      return Fixtures.result(
        specification.design, verdicts: [.delivered, .lost, .lost, .delivered])
    }
  }

  @Test("a column stands for one value of each axis, the first axis varying slowest")
  func columns() throws {
    let axes = try ComparisonAxis.chosen(
      ["guest-usage=vfio,dma-api", "guest-kernel=6.5,6.6"], in: Self.nowhere)
    let plan = MatrixPlan(Fixtures.scenario(), axes: axes)
    #expect(
      plan.columns.map { $0.values.map(\.name) }
        == [["vfio", "6.5"], ["vfio", "6.6"], ["dma-api", "6.5"], ["dma-api", "6.6"]])
    #expect(plan.runs == 8)
  }

  @Test("a cell holds the run of its row's design and its column's values")
  func cells() async throws {
    let axes = try ComparisonAxis.chosen(
      ["guest-usage", "guest-kernel=6.5,6.6"], in: Self.nowhere)
    let matrix = try #require(
      await MatrixRuns([MatrixPlan(Fixtures.scenario(), axes: axes)]).matrices(by: Self.engine)
        .first)
    #expect(matrix.rows.map(\.design) == [Fixtures.design, Fixtures.other])
    for row in matrix.rows {
      for (column, cell) in zip(matrix.columns, row.cells) {
        #expect(cell.specification.design == row.design)
        #expect(
          axes.map { $0.value(of: cell.specification) } == column.values.map(\.name))
      }
    }
  }

  @Test("the command of a cell names scenario, design and values, and what shows the failure")
  func commands() async throws {
    var design = Fixtures.other
    design.reference = "my/untrapped.yaml"
    let plan = MatrixPlan(
      Fixtures.scenario(designs: [design]), axes: [.guestUsage],
      arguments: ["fixture", "--seed", "7"])
    let cells = try #require(
      await MatrixRuns([plan]).matrices(by: Self.engine).first?.rows.first?.cells)
    let common = ["explain", "fixture", "--seed", "7", "--design", "my/untrapped.yaml"]
    func command(_ usage: GuestUsage) -> [String]? {
      cells.first { $0.specification.usage == usage }?.command
    }
    #expect(command(.dmaAPI) == common + ["--guest-usage", "dma-api", "--message", "1"])
    #expect(command(.vfio) == common + ["--guest-usage", "vfio", "--setup"])
    #expect(command(.identity) == common + ["--guest-usage", "identity"])
    let summary = cells.first { $0.specification.usage == .dmaAPI }?.summary
    #expect(summary?.verdict == .lost)
    #expect(summary?.count == 2)
    let failure = try #require(cells.first { $0.specification.usage == .identity })
    #expect(failure.summary == nil)
    #expect(failure.why == "no identity domain here")
  }

  @Test("every value of every axis makes a run have it, and changes no other axis")
  func values() {
    let standard = Fixtures.scenario().specifications()[0]
    for axis in ComparisonAxis.all {
      for value in axis.values {
        var specification = standard
        value.apply(to: &specification)
        #expect(axis.value(of: specification) == value.name)
        // There are as many devices as ITSs and SMMUs.
        for other in ComparisonAxis.all where ![axis.name, "devices"].contains(other.name) {
          #expect(other.value(of: specification) == other.value(of: standard))
        }
      }
    }
  }

  @Test("all plans together vary each axis, each with the guest's usage")
  func all() {
    let plans = MatrixPlan.all(Fixtures.scenario())
    #expect(Set(plans.flatMap(\.axes).map(\.name)) == Set(ComparisonAxis.overview.map(\.name)))
    #expect(plans.allSatisfy { $0.axes.first?.name == "guest-usage" })
  }

  @Test("plans share the runs of what does not differ, and each is as it would be alone")
  func shared() async throws {
    let plans = MatrixPlan.all(Fixtures.scenario())
    // What a run comes to tells everything that any axis changes.
    let engine: Runner = { specification throws(RunFailure) in
      throw RunFailure(
        ComparisonAxis.all.map { $0.value(of: specification) }.joined(separator: " ")
          + " \(specification.design.name)")
    }
    let together = MatrixRuns(plans)
    let alone = plans.map { MatrixRuns([$0]) }
    #expect(alone.map(\.count) == plans.map(\.runs))
    // An axis but the usage that has the scenario's own value shares its runs.
    let columns = GuestUsage.allCases.count * Fixtures.scenario().designs.count
    let own = Fixtures.scenario().specifications()[0]
    let sharing = plans.dropFirst().count { plan in
      plan.axes[1].values.contains { $0.name == plan.axes[1].value(of: own) }
    }
    #expect(sharing > 5)
    #expect(together.count == plans.reduce(0) { $0 + $1.runs } - columns * sharing)
    var expected: [ComparisonMatrix] = []
    for runs in alone { expected += await runs.matrices(by: engine) }
    let found = await together.matrices(by: engine)
    #expect(
      found.map { $0.rows.map { $0.cells.map(\.why) } }
        == expected.map { $0.rows.map { $0.cells.map(\.why) } })
  }

  @Test(
    "an axis or a value that does not exist is one line that lists those that do",
    arguments: [
      (["guest-usag"], "found 'guest-usag'; did you mean 'guest-usage'?"),
      (
        ["guest-usage=vfoi"],
        "--axis guest-usage: expected \(ComparisonMatrixTests.usages), found 'vfoi'; did you mean 'vfio'?"
      ),
      (["guest-kernel=six"], "--axis guest-kernel: expected a kernel release such as 6.5"),
      (
        ["guest-usage=vfio,vfio"],
        "--axis guest-usage: expected each value once, found 'vfio' twice"
      ),
      (["guest-usage="], "found ''"),
      (["smmu-tlb-entries"], "--axis smmu-tlb-entries: expected values"),
      (["seed"], "--axis: expected"),
      (
        ["guest-usage", "guest-usage=vfio"],
        "--axis: expected each axis once, found 'guest-usage' twice"
      ),
    ] as [([String], String)])
  func mistakes(options: [String], expected: String) throws {
    let folder = try TemporaryFolder()
    let found = message(in: folder) { _ = try ComparisonAxis.chosen(options, in: Self.nowhere) }
    #expect(found.contains(expected), "\(found)")
  }

  static let usages: String = {
    let names = GuestUsage.allCases.map(\.rawValue)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }()
}
