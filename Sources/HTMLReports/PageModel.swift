import Bits
import Designs
import Machine
import Reports
import Scenarios
import Software
import Timing

/// Model of a page, for the templates. Everything is stored, since templates see stored properties
/// only.
struct PageModel {
  let title: String
  let purpose: String
  let conditions: String
  let assumption: String?
  let style = HTMLReport.style
  let script = HTMLReport.script
  let version: String
  let command: String
  let inputs: String
  let hasMatrices: Bool
  let matrices: [MatrixModel]
  let outcomes: [OutcomeModel]
  let legend: [LegendModel.Entry]
  let columns: [String]
  let results: [ResultModel]
  let latency: LatencyDrawing?
  let percentiles: [PercentileModel]
  let exits: [ExitsModel]
  let isolation: IsolationModel?
  let machine: MachineDrawing?
  let designs: [DesignModel]

  /// A row of the comparison.
  struct ResultModel {
    let name: String
    let link: String
    let verdict: String
    let values: [String]
    let why: String
    /// Meaning of the star; `nil` for none.
    let reservation: String?
  }

  struct PercentileModel {
    let name: String
    let times: [String]
  }

  /// Exits of one design.
  struct ExitsModel {
    struct Row {
      let when: String
      let phase: String
      let cause: String
      let reads: Int
      let writes: Int
      let count: Int
      /// In percent of the largest count of all designs.
      let share: Int
    }

    let name: String
    let sum: String
    let rows: [Row]
    /// Rows of the table, the sums among them.
    let height: Int
  }

  init(_ report: HTMLReport) {
    let scenario = report.comparison.scenario
    let results = report.comparison.results
    title = scenario.name
    purpose = scenario.purpose
    conditions = scenario.conditionsText
    assumption = report.comparison.assumption
    hasMatrices = !report.matrices.isEmpty
    let model = MatricesModel(report.matrices, report.outcomes)
    matrices = model.matrices
    outcomes = model.outcomes
    legend = LegendModel(report.matrices).entries
    version = report.facts.version
    command = report.facts.command
    inputs = report.facts.inputs
    columns = Array(ComparisonRow.titles.dropFirst())
    var names = UniqueNames()
    let identifiers = results.map { names.name("design.\($0.design.name)") }
    self.results = results.enumerated().map { number, result in
      ResultModel(
        name: report.comparison.label(of: result), link: identifiers[number],
        verdict: result.verdict.rawValue,
        values: ComparisonRow(result).texts.dropFirst().map {
          $0.replacing("\n", with: " ")
        }, why: result.explanation,
        reservation: report.comparison.reservation(about: result))
    }
    latency = LatencyDrawing(results)
    percentiles = results.map(Self.percentiles)
    exits = Self.exits(results)
    isolation = IsolationModel(report.findings)
    machine = results.lazy.compactMap(\.machine).first.map(MachineDrawing.init)
    designs = report.explained.results.enumerated().map { number, result in
      DesignModel(result, conditions: scenario, identifier: identifiers[number])
    }
  }

  private static func percentiles(_ result: RunResult) -> PercentileModel {
    let (low, high) = result.latencyPercentiles
    let times = zip(low, high).map { low, high in
      low.time == high.time
        ? microseconds(low.time) : "\(microseconds(low.time)) to \(microseconds(high.time))"
    }
    return PercentileModel(
      name: result.design.name, times: times.isEmpty ? Array(repeating: "-", count: 5) : times)
  }

  private static func exits(_ results: [RunResult]) -> [ExitsModel] {
    let most = results.flatMap(\.exits.rows).map(\.total).max() ?? 0
    return results.map { result in
      let rows = result.exits.rows.map { row in
        ExitsModel.Row(
          when: row.occasion.rawValue, phase: row.phase?.rawValue ?? "-", cause: row.cause.name,
          reads: row.reads, writes: row.writes, count: row.total,
          share: most == 0 ? 0 : row.total * 100 / most)
      }
      let sums = RunResult.Exits.Occasion.allCases.compactMap { occasion in
        let count = result.exits[occasion]
        return count == 0 ? nil : "\(count) at \(occasion.rawValue)"
      }
      return ExitsModel(
        name: result.design.name,
        sum: sums.isEmpty ? "none" : "\(result.exits.total): \(sums.joined(separator: ", "))",
        rows: rows, height: rows.count + 1)
    }
  }
}
