import Designs
import Files
import Guest
import Reports
import ResultFixtures
import Scenarios
import Testing

@Suite("Matrix reports")
struct MatrixReportTests {
  /// The first design is refused under VFIO and loses one of four otherwise; the other delivers.
  static func matrices() async throws -> [ComparisonMatrix] {
    let axes = try ComparisonAxis.chosen(
      ["guest-usage=dma-api,vfio"], in: ScenarioFolder(path: ""))
    return await MatrixRuns([MatrixPlan(Fixtures.scenario(), axes: axes)]).matrices(by: engine)
  }

  private static let engine: Runner = { specification throws(RunFailure) in
    guard specification.design == Fixtures.design else {
      return Fixtures.result(
        specification.design, setupExits: specification.usage == .vfio ? 8 : 34, deliveryExits: 4)
    }
    return specification.usage == .vfio
      ? Fixtures.refused()
      : Fixtures.result(verdicts: [.delivered, .lost, .delivered, .delivered])
  }

  @Test("a table has a row for each design, a number for each reason, and a legend")
  func table() async throws {
    let text = try await MatrixReport(Self.matrices()).text(as: .table, on: Terminal(width: 300))
    #expect(
      text.contains(
        """
        design        dma-api     vfio        exits at    exits
                                                set-up  per MSI
        rmr-identity  lost        refused           34   0..1.5
                      1 of 4 [1]  EINVAL [2]
        untrapped     delivered*  delivered*     8..34        1
        """),
      "\(text)")
    #expect(
      text.contains(
        """
        [1] lost 1 of 4: rmr-identity under dma-api
            Both stages map the doorbell.
            doorbell explain --design rmr-identity --guest-usage dma-api --message 1
        [2] refused EINVAL: rmr-identity under vfio
            Both stages map the doorbell.
            doorbell explain --design rmr-identity --guest-usage vfio --setup
        """), "\(text)")
    #expect(text.contains("\nlost: It vanished without anything that the guest could see.\n"))
    #expect(!text.contains("misrouted"))
  }

  @Test("on a narrow terminal a matrix stays a matrix, in short words, and says what it drops")
  func narrow() async throws {
    let text = try await MatrixReport(Self.matrices()).text(as: .table, on: Terminal(width: 40))
    #expect(text.contains("refused [2]"), "\(text)")
    #expect(text.contains("ok: delivered. On a wider terminal"))
    #expect(text.contains("design "))
    let body = text.split(separator: "\n").filter { !$0.contains("doorbell explain") }
    #expect(body.allSatisfy { $0.count <= 40 }, "\(text)")
  }

  @Test("a table that is too wide keeps the columns of all axes, in short words")
  func parts() async throws {
    let axes = try ComparisonAxis.chosen(
      ["guest-usage=dma-api,vfio", "guest-kernel=6.5,6.6"], in: ScenarioFolder(path: ""))
    let matrices = await MatrixRuns([MatrixPlan(Fixtures.scenario(), axes: axes)]).matrices(
      by: Self.engine)
    let text = MatrixReport(matrices).text(as: .table, on: Terminal(width: 60))
    #expect(
      text.contains(
        """
        design        dma-      dma-      vfio         vfio
                      api       api       6.5          6.6
                      6.5       6.6
        rmr-identity  lost [1]  lost [1]  refused [2]  refused [2]
        untrapped     ok*       ok*       ok*          ok*
        """), "\(text)")
  }

  @Test("cells that fail alike share a reason, unless each is to have its own")
  func reasons() async throws {
    let matrix = try await Self.matrices()
    let twice = matrix + matrix
    func count(isDetailed: Bool) -> Int {
      MatrixReport(twice, isDetailed: isDetailed).text(as: .table).matches(of: /(?m)^\[[0-9]+\]/)
        .count
    }
    #expect(count(isDetailed: false) == 2)
    #expect(count(isDetailed: true) == 4)
  }

  @Test("JSON, CSV and Markdown hold each cell with its reason and its command")
  func forms() async throws {
    let report = try await MatrixReport(Self.matrices())
    guard case .array(let matrices) = report.json["matrices"],
      case .array(let rows) = matrices.first?["rows"],
      case .array(let cells) = rows.first?["cells"], let cell = cells.last
    else {
      Issue.record("no cells")
      return
    }
    #expect(cell["values"]?["guest-usage"] == "vfio")
    #expect(cell["outcome"] == "refused EINVAL")
    #expect(cell["verdict"] == "refused")
    #expect(cell["errno"] == "EINVAL")
    #expect(
      cell["command"] == "doorbell explain --design rmr-identity --guest-usage vfio --setup")
    let lines = report.text(as: .csv).split(separator: "\r\n")
    #expect(lines.count == 5)
    #expect(lines[0].hasPrefix("scenario,design,guest_usage,guest_kernel,"))
    #expect(lines[2].hasPrefix("fixture,rmr-identity,vfio,6.5,"))
    #expect(
      report.text(as: .markdown).contains("| rmr-identity | lost 1 of 4 [1] | refused EINVAL [2] |")
    )
  }
}
