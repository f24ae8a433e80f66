package import Designs
package import Engine
import Guest

/// Plan of a matrix, before it is run.
package struct MatrixPlan: Sendable {
  package let scenario: Scenario
  package let axes: [ComparisonAxis]
  package let columns: [ComparisonMatrix.Column]
  /// The arguments by which the user named the scenario and what is to differ from it.
  private let arguments: [String]
  /// That of the scenario, with set-up by the model of the guest's kernel.
  private let workload: Workload

  /// - Parameter arguments: of `doorbell explain`: the scenario, and options besides those of the
  ///   axes and `--design`.
  package init(_ scenario: Scenario, axes: [ComparisonAxis], arguments: [String] = []) {
    self.scenario = scenario
    self.axes = axes
    self.arguments = arguments
    workload = scenario.workload.withModelledSetup
    columns = axes.reduce([[]]) { combinations, axis in
      combinations.flatMap { combination in axis.values.map { combination + [$0] } }
    }.map(ComparisonMatrix.Column.init(values:))
  }

  /// The plans that show everything that ships: guest usages alone, then with each other axis.
  package static func all(_ scenario: Scenario, arguments: [String] = []) -> [MatrixPlan] {
    [MatrixPlan(scenario, axes: [.guestUsage], arguments: arguments)]
      + ComparisonAxis.overview.filter { $0.name != ComparisonAxis.guestUsage.name }.map {
        MatrixPlan(scenario, axes: [.guestUsage, $0], arguments: arguments)
      }
  }

  /// Number of runs that it takes.
  package var runs: Int { scenario.designs.count * columns.count }

  /// The run of a number, row by row.
  func specification(_ number: Int) -> RunSpecification {
    var specification = scenario.specification(of: scenario.designs[number / columns.count])
    specification.workload = workload
    // Matrices show no latency.
    specification.spansRanges = false
    for value in columns[number % columns.count].values { value.apply(to: &specification) }
    return specification
  }

  private func cell(_ number: Int, _ outcome: ComparisonMatrix.Outcome) -> ComparisonMatrix.Cell {
    let specification = specification(number)
    return ComparisonMatrix.Cell(
      specification: specification,
      command: ["explain"] + arguments + ["--design", specification.design.reference]
        + columns[number % columns.count].arguments + outcome.arguments, outcome: outcome)
  }

  /// `matrix`, of the same designs and as many columns, with what becomes here of the cells that
  /// work there and do not work here.
  func confirming(
    _ matrix: ComparisonMatrix, progress: (Int) -> Void
  ) async -> ComparisonMatrix {
    let numbers = matrix.rows.flatMap(\.cells).indices.filter {
      matrix.rows[$0 / columns.count].cells[$0 % columns.count].works
    }
    let cells = await inParallel(numbers.indices, progress: progress) { index in
      let number = numbers[index]
      return cell(
        number,
        ComparisonMatrix.Outcome(specification(number)) { run throws(RunFailure) in
          try run.run()
        })
    }
    let failures = zip(numbers, cells).filter { !$1.works }
    return matrix.replacing(Dictionary(uniqueKeysWithValues: failures))
  }

  /// The matrix with the results of its runs, row by row.
  func matrix(_ outcomes: [ComparisonMatrix.Outcome]) -> ComparisonMatrix {
    let cells = outcomes.enumerated().map { cell($0, $1) }
    let rows = scenario.designs.indices.map { row in
      ComparisonMatrix.Row(
        design: scenario.designs[row],
        cells: Array(cells[row * columns.count..<(row + 1) * columns.count]))
    }
    return ComparisonMatrix(scenario: scenario, axes: axes, columns: columns, rows: rows)
  }
}

extension ComparisonMatrix.Outcome {
  /// Carries a run out.
  fileprivate init(_ specification: RunSpecification, by engine: Runner) {
    let design = specification.design
    if let inconsistency = design.inconsistency
      ?? design.inconsistency(with: specification.topology.controller)
    {
      self = .inconsistent(inconsistency)
      return
    }
    do throws(RunFailure) {
      self = .ran(.init(try engine(specification)))
    } catch {
      self = error.isAbsence ? .absent(error.message) : .notModelled(error.message)
    }
  }

  /// The options of `doorbell explain` that show what went wrong.
  fileprivate var arguments: [String] {
    guard case .ran(let summary) = self else { return [] }
    let device =
      summary.failingDevice > 0 ? ["--device", String(summary.failingDevice)] : []
    if summary.refusal != nil { return device + ["--setup"] }
    guard let first = summary.firstFailure, first.number > 0 else { return device }
    return device + ["--message", String(first.number)]
  }
}

/// Identity of a run of a scenario: its design, and its value on every axis.
private struct RunIdentity: Hashable {
  let row: Int
  let values: [String]
}

extension MatrixPlan {
  fileprivate func identity(_ number: Int) -> RunIdentity {
    let specification = specification(number)
    return RunIdentity(
      row: number / columns.count,
      values: ComparisonAxis.all.map { $0.value(of: specification) })
  }
}

/// The runs of several plans of one scenario, each carried out once: wherever a column has the
/// scenario's own value, plans that vary different things ask for the same.
package struct MatrixRuns: Sendable {
  private let plans: [MatrixPlan]
  /// The cells that ask for a run first, by plan and number.
  private let firsts: [(plan: Int, number: Int)]
  /// For each cell of each plan, in order, the run that it asks for.
  private let runs: [Int]

  /// Number of runs.
  package var count: Int { firsts.count }

  /// - Parameter plans: all of the same scenario.
  package init(_ plans: [MatrixPlan]) {
    var known: [RunIdentity: Int] = [:]
    var firsts: [(plan: Int, number: Int)] = []
    var runs: [Int] = []
    for (plan, each) in plans.enumerated() {
      for number in 0..<each.runs {
        let identity = each.identity(number)
        if known[identity] == nil {
          known[identity] = firsts.count
          firsts.append((plan, number))
        }
        runs.append(known[identity] ?? 0)
      }
    }
    self.plans = plans
    self.firsts = firsts
    self.runs = runs
  }

  /// Carries them out, on all cores: a matrix for each plan.
  ///
  /// - Parameters:
  ///   - progress: told how many runs are done.
  ///   - engine: function that carries the runs out.
  package func matrices(
    progress: (Int) -> Void = { _ in },
    by engine: @escaping Runner = { specification throws(RunFailure) in try specification.run() }
  ) async -> [ComparisonMatrix] {
    let outcomes = await inParallel(firsts.indices, progress: progress) { index in
      let (plan, number) = firsts[index]
      return ComparisonMatrix.Outcome(plans[plan].specification(number), by: engine)
    }
    var start = 0
    return plans.map { plan in
      defer { start += plan.runs }
      return plan.matrix(runs[start..<start + plan.runs].map { outcomes[$0] })
    }
  }
}
