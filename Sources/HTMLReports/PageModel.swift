import Bits
import Designs
import Reports
import Scenarios
import Software

/// What the templates fill in. Everything is stored, since templates see stored properties only.
struct PageModel {
  let title: String
  let purpose: String
  let conditions: String
  let assumption: String?
  let style = HTMLReport.style
  let hasMatrices: Bool
  let matrices: [MatrixModel]
  let columns: [String]
  let results: [ResultModel]
  let latency: LatencyDrawing?
  let percentiles: [PercentileModel]
  let exits: [ExitsModel]
  let isolation: IsolationModel?
  let designs: [DesignModel]

  /// A row of the comparison.
  struct ResultModel {
    let name: String
    let link: String
    let verdict: String
    let values: [String]
    let why: String
  }

  struct PercentileModel {
    let name: String
    let times: [String]
  }

  /// Exits of one design.
  struct ExitsModel {
    struct Cause {
      let cause: String
      let count: Int
      /// In percent of the largest count of all designs.
      let share: Int
    }

    let name: String
    let setup: Int
    let delivery: Int
    let causes: [Cause]
    /// Rows of the table, the sums among them.
    let height: Int
  }

  init(_ report: HTMLReport) {
    let scenario = report.comparison.scenario
    let results = report.comparison.results
    title = scenario.name
    purpose = scenario.purpose
    conditions = scenario.conditions
    assumption = report.comparison.assumption
    hasMatrices = !report.matrices.isEmpty
    matrices = report.matrices.enumerated().map { MatrixModel($1, number: $0 + 1) }
    columns = Array(ComparisonRow.titles.dropFirst())
    self.results = results.enumerated().map { number, result in
      ResultModel(
        name: result.design.name, link: "design-\(number + 1)", verdict: result.verdict.rawValue,
        values: ComparisonRow(result).texts.dropFirst().map {
          $0.replacing("\n", with: " ")
        }, why: result.explanation)
    }
    latency = LatencyDrawing(results)
    percentiles = results.map(Self.percentiles)
    exits = Self.exits(results)
    isolation = IsolationModel(report.findings)
    designs = report.explained.results.enumerated().map { number, result in
      DesignModel(result, conditions: scenario, identifier: "design-\(number + 1)")
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
    let most = results.flatMap(\.exits.causes).map(\.count).max() ?? 0
    return results.map { result in
      let causes = result.exits.causes.sorted {
        ($1.count, $0.name) < ($0.count, $1.name)
      }
      return ExitsModel(
        name: result.design.name, setup: result.exits.setup, delivery: result.exits.delivery,
        causes: causes.map {
          .init(cause: $0.name, count: $0.count, share: most == 0 ? 0 : $0.count * 100 / most)
        }, height: causes.count + 1)
    }
  }
}

/// A matrix, and its cells with their journeys.
struct MatrixModel {
  struct Row {
    let name: String
    let cells: [Cell]
  }

  struct Cell {
    let identifier: String
    let label: String
    let verdict: String
    let heading: String
    let why: String
    let command: String
    let stations: [StationModel]
    let hasStations: Bool
    let journeyTitle: String
  }

  let number: Int
  let caption: String
  let columns: [String]
  let rows: [Row]

  init(_ explained: HTMLReport.ExplainedMatrix, number: Int) {
    let matrix = explained.matrix
    self.number = number
    caption = matrix.conditions
    columns = matrix.columns.map { $0.title(separator: ", ") }
    rows = zip(matrix.rows, explained.journeys).enumerated().map { place, line in
      let (row, journeys) = line
      return Row(
        name: row.design.name,
        cells: zip(row.cells, zip(matrix.columns, journeys)).enumerated().map { column, cell in
          Cell(
            cell.0, design: row.design.name, column: cell.1.0, journey: cell.1.1,
            identifier: "cell-\(number)-\(place + 1)-\(column + 1)")
        })
    }
  }
}

extension MatrixModel.Cell {
  fileprivate init(
    _ cell: ComparisonMatrix.Cell, design: String, column: ComparisonMatrix.Column,
    journey: Journey?, identifier: String
  ) {
    self.identifier = identifier
    label = cell.label(separator: " ", mark: nil)
    verdict = cell.summary?.verdict.rawValue ?? "unknown"
    heading = "\(design), \(column.title(separator: ", "))"
    why = cell.why
    command = commandLine(cell.command)
    let start = journey?.stations.first?.time
    stations = journey?.stations.map { StationModel($0, since: start) } ?? []
    hasStations = !stations.isEmpty
    journeyTitle = journey.map { "Journey of MSI \($0.index): \($0.verdict.rawValue)" } ?? ""
  }
}
